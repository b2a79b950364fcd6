"""A number of an answer, however it is written: providers send numbers as strings."""

from __future__ import annotations

import math
import re
from typing import Any

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?")
_LARGE = 10**21


def find_number(value: Any) -> float | None:
    """Return the number that *value* is or spells, or None; a truth value is none, and one of more than 21 digits is infinite."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if not isinstance(value, (int, float)):
        return None
    if -_LARGE < value < _LARGE:
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    return math.inf if value > 0 else -math.inf
