"""An event: something about a connection that other programs want to know when it happens."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import Connection, FailureRecord


class EventType(StrEnum):
    """What happened; the detail-type on the bus."""

    CONNECTED = "connected"
    """A grant began: a first one, a renewed one, or an imported one."""
    REFRESHED = "refreshed"
    REFRESH_FAILED = "refresh_failed"
    """The first failure of a generation; those that follow stand in the ledger."""
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    RECOVERED = "recovered"
    """The first token set after a failure."""
    CONSENT_ENDING = "consent_ending"
    DISCONNECTED = "disconnected"


ASKS_TO_RECONNECT = frozenset({EventType.REAUTHORIZATION_REQUIRED, EventType.CONSENT_ENDING})
"""After these a person has to consent again, or soon will have to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; *connection* is the row after it, *failure* what failed or what was overcome.

    There is one of each type for an epoch and generation of a connection, told at least once; `event_id` tells repeats.
    """

    type: EventType
    at: datetime
    connection: Connection
    failure: FailureRecord | None = None

    @property
    def event_id(self) -> str:
        """The same for every telling of this event, and another for every other event."""
        row = self.connection
        parts = (row.tenant_id, row.connection_id, str(row.epoch), str(row.generation), self.type.value)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
