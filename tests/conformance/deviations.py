"""A right request, and everything that could be a little wrong with it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.conformance.calls import FORM_TYPE, JSON_TYPE, Call

OPTIONAL = frozenset({"token_type_hint"})
"""Parameters that a server must do without (RFC 7009 section 2.1)."""
OPTIONAL_IN_JWT_BEARER = frozenset({"scope"})
UNJUDGED_HEADERS = frozenset({"accept", "accept-encoding", "content-length", "host", "connection"})


def deviations_of(
    call: Call, *, fixed_headers: frozenset[str], optional: frozenset[str]
) -> Iterator[tuple[str, Call]]:
    """Every deviation with its name: another place, a parameter too few or too many, a header that is missing."""
    yield "another method", replace(call, method="PUT")
    yield "another host", replace(call, host=f"other.{call.host}")
    path, mark, query = call.target.partition("?")
    yield "another path", replace(call, target=f"{path}/more{mark}{query}")
    for name, value in call.query:
        if name not in optional:
            rest = [pair for pair in call.query if pair != (name, value)]
            yield f"no {name}", replace(call, target=f"{path}?{urlencode(rest)}" if rest else path)
    yield "one more in the query", replace(call, target=f"{path}?{urlencode([*call.query, ('extra', '1')])}")
    content_type = call.headers.get("content-type", "")
    if content_type.startswith((FORM_TYPE, JSON_TYPE)):
        yield from _of_body(call, is_json=content_type.startswith(JSON_TYPE), optional=optional)
    if "authorization" in call.headers:
        yield "no Authorization header", replace(call, headers=_without(call, "authorization"))
        yield (
            "another Authorization header",
            replace(call, headers={**call.headers, "authorization": "Bearer other"}),
        )
    else:
        yield (
            "an Authorization header",
            replace(call, headers={**call.headers, "authorization": "Bearer one-too-many"}),
        )
    yield "no User-Agent", replace(call, headers=_without(call, "user-agent"))
    yield "one more header", replace(call, headers={**call.headers, "x-extra": "1"})
    for name in fixed_headers & call.headers.keys():
        yield f"no header {name}", replace(call, headers=_without(call, name))
        yield f"another header {name}", replace(call, headers={**call.headers, name: "other"})


def _of_body(call: Call, *, is_json: bool, optional: frozenset[str]) -> Iterator[tuple[str, Call]]:
    pairs = (
        list(json.loads(call.body).items())
        if is_json
        else parse_qsl(call.body.decode(), keep_blank_values=True)
    )

    def with_body(changed: list[tuple[str, str]]) -> Call:
        body = json.dumps(dict(changed)).encode() if is_json else urlencode(changed).encode()
        return replace(call, body=body)

    for name, value in pairs:
        if name not in optional:
            yield f"no {name}", with_body([pair for pair in pairs if pair != (name, value)])
            yield (
                f"{name} under another name",
                with_body([(f"{one}x" if one == name else one, text) for one, text in pairs]),
            )
    yield "one more in the body", with_body([*pairs, ("extra", "1")])
    other = FORM_TYPE if is_json else JSON_TYPE
    body = urlencode(pairs).encode() if is_json else json.dumps(dict(pairs)).encode()
    yield "another encoding", replace(call, headers={**call.headers, "content-type": other}, body=body)
    yield (
        "the parameters in the query",
        replace(
            call,
            target=f"{urlsplit(call.target).path}?{urlencode(pairs)}",
            headers=_without(call, "content-type"),
            body=b"",
        ),
    )


def _without(call: Call, name: str) -> dict[str, str]:
    return {header: value for header, value in call.headers.items() if header != name}
