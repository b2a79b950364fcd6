"""`expires_in` of every odd kind (security facts P12): a number of seconds, however it is written."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

MAX_LIFETIME_SECONDS = 365 * 86_400
"""Longer claims are taken to be something else, an absolute instant or milliseconds: refreshing early costs little."""
MAX_REFRESH_TOKEN_LIFETIME_SECONDS = 20 * MAX_LIFETIME_SECONDS
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a token lives; `seconds` is None when the answer says nothing that can be read."""

    seconds: int | None
    anomaly: str | None = None


def parse_lifetime(value: Any, *, limit: int = MAX_LIFETIME_SECONDS) -> Lifetime:
    """Return the lifetime that *value* (the JSON member `expires_in`) means; never raises.

    A number may be a string and is rounded down. Zero and less mean: expired already. More than *limit* is cut to it.
    """
    if value is None:
        return Lifetime(seconds=None)
    number = _find_number(value)
    if number is None:
        return Lifetime(seconds=None, anomaly="expires_in_unreadable")
    if number <= 0:
        return Lifetime(seconds=0, anomaly="expires_in_not_positive")
    if number > limit:
        return Lifetime(seconds=limit, anomaly="expires_in_too_long")
    return Lifetime(seconds=math.floor(number))


def _find_number(value: Any) -> float | None:
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return None if isinstance(value, float) and math.isnan(value) else value
