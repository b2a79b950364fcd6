"""Operators' documents: what is refused is refused by name, and the parser and the schema refuse the same."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

import evertoken
from evertoken.catalogue.loader import GENERIC_IDS, parse_provider
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider import IssParameter, Pkce, RotationClass
from evertoken.domain.provider_shapes import AccountOrigin, ClientAuthentication

CATALOGUE = Path(evertoken.__file__).parent / "catalogue"
SCHEMA = jsonschema.Draft202012Validator(json.loads((CATALOGUE / "schema.json").read_text()))
SHIPPED = {
    path.stem: json.loads(path.read_text())
    for path in (CATALOGUE / "providers").glob("*.json")
    if path.stem not in GENERIC_IDS
}
OWN = {
    "extends": "oidc",
    "name": "Our login",
    "issuer": "https://login.example.com",
    "endpoints": {
        "authorization": "https://login.example.com/authorize",
        "token": "https://login.example.com/token",
    },
}
SHOP = {
    "extends": "oauth2",
    "endpoints": {
        "authorization": "https://{shop}.example.com/{tenant}/authorize",
        "token": "https://{shop}.example.com/{tenant}/token",
        "revocation": "https://api.example.com/clients/{client_id}/token",
    },
    "parameters": {
        "shop": {"description": "The shop's name."},
        "tenant": {"description": "The tenant.", "default": "common"},
    },
}


def parse(document, **options):
    return parse_provider(document, provider_id="own", **options)


def test_a_document_that_extends_oidc_has_what_it_leaves_out_from_there():
    provider = parse(OWN)
    assert (provider.provider_id, provider.name) == ("own", "Our login")
    assert provider.authorization.always_scopes == ("openid",)
    assert provider.account.origin is AccountOrigin.ID_TOKEN
    assert provider.client_authentication[0] is ClientAuthentication.CLIENT_SECRET_BASIC
    assert (provider.pkce, provider.rotation.kind, provider.iss_parameter) == (
        Pkce.UNKNOWN,
        RotationClass.UNKNOWN,
        IssParameter.UNKNOWN,
    )
    assert "endpoints" not in provider.sources


def test_the_least_document_is_a_token_endpoint_for_client_credentials():
    provider = parse({"grants": ["client_credentials"], "endpoints": {"token": "https://a.example.com/t"}})
    assert (
        provider.name,
        provider.supports("client_credentials"),
        provider.supports("authorization_code"),
    ) == ("own", True, False)


def change(document, path, value):
    changed = copy.deepcopy(document)
    *way, last = path.split(".")
    place = changed
    for part in way:
        place = place.setdefault(part, {})
    if value is ...:
        place.pop(last, None)
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("color", "red", "color is not a field"),
        ("endpoints.tokens", "https://x.example.com", "endpoints.tokens is not a field"),
        ("endpoints.token", "http://login.example.com/token", "endpoints.token must begin with https"),
        ("endpoints.token", "https://localhost/token", "endpoints.token must not be on this machine"),
        ("endpoints.token", "https://127.0.0.1/token", "endpoints.token must not be on this machine"),
        ("endpoints.token", "https://10.0.0.1/token", "endpoints.token must name its host"),
        ("endpoints.token", "https://[fd00::1]/token", "endpoints.token must name its host"),
        (
            "endpoints.token",
            "https://user:pass@login.example.com/",
            "endpoints.token must be a URL without user name",
        ),
        (
            "endpoints.token",
            "https://login.example.com/#x",
            "endpoints.token must be a URL without user name and fragment",
        ),
        ("endpoints.token", "https://LOGIN/", "endpoints.token must name a host"),
        ("endpoints.token", "https://login.example.com./token", "endpoints.token must name a host"),
        (
            "endpoints.token",
            "https://l\u00f6gin.example.com/",
            "endpoints.token must be a URL of plain ASCII",
        ),
        ("endpoints.token", "https://login.example.com/a b", "endpoints.token must be a URL of plain ASCII"),
        ("endpoints.token", "https://login.example.com:x/", "endpoints.token must be a URL"),
        ("endpoints.token", "unknown", "endpoints.token must begin with https"),
        ("endpoints.token", ..., "endpoints.token is missing"),
        ("endpoints.token", 7, "endpoints.token must be a text"),
        ("endpoints", ..., "endpoints is missing"),
        ("endpoints", [], "endpoints must be a JSON object"),
        ("endpoints.authorization", ..., "endpoints.authorization is missing"),
        ("extends", "google", "extends must be one of"),
        ("extends", ["oidc"], "extends must be one of"),
        ("id", "other", "id must be"),
        ("name", "<script>", "name must be"),
        ("issuer", "login.example.com", "issuer must begin with https"),
        ("iss_parameter", "sometimes", "iss_parameter must be one of"),
        ("grants", ["password"], "grants must be a list of"),
        ("grants", ["authorization_code", "authorization_code"], "grants must name each member once"),
        ("pkce.support", "plain", "pkce.support must be one of"),
        ("rotation.kind", "grace", "rotation.grace_seconds must be"),
        ("rotation.grace_seconds", 60, "rotation.grace_seconds must be"),
        ("lifetimes.access_token_seconds", 0, "lifetimes.access_token_seconds must be"),
        ("lifetimes.access_token_seconds", True, "lifetimes.access_token_seconds must be"),
        ("refresh.minimum_age_seconds", -1, "refresh.minimum_age_seconds must be"),
        (
            "client_authentication.methods",
            ["private_key_jwt"],
            "client_authentication.methods must be a list of",
        ),
        (
            "client_authentication.source",
            {"url": "https://x.example.com"},
            "client_authentication.source must have",
        ),
        ("authorization.parameters", {"state": "x"}, "authorization.state is set by Evertoken"),
        ("authorization.accepts", ["redirect_uri"], "authorization.redirect_uri is set by Evertoken"),
        (
            "requests.refresh.headers",
            {"Authorization": "Basic x"},
            "requests.refresh.headers.Authorization must be",
        ),
        ("requests.refresh.headers", {"X": "a\r\nb"}, "requests.refresh.headers.X must be"),
        ("requests.refresh.method", "GET", "requests.refresh.encoding must be"),
        ("requests.refresh.url", "http://x.example.com", "requests.refresh.url must begin with https"),
        (
            "requests.following_exchanges",
            [{}, {}, {}, {}],
            "requests.following_exchanges must be a list of at most 3",
        ),
        ("answer.token_paths", ["data"], "answer.token_paths must be a list"),
        ("errors", [{"class": "dead"}], r"errors\[0\].class must be one of"),
        ("errors", [{"class": "grant_dead"}], r"errors\[0\].statuses or a path"),
        ("errors", [{"class": "grant_dead", "path": "/error"}], r"errors\[0\].path and one of"),
        (
            "errors",
            [{"class": "grant_dead", "path": "/e", "equals": "a", "in": ["b"]}],
            r"errors\[0\].in cannot stand beside equals",
        ),
        ("errors", [{"class": "grant_dead", "path": "/e", "equals": True}], r"errors\[0\].equals must be"),
        ("account", {"from": "answer"}, "account.member must name"),
        ("parameters", {"shop": {"description": "x"}}, "parameters.shop is not a field"),
    ],
)
def test_what_cannot_be_is_refused_by_name(path, value, named):
    with pytest.raises(InvalidInputError, match=named):
        parse(change(OWN, path, value))


def test_an_always_sent_iss_needs_an_issuer_to_compare_with():
    with pytest.raises(InvalidInputError, match="issuer must be known"):
        parse(change(change(OWN, "iss_parameter", "always"), "issuer", "unknown"))


def test_loopback_is_admitted_by_an_explicit_argument_only():
    local = change(OWN, "endpoints.token", "http://127.0.0.1:8099/token")
    assert parse(local, allow_loopback=True).token_endpoint == "http://127.0.0.1:8099/token"
    with pytest.raises(InvalidInputError, match=r"endpoints\.token"):
        parse(local)
    with pytest.raises(InvalidInputError, match="must begin with https"):
        parse(change(OWN, "endpoints.token", "http://login.example.com/token"), allow_loopback=True)


def test_a_shipped_document_needs_its_sources():
    for section in ("endpoints", "client_authentication", "pkce", "rotation"):
        for path in (section, f"{section}.source"):
            with pytest.raises(InvalidInputError, match=section):
                parse_provider(change(SHIPPED["google"], path, ...), provider_id="google", needs_sources=True)


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_a_document_is_an_object(document):
    with pytest.raises(InvalidInputError, match="JSON object"):
        parse(document)


def test_templates_are_filled_with_one_label_in_a_host_and_one_part_in_a_path():
    provider = parse(SHOP)
    filled = provider.filled({"shop": "acme-1"})
    assert filled.token_endpoint == "https://acme-1.example.com/common/token"
    assert filled.authorization_endpoint == "https://acme-1.example.com/common/authorize"
    assert filled.revocation_endpoint == "https://api.example.com/clients/{client_id}/token"
    assert filled.filled({}) is filled
    assert provider.filled({"shop": "a", "tenant": "contoso.example.org"}).token_endpoint.endswith(
        "/contoso.example.org/token"
    )


@pytest.mark.parametrize(
    "value",
    ["", "a.b", "a.b@evil", "evil.com/#", "evil.com\x00", "x:443", "-a", "a-", "A", "a" * 64, "\u0430cme", "a\n", "a/b", "..", "[::1]",
     "a%2eb", "127.1", "\u3002", "a b", "{shop}"],
)  # fmt: skip
def test_a_label_that_could_lead_elsewhere_is_refused_by_its_parameters_name(value):
    with pytest.raises(InvalidInputError, match="shop"):
        parse(SHOP).filled({"shop": value})


@pytest.mark.parametrize(
    "value", ["", "..", ".", "a/b", "a?b", "a#b", "a%2fb", ".hidden", "a" * 129, "\u00e9"]
)
def test_a_path_part_that_could_lead_elsewhere_is_refused_by_its_parameters_name(value):
    with pytest.raises(InvalidInputError, match="tenant"):
        parse(SHOP).filled({"shop": "acme", "tenant": value})


def test_missing_and_unknown_parameters_are_refused_by_name():
    with pytest.raises(InvalidInputError, match="needs the parameter shop"):
        parse(SHOP).filled({})
    with pytest.raises(InvalidInputError, match="'region'"):
        parse(SHOP).filled({"shop": "acme", "region": "eu"})
    with pytest.raises(InvalidInputError, match="'region'"):
        parse(OWN).filled({"region": "eu"})


@pytest.mark.parametrize(
    "url",
    [
        "https://{shop}/token",
        "https://{shop}.com/token",
        "https://{shop}evil.example.com/token",
        "https://login.example.com.{shop}/token",
        "https://{client_id}.example.com/token",
        "https://login.example.com:{shop}/token",
        "https://login.example.com/a{shop}/token",
        "https://login.example.com/token?x={shop}",
        "https://{Shop}.example.com/token",
    ],
)
def test_a_placeholder_stands_only_where_its_value_cannot_choose_the_host(url):
    document = change(
        change(SHOP, "endpoints.token", url), "endpoints.authorization", "https://{shop}.example.com/{tenant}"
    )
    with pytest.raises(InvalidInputError, match=r"endpoints\.token"):
        parse(document)


def test_a_placeholder_that_is_not_described_is_refused_by_name():
    with pytest.raises(InvalidInputError, match=r"parameters\.shop is missing"):
        parse(change(SHOP, "parameters.shop", ...))


ODDITIES = [
    None,
    True,
    7,
    -1,
    1.5,
    "",
    "odd \u0007",
    "unknown",
    [],
    ["odd \u0007"],
    [7],
    {},
    {"odd": 7},
    "x" * 3000,
]


def places(document, path=()):
    """Yield the path of every member and list entry of *document*."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def put(document, path, value):
    changed = copy.deepcopy(document)
    place = changed
    for part in path[:-1]:
        place = place[part]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


