"""`Retry-After` (RFC 9110 section 10.2.3): seconds, or one of the three forms of an HTTP date."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,10}")
_MAX_DATE_CHARACTERS = 64
_ASCTIME = "%a %b %d %H:%M:%S %Y"


def find_retry_after(headers: Mapping[str, str], now: datetime) -> int | None:
    """Return for how many seconds an answer asks us to wait, not below 0 and otherwise unclamped, or None where it says nothing sensible.

    *headers* have lower-case names. A date that is past is 0.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return int(value)
    moment = _find_date(value)
    return None if moment is None else max(0, math.ceil((moment - now).total_seconds()))


def _find_date(value: str) -> datetime | None:
    if not value or len(value) > _MAX_DATE_CHARACTERS or not value.isascii():
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, IndexError, TypeError):
        try:
            moment = datetime.strptime(value, _ASCTIME).replace(tzinfo=UTC)
        except ValueError:
            return None
    # A date without a zone is GMT, whatever this machine's zone is.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
