"""The members that every request of a provider document may have."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_patterns import (
    PARAMETER_MEND,
    PARAMETER_NAME,
    PARAMETER_NAME_MEND,
    PARAMETER_VALUE,
    SCHEME,
    SCHEME_MEND,
)
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading
from evertoken.catalogue.placeholders import REQUEST_VALUE
from evertoken.domain.request_shape import AuthorizationHeader, HeaderCredential

_HEADER_NAME = re.compile(
    r"(?!(?i:authorization|host|content-length|content-type|transfer-encoding|connection|cookie|proxy-.*)\Z)[A-Za-z0-9-]{1,64}"
)
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,256}")
_GRANT_TYPE = re.compile(r"[A-Za-z0-9:._/-]{1,128}")
_TOKEN_PARAMETER = re.compile(r"[A-Za-z0-9_.-]{0,64}")


class StandardParameter(StrEnum):
    """The parameters that a request may rename or leave out."""

    GRANT_TYPE = "grant_type"
    CLIENT_ID = "client_id"
    CLIENT_SECRET = "client_secret"  # noqa: S105  # a name, no secret
    CODE = "code"
    REDIRECT_URI = "redirect_uri"
    CODE_VERIFIER = "code_verifier"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # likewise
    TOKEN = "token"  # noqa: S105  # likewise
    SCOPE = "scope"
    STATE = "state"
    USERNAME = "username"
    PASSWORD = "password"  # noqa: S105  # likewise
    SUBJECT_TOKEN = "subject_token"  # noqa: S105  # likewise
    SUBJECT_TOKEN_TYPE = "subject_token_type"  # noqa: S105  # likewise
    ASSERTION = "assertion"
    CLIENT_ASSERTION = "client_assertion"
    CLIENT_ASSERTION_TYPE = "client_assertion_type"
    DEVICE_CODE = "device_code"
    TOKEN_TYPE_HINT = "token_type_hint"  # noqa: S105  # likewise


_STANDARD_PARAMETER = re.compile("|".join(StandardParameter))
_NAMES_MEND = f"must be one of {', '.join(StandardParameter)}, and its name there."


def parse_authorization_header(reader: DocumentReader | None) -> AuthorizationHeader | None:
    """Return the member `authorization_header`. Reports to the reader."""
    if reader is None:
        return None
    scheme = reader.text("scheme", pattern=SCHEME, mend=SCHEME_MEND)
    credential = reader.find_choice("credential", HeaderCredential)
    for member, value in (("scheme", scheme), ("credential", credential)):
        if value is None:
            reader.report(member, "is missing. The header is a scheme and a credential.")
    reader.close()
    return AuthorizationHeader(scheme=scheme, credential=credential) if scheme and credential else None


def take_grant_type(reader: DocumentReader, default: str | None) -> str | None:
    """Take `grant_type`, null included. Reports to the reader."""
    if not reader.has("grant_type"):
        return default
    if reader.peek("grant_type") is None:
        reader.take("grant_type")
        return None
    return reader.text("grant_type", pattern=_GRANT_TYPE, mend="must be a grant type, or null to send none.")


def take_token_parameter(reader: DocumentReader, default: str | None) -> str | None:
    """Take `token_parameter`, which may be empty. Reports to the reader."""
    if not reader.has("token_parameter"):
        return default
    return reader.text(
        "token_parameter",
        pattern=_TOKEN_PARAMETER,
        mend=f"{PARAMETER_NAME_MEND} Empty, it is not sent as one.",
    )


def take_names(reader: DocumentReader) -> dict[str, str]:
    """Take `names`: standard parameters and what they are called there. Reports to the reader."""
    return reader.mapping("names", names=_STANDARD_PARAMETER, values=PARAMETER_NAME, mend=_NAMES_MEND)


def take_parameters(reader: DocumentReader, reading: Reading) -> dict[str, str]:
    """Take the fixed `parameters`. Reports to the reader."""
    parameters = reader.mapping(
        "parameters", names=PARAMETER_NAME, values=PARAMETER_VALUE, mend=PARAMETER_MEND
    )
    reading.placeholders.note_values(reader.name_of("parameters"), parameters, REQUEST_VALUE)
    return parameters


def take_headers(reader: DocumentReader, reading: Reading) -> dict[str, str]:
    """Take the fixed `headers`. Reports to the reader."""
    headers = reader.mapping(
        "headers",
        names=_HEADER_NAME,
        values=_HEADER_VALUE,
        mend="must be a header that is not ours to set (Authorization, Host, Content-Type …) and a text of plain ASCII.",
    )
    by_name: dict[str, str] = {}
    for name in headers:
        # The names of headers are one in any case (RFC 9110 section 5.1).
        first = by_name.setdefault(name.lower(), name)
        if first != name:
            reader.report(f"headers.{name}", f"is the same header as {first}. Name it once.")
    reading.placeholders.note_values(reader.name_of("headers"), headers, REQUEST_VALUE)
    return headers