@pytest.mark.parametrize("provider_id", sorted(SHIPPED))
def test_the_parser_and_the_schema_refuse_the_same_documents(provider_id):
    document = SHIPPED[provider_id]
    differences = []
    for path in places(document):
        for value in (*ODDITIES, ...):
            changed = put(document, path, value)
            by_schema = SCHEMA.is_valid(changed)
            try:
                parse_provider(changed, provider_id=provider_id)
            except InvalidInputError:
                by_parser = False
            else:
                by_parser = True
            if by_schema != by_parser and not is_the_parsers_alone(path, value):
                differences.append((path, value, f"schema {by_schema}, parser {by_parser}"))
    assert differences == []


def is_the_parsers_alone(path, value):
    """Return whether only the parser can know: an id is compared with its file, and a document without endpoints may be completed later."""
    return path in (("id",), ("endpoints",), ("endpoints", "authorization"), ("grants",)) or (
        path == ("parameters",) and value != {}
    )


@pytest.mark.parametrize("provider_id", sorted(SHIPPED))
def test_an_unknown_member_is_refused_wherever_it_stands(provider_id):
    document = SHIPPED[provider_id]
    free = {"parameters", "headers"}
    for path in [(), *places(document)]:
        place = document
        for part in path:
            place = place[part]
        if not isinstance(place, dict) or (path and path[-1] in free):
            continue
        changed = put(document, (*path, "surprise"), "x")
        assert not SCHEMA.is_valid(changed)
        with pytest.raises(InvalidInputError, match="surprise is not a field"):
            parse_provider(changed, provider_id=provider_id)
