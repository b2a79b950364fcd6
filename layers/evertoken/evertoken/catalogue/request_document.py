"""The part of a provider document that says how requests look."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum

from evertoken.catalogue.assertion_document import parse_assertion
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section, read_url
from evertoken.catalogue.placeholders import REQUEST_PATH
from evertoken.catalogue.request_members import (
    StandardParameter,
    parse_authorization_header,
    take_grant_type,
    take_headers,
    take_names,
    take_parameters,
    take_token_parameter,
)
from evertoken.domain.assertion import RFC_ASSERTION, AssertionShape
from evertoken.domain.request_shape import (
    RFC_REQUESTS,
    ClientAuthentication,
    ClientPart,
    Encoding,
    RequestShape,
    RequestShapes,
)

_URL_PATH = re.compile(r"(?:/[A-Za-z0-9_.~-]{1,64}){1,6}")
_MAX_FOLLOWING_EXCHANGES = 3
_AUTHORIZATION = RequestShape(client=ClientPart.ABSENT)
"""Its parameters are those of the authorization URL, client_id among them; the client is not authenticated (RFC 6749 section 4.1.1)."""


class Method(StrEnum):
    """The methods that a request may have."""

    POST = "POST"
    GET = "GET"
    DELETE = "DELETE"


def parse_requests(reader: DocumentReader | None, reading: Reading) -> tuple[RequestShapes, AssertionShape]:
    """Return the requests that the section `requests` describes, and the assertion of its JWT bearer grant; what it leaves out is as the RFCs have it.

    What stands under `names`, `headers` and `parameters` of the section itself goes under those of every request. Reports to the reader.
    """
    if reader is None:
        return RFC_REQUESTS, RFC_ASSERTION
    common = _Common.read(reader, reading)

    def shape(member: str, default: RequestShape) -> RequestShape:
        section = reader.object(member)
        if section is None:
            return common.under(default)
        parsed = common.under(_parse_request(section, default, reading))
        section.close()
        return parsed

    grant_assertion = RFC_ASSERTION
    jwt_bearer = RFC_REQUESTS.jwt_bearer
    if (section := reader.object("jwt_bearer")) is not None:
        grant_assertion = parse_assertion(section.object("assertion"), reading)
        jwt_bearer = _parse_request(section, jwt_bearer, reading)
        section.close()
    authorization, url_path = _parse_authorization_request(reader.object("authorization"), reading)
    following = []
    for section in reader.objects("following_exchanges", limit=_MAX_FOLLOWING_EXCHANGES):
        following.append(common.under(_parse_request(section, RequestShape(), reading)))
        section.close()
    shapes = RequestShapes(
        authorization=None if authorization is None else common.under(authorization),
        authorization_url_path=url_path,
        code_exchange=shape("code_exchange", RFC_REQUESTS.code_exchange),
        following_exchanges=tuple(following),
        refresh=shape("refresh", RFC_REQUESTS.refresh),
        client_credentials=shape("client_credentials", RFC_REQUESTS.client_credentials),
        user_token=shape("user_token", RFC_REQUESTS.user_token),
        session_login=shape("session_login", RFC_REQUESTS.session_login),
        token_exchange=shape("token_exchange", RFC_REQUESTS.token_exchange),
        device_authorization=shape("device_authorization", RFC_REQUESTS.device_authorization),
        device_code=shape("device_code", RFC_REQUESTS.device_code),
        jwt_bearer=common.under(jwt_bearer),
        revocation=shape("revocation", RFC_REQUESTS.revocation),
    )
    close_section(reader, "requests", reading)
    return shapes, grant_assertion


class _Common:
    """What goes under every request's own names, parameters and headers."""

    def __init__(self, names: dict[str, str], parameters: dict[str, str], headers: dict[str, str]) -> None:
        self._names, self._parameters, self._headers = names, parameters, headers
        self._is_empty = not (names or parameters or headers)

    @staticmethod
    def read(reader: DocumentReader, reading: Reading) -> _Common:
        return _Common(take_names(reader), take_parameters(reader, reading), take_headers(reader, reading))

    def under(self, shape: RequestShape) -> RequestShape:
        if self._is_empty:
            return shape
        return replace(
            shape,
            names={**self._names, **shape.names},
            parameters={**self._parameters, **shape.parameters},
            headers=self._headers_under(shape),
        )

    def _headers_under(self, shape: RequestShape) -> dict[str, str]:
        # The names of headers are one in any case (RFC 9110 section 5.1): "ACCEPT" and "Accept" must not both be sent.
        own = {name.lower() for name in shape.headers}
        return {
            **{name: value for name, value in self._headers.items() if name.lower() not in own},
            **shape.headers,
        }


def _parse_authorization_request(
    reader: DocumentReader | None, reading: Reading
) -> tuple[RequestShape | None, str]:
    if reader is None:
        return None, ""
    url_path = reader.text(
        "url_path", pattern=_URL_PATH, mend="must be a JSON pointer such as /data/redirect_url."
    )
    shape = _parse_request(reader, _AUTHORIZATION, reading)
    if url_path is None:
        reader.report(
            "url_path", "is missing. Say where in the answer the URL is, such as /data/redirect_url."
        )
    reader.close()
    return shape, url_path or ""


def _parse_request(reader: DocumentReader, default: RequestShape, reading: Reading) -> RequestShape:
    shape = replace(
        default,
        url=read_url(reader, "url", reading, place=REQUEST_PATH),
        method=reader.choice("method", Method, Method(default.method)).value,
        encoding=reader.choice("encoding", Encoding, default.encoding),
        client=reader.choice("client", ClientPart, default.client),
        client_authentication=reader.find_choice("client_authentication", ClientAuthentication),
        authorization_header=parse_authorization_header(reader.object("authorization_header")),
        grant_type=take_grant_type(reader, default.grant_type),
        token_parameter=take_token_parameter(reader, default.token_parameter),
        names=take_names(reader),
        omits=frozenset(parameter.value for parameter in reader.choices("omits", StandardParameter)),
        parameters=take_parameters(reader, reading),
        headers=take_headers(reader, reading),
    )
    if shape.method == Method.GET and shape.encoding is not Encoding.QUERY:
        reader.report("encoding", 'must be "query" where the method is GET.')
    return shape
