"""A request made after its shape: parameters renamed or left out, placeholders filled, the client proved; the rest is as the RFCs have it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from evertoken.domain.http import HttpRequest
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import Encoding, RequestShape
from evertoken.protocol.client_authentication import prove_client

USER_AGENT = "evertoken"
_NOTHING: Mapping[str, str] = {}
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_.-]*)\}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_OWN_HEADERS = {"accept": "Accept", "user-agent": "User-Agent"}
_PARENTS = (".", "..")


def build_shaped_request(
    ready: ReadyClient,
    shape: RequestShape,
    url: str,
    own: Mapping[str, str],
    *,
    known: Mapping[str, str] = _NOTHING,
    tokens: Mapping[str, str] = _NOTHING,
    assertion: str | None = None,
) -> HttpRequest:
    """Return the request of *shape* to *url* with the parameters *own*, which have their standard names and win over the shape's fixed ones.

    *known* fills the placeholders of fixed parameters and headers; one with a placeholder that nothing fills is not sent. *tokens* are what the shape's
    `Authorization` header may carry, by the names of `HeaderCredential`. *assertion* is the signed proof of the client.

    Raises:
        InvalidInputError: the client cannot be proved as the registration says; the message names the mend.
        ValueError: *assertion* is missing, or there is one too many.
    """
    proof = prove_client(ready, shape, assertion=assertion)
    standard = {"grant_type": shape.grant_type} if shape.grant_type is not None else {}
    standard |= own
    standard |= proof.parameters
    if shape.names or shape.omits:
        standard = {
            shape.names.get(name, name): value for name, value in standard.items() if name not in shape.omits
        }
    parameters = standard
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if shape.parameters or shape.headers:
        known = {**known, "client_id": ready.registration.client_id}
        parameters = {**_fill_values(shape.parameters, known), **standard}
        for name, value in _fill_values(shape.headers, known).items():
            if _HEADER_VALUE.fullmatch(value):
                headers[_OWN_HEADERS.get(name.lower(), name)] = value
    headers |= proof.headers
    if shape.authorization_header is not None:
        credential = _find_credential(ready, shape.authorization_header.credential, tokens)
        if credential is not None:
            headers["Authorization"] = f"{shape.authorization_header.scheme} {credential}"
    body = b""
    query: tuple[tuple[str, str], ...] = ()
    if shape.encoding is Encoding.QUERY:
        query = tuple(parameters.items())
    elif parameters and shape.encoding is Encoding.JSON:
        headers["Content-Type"] = "application/json"
        body = json.dumps(parameters, ensure_ascii=False).encode()
    elif parameters:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(parameters).encode("ascii")
    return HttpRequest(method=shape.method, url=url, headers=headers, query=query, body=body)


def fill_url(ready: ReadyClient, url: str, known: Mapping[str, str]) -> str | None:
    """Return *url* with each placeholder replaced, or None where *known* and the registration leave one open.

    A value is one path segment, whatever is in it: it is percent-encoded whole, and one that would lead to a parent is none.
    """
    if "{" not in url:
        return url
    segments = {
        name: quote(value, safe="")
        for name, value in {**known, "client_id": ready.registration.client_id}.items()
        if value not in _PARENTS
    }
    return fill_placeholders(url, segments)


def fill_placeholders(text: str, known: Mapping[str, str]) -> str | None:
    """Return *text* with each `{name}` replaced, or None where *known* has nothing for one of them."""
    if "{" not in text:
        return text
    if not all(known.get(name) for name in _PLACEHOLDER.findall(text)):
        return None
    return _PLACEHOLDER.sub(lambda match: known[match[1]], text)


def _fill_values(texts: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    filled = ((name, fill_placeholders(text, known)) for name, text in texts.items())
    return {name: text for name, text in filled if text is not None}


def _find_credential(ready: ReadyClient, name: str, tokens: Mapping[str, str]) -> str | None:
    credential = ready.client_secret if name == "client_secret" else tokens.get(name)
    return credential if credential is not None and _HEADER_VALUE.fullmatch(credential) else None
