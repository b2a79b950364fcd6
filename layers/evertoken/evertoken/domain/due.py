"""When a worker has to look at a connection whose publication is not owed."""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.consent import find_notice, no_later_than_notice
from evertoken.domain.schedule import RETIRE_AFTER_SECONDS

CONNECTING_LIFETIME_SECONDS = 900
"""How long a row may wait for its first token set before it is taken for abandoned."""
REVOCATION_FIRST_SECONDS = 1
"""How soon after a disconnect the provider is told, when the disconnecting call did not manage it itself."""
NOTICE_SECONDS = 60
"""How soon a worker looks for a notice whose time has come, when an attempt of somebody else went before it."""


def due_when_settled(connection: Connection) -> datetime | None:
    """Return when *connection* has to be looked at next, once readers have been shown what it says; None for never.

    | status | due |
    |---|---|
    | connecting | when it is taken for abandoned |
    | active | at its plan, or when the end of its consent has to be told if that is sooner; never while on hold |
    | reauthorization required | never |
    | disconnected | for its revocation, then a day after the disconnect to be retired |
    | retired | at once, until its secret is deleted |
    """
    match connection.status:
        case ConnectionStatus.CONNECTING:
            return connection.created_at + timedelta(seconds=CONNECTING_LIFETIME_SECONDS)
        case ConnectionStatus.ACTIVE:
            return None if connection.on_hold else no_later_than_notice(connection, connection.refresh_at)
        case ConnectionStatus.DISCONNECTED:
            disconnected_at = connection.disconnected_at or connection.updated_at
            if connection.revocation is not None:
                return disconnected_at + timedelta(seconds=REVOCATION_FIRST_SECONDS)
            return disconnected_at + timedelta(seconds=RETIRE_AFTER_SECONDS)
        case ConnectionStatus.REAUTHORIZATION_REQUIRED:
            return None
        case ConnectionStatus.RETIRED:
            return connection.due_at


def due_after(connection: Connection, due_at: datetime | None, now: datetime) -> datetime | None:
    """Return when *connection* has to be looked at next after an attempt of *now* that asks for *due_at*: a notice that is not told yet goes before.

    One whose time has come is looked for within a minute, because a worker tells it and a demand does not: what the demand plans may be days off.
    """
    notice_at = find_notice(connection)
    if notice_at is None or notice_at > now:
        return no_later_than_notice(connection, due_at)
    soon = now + timedelta(seconds=NOTICE_SECONDS)
    return soon if due_at is None else min(due_at, soon)
