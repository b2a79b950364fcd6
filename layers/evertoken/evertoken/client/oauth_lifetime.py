"""When an access token ends, from an answer that says so in any odd way; never raises."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

Unit = Literal["seconds", "milliseconds"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?")
# Thirty years are no lifetime, and as seconds since 1970 they are a day in 2001: from here on a number is an instant.
_FIRST_EPOCH_SECONDS: Final = 10**9
_FIRST_EPOCH_MILLISECONDS: Final = 10**11
_FIRST_NONSENSE: Final = 10**14
_MAX_INSTANT_CHARACTERS: Final = 64


def find_expiry(answer: Mapping[str, Any], sent_at: datetime, unit: Unit = "seconds") -> datetime | None:
    """Return when the token of *answer* ends, or None where that is not said in any way that can be read.

    `expires_in` (RFC 6749 section 5.1) counts from *sent_at*, so that a slow answer never makes a token live longer than it does; it may be a number
    or spelled as one. So large that it can only be an instant, it is one. Without it, `expires_at` is read: seconds or milliseconds since 1970, or ISO
    8601. What is not after *sent_at* says nothing: no server issues a token that is over, and some write 0 for one that does not expire.
    """
    moment = _expiry_said(answer, sent_at, unit)
    return moment if moment is not None and moment > sent_at else None


def _expiry_said(answer: Mapping[str, Any], sent_at: datetime, unit: Unit) -> datetime | None:
    number = _find_number(answer.get("expires_in"))
    if number is not None and number > 0:
        if number >= _FIRST_EPOCH_SECONDS and unit == "seconds":
            return _instant_of(number)
        seconds = number / 1000 if unit == "milliseconds" else number
        return None if seconds >= _FIRST_EPOCH_SECONDS else sent_at + timedelta(seconds=seconds)
    stated = answer.get("expires_at")
    number = _find_number(stated)
    return _instant_spelled(stated) if number is None else _instant_of(number)


def _find_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if not isinstance(value, (int, float)) or not -_FIRST_NONSENSE < value < _FIRST_NONSENSE:
        return None
    return value if math.isfinite(value) else None


def _instant_of(number: float) -> datetime | None:
    if not _FIRST_EPOCH_SECONDS <= number < _FIRST_NONSENSE:
        return None
    return datetime.fromtimestamp(number / 1000 if number >= _FIRST_EPOCH_MILLISECONDS else number, UTC)


def _instant_spelled(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > _MAX_INSTANT_CHARACTERS:
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
