"""The part of a provider document that says how requests look."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.endpoint_url import find_url_problem
from evertoken.domain.provider_shapes import (
    RFC_AUTHORIZATION,
    RFC_CLIENT_CREDENTIALS,
    RFC_CODE_EXCHANGE,
    RFC_REFRESH,
    RFC_REVOCATION,
    AuthorizationShape,
    ClientAuthentication,
    ClientPart,
    Encoding,
    RequestShape,
)

PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
PARAMETER_NAME_MEND = "must be a parameter's name: letters, digits, '_', '.', '-', at most 64."
_PARAMETER_VALUE = re.compile(r"[^\x00-\x1f\x7f]{1,1024}")
_HEADER_NAME = re.compile(
    r"(?!(?i:authorization|host|content-length|content-type|transfer-encoding|connection|cookie|proxy-.*)\Z)[A-Za-z0-9-]{1,64}"
)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,256}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
_GRANT_TYPE = re.compile(r"[A-Za-z0-9:._/-]{1,128}")
_SEPARATOR = re.compile(r"[ ,;+|]")
_OWN_PARAMETERS = frozenset(
    {
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
    }
)
_MAX_FOLLOWING_EXCHANGES = 3


class Method(StrEnum):
    """The methods that a request may have."""

    POST = "POST"
    GET = "GET"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestShapes:
    """Every request of a provider."""

    code_exchange: RequestShape = RFC_CODE_EXCHANGE
    following_exchanges: tuple[RequestShape, ...] = ()
    refresh: RequestShape = RFC_REFRESH
    client_credentials: RequestShape = RFC_CLIENT_CREDENTIALS
    revocation: RequestShape = RFC_REVOCATION


def parse_requests(reader: DocumentReader | None, *, allow_loopback: bool) -> RequestShapes:
    """Return the requests that the section `requests` describes; what it leaves out is as the RFCs have it. Raises InvalidInputError."""
    if reader is None:
        return RequestShapes()

    def shape(member: str, default: RequestShape) -> RequestShape:
        section = reader.object(member)
        return default if section is None else _parse_request(section, default, allow_loopback=allow_loopback)

    shapes = RequestShapes(
        code_exchange=shape("code_exchange", RFC_CODE_EXCHANGE),
        following_exchanges=tuple(
            _parse_request(section, RequestShape(), allow_loopback=allow_loopback)
            for section in reader.objects("following_exchanges", limit=_MAX_FOLLOWING_EXCHANGES)
        ),
        refresh=shape("refresh", RFC_REFRESH),
        client_credentials=shape("client_credentials", RFC_CLIENT_CREDENTIALS),
        revocation=shape("revocation", RFC_REVOCATION),
    )
    reader.close()
    return shapes


def _parse_request(reader: DocumentReader, default: RequestShape, *, allow_loopback: bool) -> RequestShape:
    url = reader.text("url")
    problem = None if url is None else find_url_problem(url, allow_loopback=allow_loopback)
    if problem:
        raise reader.refuse("url", problem)
    authentication = reader.find_choice("client_authentication", ClientAuthentication)
    shape = replace(
        default,
        url=url,
        method=reader.choice("method", Method, Method(default.method)).value,
        encoding=reader.choice("encoding", Encoding, default.encoding),
        client=reader.choice("client", ClientPart, default.client),
        client_authentication=authentication,
        grant_type=reader.text("grant_type", pattern=_GRANT_TYPE, mend="must be a grant type.")
        or default.grant_type,
        token_parameter=reader.text("token_parameter", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND)
        or default.token_parameter,
        parameters=reader.mapping(
            "parameters",
            names=PARAMETER_NAME,
            values=_PARAMETER_VALUE,
            mend="must be a parameter's name and a text.",
        ),
        headers=reader.mapping(
            "headers",
            names=_HEADER_NAME,
            values=_HEADER_VALUE,
            mend="must be a header that is not ours to set (Authorization, Host, Content-Type …) and a text of plain ASCII.",
        ),
    )
    if shape.method == Method.GET and shape.encoding is not Encoding.QUERY:
        raise reader.refuse("encoding", 'must be "query" where the method is GET.')
    reader.close()
    return shape


def parse_authorization(reader: DocumentReader | None) -> AuthorizationShape:
    """Return how authorization URLs look, from the section `authorization`. Raises InvalidInputError."""
    if reader is None:
        return RFC_AUTHORIZATION
    parameters = reader.mapping(
        "parameters",
        names=PARAMETER_NAME,
        values=_PARAMETER_VALUE,
        mend="must be a parameter's name and a text.",
    )
    accepts = reader.texts("accepts", pattern=PARAMETER_NAME, mend=PARAMETER_NAME_MEND, limit=32)
    for name in (*parameters, *accepts):
        if name in _OWN_PARAMETERS:
            raise reader.refuse(
                name, "is set by Evertoken itself and cannot be set by a document or a caller."
            )
    shape = AuthorizationShape(
        scope_separator=reader.text("scope_separator", pattern=_SEPARATOR, mend="must be one of: ' ' , ; + |")
        or " ",
        always_scopes=reader.texts("always_scopes", pattern=_SCOPE, mend="must be a scope.", limit=32),
        parameters=parameters,
        accepts=frozenset(accepts),
    )
    reader.close()
    return shape
