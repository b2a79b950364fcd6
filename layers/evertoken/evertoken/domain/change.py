"""What a change of a connection's row means, read from the row before and after it: entries of its ledger, and events.

Told from the table's stream, so that nothing is told that did not happen, and nothing happens untold; a row that comes by twice says the same twice.
A lease, an acknowledged publication and a moved due instant mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.event import Event, EventType
from evertoken.domain.ledger import BEGINNINGS, LedgerEntry, LedgerType
from evertoken.domain.origin import Trigger

REVOCATION_LIMIT_ATTEMPTS = 30
"""With the longest pause of a quarter of an hour this is about seven hours; then the token is left to expire."""
_SETTINGS = ("name", "display_name", "policy", "publication")
_EVENT_OF = dict.fromkeys(BEGINNINGS, EventType.CONNECTED) | {
    LedgerType.REFRESHED: EventType.REFRESHED,
    LedgerType.REFRESH_FAILED: EventType.REFRESH_FAILED,
    LedgerType.REAUTHORIZATION_REQUIRED: EventType.REAUTHORIZATION_REQUIRED,
    LedgerType.RECOVERED: EventType.RECOVERED,
    LedgerType.CONSENT_ENDING: EventType.CONSENT_ENDING,
    LedgerType.DISCONNECTED: EventType.DISCONNECTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one change of a row meant."""

    entries: tuple[LedgerEntry, ...] = ()
    events: tuple[Event, ...] = ()


NOTHING = Changes()


def changes_of(old: Connection | None, new: Connection | None) -> Changes:
    """Return what happened between *old* (None: the row was made) and *new* (None: it is gone, which was told when it was retired)."""
    if new is None or new.generation == 0:
        return NOTHING  # what never held a token set was no connection yet
    entries = tuple(_entries_of(old, new))
    if not entries:
        return NOTHING
    return Changes(entries=entries, events=tuple(_events_of(entries, old, new)))


def _entries_of(old: Connection | None, new: Connection) -> list[LedgerEntry]:
    if old is None or (new.epoch > old.epoch and new.status is ConnectionStatus.ACTIVE):
        entries = [_entry(new, _beginning(old, new), new.updated_at)]
        return [*entries, *_recovery(old, new)]
    entries = []
    if new.generation > old.generation:
        entries.append(
            _entry(new, LedgerType.REFRESHED, new.updated_at, duration_seconds=_find_duration(old, new))
        )
        entries += _recovery(old, new)
    elif new.status is not old.status:
        entries += _end(new)
    elif new.failure is not None and new.failure != old.failure:
        entries.append(_entry(new, LedgerType.REFRESH_FAILED, new.failure.failed_at))
    elif old.open_attempts and new.open_attempts > old.open_attempts and new.attempted_at is not None:
        entries.append(_entry(new, LedgerType.ATTEMPT_UNRESOLVED, new.attempted_at))
    if new.on_hold is not old.on_hold:
        kind = LedgerType.HOLD_SET if new.on_hold else LedgerType.HOLD_LIFTED
        entries.append(_entry(new, kind, new.updated_at))
    changed = tuple(name for name in _SETTINGS if getattr(new, name) != getattr(old, name))
    if changed:
        entries.append(_entry(new, LedgerType.CHANGED, new.updated_at, changed=changed))
    if new.consent_noticed_at is not None and new.consent_noticed_at != old.consent_noticed_at:
        entries.append(_entry(new, LedgerType.CONSENT_ENDING, new.consent_noticed_at))
    if (
        old.revocation is not None
        and new.revocation is None
        and new.status is old.status is ConnectionStatus.DISCONNECTED
    ):
        was_last = old.revocation.attempts + 1 >= REVOCATION_LIMIT_ATTEMPTS
        kind = LedgerType.REVOCATION_GIVEN_UP if was_last else LedgerType.REVOKED
        entries.append(_entry(new, kind, new.updated_at))
    return entries


def _find_duration(old: Connection, new: Connection) -> float | None:
    """Return how long the refresh took; None for an answer that came late or was rescued, and is older than the attempt that the row knows."""
    if old.attempted_at is None or old.attempted_at > new.updated_at:
        return None
    return (new.updated_at - old.attempted_at).total_seconds()


def _beginning(old: Connection | None, new: Connection) -> LedgerType:
    if new.origin is not None and new.origin.trigger is Trigger.IMPORT:
        return LedgerType.IMPORTED
    is_first = old is None or old.status is ConnectionStatus.CONNECTING
    return LedgerType.CONNECTED if is_first else LedgerType.RECONNECTED


def _recovery(old: Connection | None, new: Connection) -> list[LedgerEntry]:
    """A connection that had been given up for good has not recovered: it begins anew."""
    if old is None or old.failure is None or old.status is ConnectionStatus.DISCONNECTED:
        return []
    return [_entry(new, LedgerType.RECOVERED, new.updated_at)]


def _end(new: Connection) -> list[LedgerEntry]:
    match new.status:
        case ConnectionStatus.REAUTHORIZATION_REQUIRED:
            at = new.updated_at if new.failure is None else new.failure.failed_at
            return [_entry(new, LedgerType.REAUTHORIZATION_REQUIRED, at)]
        case ConnectionStatus.DISCONNECTED:
            return [_entry(new, LedgerType.DISCONNECTED, new.updated_at)]
        case ConnectionStatus.RETIRED:
            return [_entry(new, LedgerType.RETIRED, new.updated_at)]
        case _:
            return []


def _entry(row: Connection, kind: LedgerType, at: datetime, **more: Any) -> LedgerEntry:
    noticed_at, notice_at = row.consent_noticed_at, row.consent_notice_at
    # What was told of an earlier end says nothing of this one.
    is_told = noticed_at is not None and notice_at is not None and noticed_at >= notice_at
    return LedgerEntry(
        key=row.key,
        type=kind,
        at=at,
        epoch=row.epoch,
        generation=row.generation,
        status=row.status,
        on_hold=row.on_hold,
        failure=row.failure,
        origin=row.origin,
        expires_at=row.expires_at,
        consent_ends_at=row.consent_ends_at,
        consent_noticed_at=noticed_at if is_told else None,
        **more,
    )


def _events_of(entries: tuple[LedgerEntry, ...], old: Connection | None, new: Connection) -> list[Event]:
    events = []
    for entry in entries:
        kind = _EVENT_OF.get(entry.type)
        is_repeated = kind is EventType.REFRESH_FAILED and old is not None and old.failure is not None
        if kind is None or is_repeated:
            continue
        # Of what was overcome only the row before tells.
        is_over = kind is EventType.RECOVERED and old is not None
        failure = old.failure if is_over and old is not None else _failure_of(kind, new)
        events.append(Event(type=kind, at=entry.at, connection=new, failure=failure))
    return events


def _failure_of(kind: EventType, new: Connection) -> Any:
    return new.failure if kind in (EventType.REFRESH_FAILED, EventType.REAUTHORIZATION_REQUIRED) else None
