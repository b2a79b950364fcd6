"""When a person is told that a consent will end: in time to renew it without a gap, and once for each end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionStatus

CONSENT_NOTICE_DAYS = 14
"""How long before the end the notice comes, unless the installation says otherwise."""
SHORT_CONSENT_FRACTION = 0.5
"""A consent that does not live as long as that is told of when this part of its life is over."""
SAME_END = timedelta(seconds=1)
"""Ends that are no further apart are the same, differently rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The end that no refresh can put off, and when to tell of it (None: never)."""

    ends_at: datetime
    notice_at: datetime | None


def forecast_consent(
    *, began_at: datetime, ends_at: datetime, notice_days: int, before: Connection
) -> Consent:
    """Return the forecast of a consent that lives from *began_at* to *ends_at*; with 0 *notice_days* nobody is told.

    What *before* says of the same end stays, so that a notice is neither put off by a refresh nor repeated after one.
    """
    known, planned = before.consent_ends_at, before.consent_notice_at
    if known is not None and planned is not None and abs(known - ends_at) <= SAME_END:
        return Consent(ends_at=known, notice_at=planned)
    if notice_days <= 0:
        return Consent(ends_at=ends_at, notice_at=None)
    soonest = began_at + (ends_at - began_at) * SHORT_CONSENT_FRACTION
    notice_at = ends_at - timedelta(days=notice_days)
    return Consent(ends_at=ends_at, notice_at=notice_at if notice_at > began_at else soonest)


def find_notice(connection: Connection) -> datetime | None:
    """Return when the end of the connection's consent has to be told, or None when there is nothing to tell or it was told."""
    notice_at = connection.consent_notice_at
    if notice_at is None or connection.status is not ConnectionStatus.ACTIVE or connection.on_hold:
        return None
    told_at = connection.consent_noticed_at
    return notice_at if told_at is None or told_at < notice_at else None


def no_later_than_notice(connection: Connection, due_at: datetime | None) -> datetime | None:
    """Return *due_at*, or the notice of the connection's consent where that comes first."""
    notice_at = find_notice(connection)
    if notice_at is None or due_at is None:
        return due_at or notice_at
    return min(due_at, notice_at)
