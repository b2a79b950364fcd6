"""When a token ends, from an answer that says so in any odd way (security facts P12, provider facts C4.21), and when a grant does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from evertoken.domain.answer_shape import ExpiryKind, ExpiryShape
from evertoken.domain.provider import Provider
from evertoken.protocol.jwt_claims import find_claims
from evertoken.protocol.number import find_number

MAX_LIFETIME_SECONDS = 365 * 86_400
"""Longer claims are taken to be something else, an absolute instant or milliseconds: refreshing early costs little."""
MAX_REFRESH_TOKEN_LIFETIME_SECONDS = 20 * MAX_LIFETIME_SECONDS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_EPOCH_SECONDS = 10**11
_MAX_INSTANT_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a token lives; `seconds` is None when it does not end (`is_endless`), or when the answer says nothing that can be read."""

    seconds: float | None
    is_endless: bool = False
    anomaly: str | None = None


_UNSAID = Lifetime(seconds=None)
_ENDLESS = Lifetime(seconds=None, is_endless=True)
_UNREADABLE = Lifetime(seconds=None, anomaly="expires_in_unreadable")
_OVER = Lifetime(seconds=0, anomaly="expires_in_not_positive")


def parse_lifetime(
    value: Any, shape: ExpiryShape, sent_at: datetime, *, limit: int = MAX_LIFETIME_SECONDS
) -> Lifetime:
    """Return the lifetime, counted from *sent_at*, that *value* means in an answer of *shape*; never raises.

    *value* is the answer's member, or for `jwt_exp` the access token. A number may be a string; one of seconds or milliseconds is rounded down to
    seconds. What is not after *sent_at* means: expired already. More than *limit* is cut to it.
    """
    if value is None:
        return _UNSAID
    kind = shape.kind
    if type(value) is int and kind is ExpiryKind.SECONDS and 0 < value <= limit:
        return Lifetime(seconds=value)
    if kind is ExpiryKind.JWT_EXP:
        value = find_claims(value).get("exp")
    number = find_number(value)
    if number is not None and number <= 0 and shape.zero_is_never:
        return _ENDLESS
    if kind is ExpiryKind.ISO_8601:
        seconds = _seconds_until_instant(value, sent_at)
    else:
        seconds = None if number is None else _seconds_of(number, kind, sent_at)
    if seconds is None:
        return _UNREADABLE
    if seconds <= 0:
        return _OVER
    if seconds > limit:
        return Lifetime(seconds=limit, anomaly="expires_in_too_long")
    return Lifetime(seconds=seconds)


def seconds_until_epoch(epoch_seconds: float, now: datetime) -> float:
    """Return how far after *now* an instant is that is counted from 1970; what no calendar holds is infinitely far."""
    if not -_MAX_EPOCH_SECONDS < epoch_seconds < _MAX_EPOCH_SECONDS:
        return math.copysign(math.inf, epoch_seconds)
    return (timedelta(seconds=epoch_seconds) - (now - _EPOCH)).total_seconds()


def end_of_grant(provider: Provider, granted_at: datetime | None) -> datetime | None:
    """Return when everything ends that a consent of *granted_at* gave, or None where that is not known."""
    if granted_at is None or provider.grant_lifetime_seconds is None:
        return None
    return granted_at + timedelta(seconds=provider.grant_lifetime_seconds)


def _seconds_of(number: float, kind: ExpiryKind, sent_at: datetime) -> float:
    if kind in (ExpiryKind.MILLISECONDS, ExpiryKind.EPOCH_MILLISECONDS):
        number /= 1000
    if kind in (ExpiryKind.SECONDS, ExpiryKind.MILLISECONDS):
        return math.floor(number) if math.isfinite(number) else number
    return seconds_until_epoch(number, sent_at)


def _seconds_until_instant(value: Any, now: datetime) -> float | None:
    if not isinstance(value, str) or len(value) > _MAX_INSTANT_CHARACTERS:
        return None
    try:
        # RFC 3339 allows lower-case t and z, which Python's reader does not.
        moment = datetime.fromisoformat(value.strip().upper())
        # An instant without a zone is UTC (provider facts C4.21).
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return (moment - now).total_seconds()
    except (ValueError, OverflowError):
        return None
