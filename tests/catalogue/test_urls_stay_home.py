"""Whatever a document says and whatever values are given, what is accepted leads to the host that the document fixes."""

import re
from urllib.parse import urlsplit

from hypothesis import given, settings, strategies

from evertoken.catalogue.loader import parse_provider
from evertoken.domain.errors import InvalidInputError

LABELS = ["{a}", "{b}", "{a}{b}", "x{a}", "-{a}", "{client_id}", "api", "127", "1", ""]
ENDS = ["example.com", "com", "{a}", "{b}", "1", "example.com.", "example.com:443", "localhost", ""]
SEGMENTS = ["t", "{a}", "{b}", "x{a}", "{client_id}", "..", "%2e%2e", "{", "t?q={a}", ""]
CHOICES, SUFFIX = ["com", "eu", "api.ok.example"], ".my.example.com"
KINDS = [
    {},
    {"default": "acme"},
    {"choices": CHOICES},
    {"suffixes": [SUFFIX]},
    {"choices": ["api.ok.example"], "suffixes": [SUFFIX]},
    {"operator_host": True},
]
VALUES = [
    *CHOICES,
    *("acme", "acme.my.example.com", "login.acme.example", "evil.com", "evil.com/.my.example.com", "a.b.my.example.com"),
    *("", ".", "..", "/", "evil.com/", "evil.com#", "evil.com?", "a@evil.com", "a\\", "a\n", "a:80", "%2f", "{b}", "-a", "ACME", "127.0.0.1"),
]  # fmt: skip
DNS_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"


def may_stand_in_a_host(kind, value, *, by_operator):
    if value in kind.get("choices", ()):
        return True
    if kind.get("operator_host"):
        return by_operator and re.fullmatch(rf"(?:{DNS_LABEL}\.)+[a-z][a-z0-9-]*", value)
    if "suffixes" in kind:
        return re.fullmatch(DNS_LABEL + re.escape(SUFFIX), value)
    return "choices" not in kind and re.fullmatch(DNS_LABEL, value)


@settings(max_examples=2000, deadline=None, derandomize=True)
@given(
    host=strategies.lists(strategies.sampled_from(LABELS), max_size=2),
    end=strategies.sampled_from(ENDS),
    path=strategies.lists(strategies.sampled_from(SEGMENTS), max_size=2),
    kinds=strategies.fixed_dictionaries(dict.fromkeys("ab", strategies.sampled_from(KINDS))),
    values=strategies.lists(
        strategies.fixed_dictionaries(dict.fromkeys("ab", strategies.sampled_from(VALUES))), max_size=8
    ),
    by_operator=strategies.booleans(),
)
def test_no_value_leads_to_another_host_or_a_parent_path(host, end, path, kinds, values, by_operator):
    url = f"https://{'.'.join([*host, end])}/{'/'.join(path)}"
    used = {name: kind for name, kind in kinds.items() if f"{{{name}}}" in url}
    document = {
        "grants": ["client_credentials"],
        "endpoints": {"token": url},
        "parameters": {name: {"description": "x", **kind} for name, kind in used.items()},
    }
    try:
        provider = parse_provider(document, provider_id="own")
    except InvalidInputError:
        return
    template = urlsplit(url)
    in_host = [name for name in used if f"{{{name}}}" in template.netloc]
    for name in in_host:
        if not used[name].keys() - {"default"}:
            fixed = template.netloc.rpartition(f"{{{name}}}")[2].partition(":")[0]
            assert all(f"{{{other}}}" not in fixed or "choices" in used[other] for other in in_host), url
            assert fixed.count(".") >= 2, url
    for one in values:
        given_values = {name: one[name] for name in used}
        try:
            filled = provider.filled(given_values, by_operator=by_operator, whole=True).token_endpoint
        except InvalidInputError:
            continue
        parts = urlsplit(filled)
        expected = template.netloc
        for name in in_host:
            assert may_stand_in_a_host(used[name], one[name], by_operator=by_operator), (url, given_values)
            expected = expected.replace(f"{{{name}}}", one[name])
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
            "https",
            expected,
            template.query,
            "",
        )
        for segment, pattern in zip(parts.path.split("/"), template.path.split("/"), strict=True):
            assert segment == pattern or segment not in ("", ".", "..")
