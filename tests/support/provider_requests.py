"""Reads requests to the scripted provider strictly: what the specifications forbid is a violation."""

import base64
import binascii
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

FORM = "application/x-www-form-urlencoded"


class Reply(NamedTuple):
    """An answer of the provider."""

    status: int
    headers: dict[str, str]
    body: bytes


class ProtocolViolationError(Exception):
    """The request breaks a rule; the message names the rule and never a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it arrived; header names are lower case."""

    method: str
    endpoint: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Credentials(NamedTuple):
    """Who the client says it is, and by which method; the method is "none" without a secret."""

    client_id: str
    secret: str
    method: str


def parse_form(call: Call) -> dict[str, str]:
    """The form of a token or revocation request.

    Raises:
        ProtocolViolationError: method, content type, query, encoding, or an empty or repeated parameter (RFC 6749
            sections 2.3.1 and 3.2, appendix B).
    """
    if call.method != "POST":
        raise ProtocolViolationError("the method is not POST")
    if call.query:
        raise ProtocolViolationError("there are parameters in the URI")
    media_type, _, parameters = call.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != FORM:
        raise ProtocolViolationError("the content type is not form encoding")
    if parameters.strip() and parameters.strip().lower().replace('"', "") != "charset=utf-8":
        raise ProtocolViolationError("the content type has an unknown parameter")
    try:
        pairs = parse_qsl(
            call.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(call.body), errors="strict"
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise ProtocolViolationError("the body is not form encoded UTF-8") from error
    counts = Counter(name for name, _ in pairs)
    if any(count > 1 for count in counts.values()):
        raise ProtocolViolationError("a parameter is repeated")
    if any(not value for _, value in pairs):
        raise ProtocolViolationError("a parameter is empty")
    return dict(pairs)


def parse_credentials(call: Call, form: Mapping[str, str]) -> Credentials:
    """The client's credentials from the header or the form.

    Raises:
        ProtocolViolationError: two methods at once (RFC 6749 section 2.3), or a header that cannot be read.
    """
    header = call.headers.get("authorization", "")
    if not header:
        return Credentials(
            form.get("client_id", ""),
            form.get("client_secret", ""),
            "post" if "client_secret" in form else "none",
        )
    if "client_secret" in form:
        raise ProtocolViolationError("two client authentication methods at once")
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise ProtocolViolationError("the authorization scheme is not Basic")
    try:
        client_id, colon, secret = base64.b64decode(value, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        # RFC 6749 section 2.3.1: both halves are form encoded first, so what is inside is ASCII.
        raise ProtocolViolationError("the Basic credentials are not form encoded before base64") from error
    if not colon:
        raise ProtocolViolationError("the Basic credentials have no colon")
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if form.get("client_id", client_id) != client_id:
        raise ProtocolViolationError("the form names another client than the header")
    return Credentials(client_id, secret, "basic")
