"""An HTTP API event (payload format 2.0) as one frozen value, read once and strictly."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from evertoken.domain.errors import InvalidInputError

LARGEST_BODY = 16_384
MOST_PARAMETERS = 50
CORRELATION_HEADER = "X-Correlation-Id"
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEvent:
    """A request as it came. Header names are lower-case; query and body are kept raw, because the gateway joins repeated
    parameters with commas and only the raw text shows that they were repeated.
    """

    method: str
    headers: Mapping[str, str] = field(repr=False)
    raw_query: str = field(repr=False)
    body: bytes | None = field(repr=False)
    """None when it is longer than the route takes or cannot be decoded."""
    domain_name: str
    source_ip: str
    """From the gateway, never from a header that a caller can write."""
    user_agent: str = field(repr=False)
    iam_user_arn: str
    """Who signed the request, as the gateway verified it (SigV4); empty on every route that it does not authorize so."""
    correlation_id: str

    def content_type(self) -> str:
        """Return the media type of the body, lower-case and without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def base_url(self, public_base_url: str) -> str:
        """Return the address of this API: the configured one, else the gateway's own name for it, never the Host header."""
        return public_base_url or f"https://{self.domain_name}"


def read_event(event: Mapping[str, Any], *, largest_body: int = LARGEST_BODY) -> HttpEvent:
    """Return the request of an HTTP API event; never raises for what a caller can send."""
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return HttpEvent(
        method=str(http.get("method", "")),
        headers=headers,
        raw_query=str(event.get("rawQueryString") or ""),
        body=_read_body(event, largest_body),
        domain_name=str(context.get("domainName") or ""),
        source_ip=str(http.get("sourceIp") or ""),
        user_agent=_printable(str(http.get("userAgent") or "")[:256]),
        iam_user_arn=str(((context.get("authorizer") or {}).get("iam") or {}).get("userArn") or ""),
        correlation_id=_correlation_id(headers.get(CORRELATION_HEADER.lower(), "")),
    )


def parse_parameters(raw: str) -> dict[str, str]:
    """Return the parameters of a raw query string or form.

    Raises:
        InvalidInputError: one is repeated, there are too many, or the text is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise InvalidInputError(
            "The query or form cannot be read: use UTF-8 and at most 50 parameters."
        ) from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise InvalidInputError("A parameter is repeated. Send each once.")
    return parameters


def _read_body(event: Mapping[str, Any], largest_body: int) -> bytes | None:
    body = event.get("body") or ""
    if not isinstance(body, str) or len(body) > 2 * largest_body:
        return None
    try:
        content = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        return None
    return content if len(content) <= largest_body else None


def _printable(text: str) -> str:
    """Return *text* with a `?` for every character that could end a line, or move a terminal's cursor, where the text is read."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _correlation_id(offered: str) -> str:
    return offered if _CORRELATION_ID.fullmatch(offered) else secrets.token_hex(16)
