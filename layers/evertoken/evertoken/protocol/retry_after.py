"""How long a provider asks us to wait: `Retry-After` (RFC 9110 section 10.2.3), or where its entry says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from evertoken.domain.answer_shape import ExpiryKind, RetryAfterShape
from evertoken.protocol.answer_body import find_at
from evertoken.protocol.expiry import seconds_until_epoch
from evertoken.protocol.number import find_number

_SECONDS = re.compile(r"[0-9]{1,10}")
_MAX_SECONDS = 10**10
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


def find_retry_hint(
    shape: RetryAfterShape, headers: Mapping[str, str], body: Any, now: datetime
) -> int | None:
    """Return the same from the provider's own header or member; a count below 0 says nothing, an instant that is past is 0."""
    value = headers.get(shape.header) if shape.header is not None else None
    if value is None and shape.path is not None:
        value = find_at(body, shape.path)
    number = find_number(value)
    if number is None or number < 0:
        return None
    if shape.kind in (ExpiryKind.MILLISECONDS, ExpiryKind.EPOCH_MILLISECONDS):
        number /= 1000
    if shape.kind in (ExpiryKind.EPOCH_SECONDS, ExpiryKind.EPOCH_MILLISECONDS):
        number = max(0, seconds_until_epoch(number, now))
    return math.ceil(number) if number < _MAX_SECONDS else None


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
