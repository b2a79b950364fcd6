"""What came of asking for a device code (RFC 8628 section 3.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from evertoken.domain.http import HttpAnswer, HttpExchange
from evertoken.domain.outcome import Failure
from evertoken.domain.provider import Provider
from evertoken.domain.request_shape import Operation
from evertoken.protocol.answer_body import find_at
from evertoken.protocol.answer_failure import PROVIDER_PROTOCOL, make_unknown, read_answer
from evertoken.protocol.number import find_number
from evertoken.protocol.token_members import find_member

DEFAULT_INTERVAL_SECONDS = 5
"""RFC 8628 section 3.2."""
MAX_INTERVAL_SECONDS = 3600
ASSUMED_LIFETIME_SECONDS = 300
"""What a device code is taken to live where the answer does not say, which it must."""
MAX_LIFETIME_SECONDS = 86_400
MAX_USER_CODE_CHARACTERS = 64
MAX_URI_CHARACTERS = 2048
_DEVICE_CODE = re.compile(r"[\x21-\x7e]{1,8192}")
_URI = re.compile(r"[\x21-\x7e]+")
_URI_NAMES = ("verification_uri", "verification_url")
"""The second is what servers from before the RFC say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAuthorization:
    """What the user is shown (`user_code`, to be typed at `verification_uri`; `verification_uri_complete` holds both), and what we ask with.

    The token endpoint is asked no oftener than every `interval_seconds`, until `expires_at`.
    """

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = field(repr=False)
    expires_at: datetime
    interval_seconds: int


def parse_device_authorization(
    provider: Provider, exchange: HttpExchange, sent_at: datetime
) -> DeviceAuthorization | Failure:
    """Return the device authorization that *exchange* brought, or the failure; never raises.

    Nobody is sent anywhere but to an https page (on the local stage, to a page of the provider's own scheme).
    """
    body = read_answer(provider, Operation.DEVICE_CODE, exchange, sent_at)
    if isinstance(body, Failure):
        return body
    for path in provider.answer.token_paths:
        members = find_at(body.document, path)
        if isinstance(members, Mapping) and (found := _parse_members(provider, members, sent_at)):
            return found
    assert isinstance(exchange, HttpAnswer)
    return make_unknown(provider, exchange, PROVIDER_PROTOCOL, body.document, sent_at)


def _parse_members(
    provider: Provider, members: Mapping[str, Any], sent_at: datetime
) -> DeviceAuthorization | None:
    shape = provider.answer
    device_code = find_member(shape, members, "device_code")
    user_code = find_member(shape, members, "user_code")
    page = next((uri for name in _URI_NAMES if (uri := _find_uri(provider, members.get(name)))), None)
    if not isinstance(device_code, str) or _DEVICE_CODE.fullmatch(device_code) is None:
        return None
    if not _is_shown(user_code) or page is None:
        return None
    lifetime = find_number(members.get("expires_in"))
    if lifetime is None or lifetime <= 0:
        lifetime = ASSUMED_LIFETIME_SECONDS
    interval = find_number(members.get("interval"))
    if interval is None or interval <= 0:
        interval = DEFAULT_INTERVAL_SECONDS
    return DeviceAuthorization(
        device_code=device_code,
        user_code=user_code,
        verification_uri=page,
        verification_uri_complete=_find_uri(provider, members.get("verification_uri_complete")),
        expires_at=sent_at + timedelta(seconds=math.floor(min(lifetime, MAX_LIFETIME_SECONDS))),
        interval_seconds=math.ceil(min(interval, MAX_INTERVAL_SECONDS)),
    )


def _is_shown(user_code: Any) -> bool:
    return (
        isinstance(user_code, str)
        and 0 < len(user_code) <= MAX_USER_CODE_CHARACTERS
        and user_code.isprintable()
        and not user_code.isspace()
    )


def _find_uri(provider: Provider, value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_URI_CHARACTERS or _URI.fullmatch(value) is None:
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    # An endpoint without TLS is admitted on the local stage alone; so is a page there.
    schemes = ("https", urlsplit(provider.device_authorization_endpoint or "").scheme)
    return value if host and parts.scheme in schemes and "@" not in parts.netloc else None
