"""The header Date: the other side's clock (RFC 9110 section 6.6.1)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_http_date(value: str | None) -> datetime | None:
    """Return the instant of a Date header, or None where there is none that can be read."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
