"""Events on an EventBridge bus, in the form that `docs/events.md` promises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.domain.connection import Connection
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.event import ASKS_TO_RECONNECT, Event
from evertoken.domain.instants import to_iso

SOURCE = "evertoken"
BATCH_LIMIT = 10
"""What one PutEvents takes (EventBridge API reference, read 2026-11-21)."""


class EventBridgeBus:
    """EventBus on the bus *bus_name*; *base_url* is where the API is."""

    def __init__(self, client: Any, bus_name: str, *, base_url: str) -> None:
        self._client = client
        self._bus = bus_name
        self._base_url = base_url

    def send(self, events: Sequence[Event]) -> frozenset[int]:
        refused: set[int] = set()
        for start in range(0, len(events), BATCH_LIMIT):
            batch = events[start : start + BATCH_LIMIT]
            refused.update(start + position for position in self._send_batch(batch))
        return frozenset(refused)

    def _send_batch(self, events: Sequence[Event]) -> list[int]:
        entries: list[Any] = [
            {
                "Time": event.at,
                "Source": SOURCE,
                "DetailType": event.type.value,
                "Detail": json.dumps(detail_of(event, self._base_url), separators=(",", ":")),
                "EventBusName": self._bus,
            }
            for event in events
        ]
        try:
            with unavailable_as(StoreUnavailableError, "The event bus did not answer in time."):
                answer = self._client.put_events(Entries=entries)
        except StoreUnavailableError:
            return list(range(len(events)))
        return [position for position, result in enumerate(answer["Entries"]) if "ErrorCode" in result]


def detail_of(event: Event, base_url: str) -> dict[str, Any]:
    """Return the detail of *event*: identifiers, instants and closed codes, never a token."""
    row, failure, origin = event.connection, event.failure, event.connection.origin
    asks = event.type in ASKS_TO_RECONNECT
    return {
        "event_id": event.event_id,
        "tenant_id": row.tenant_id,
        "connection_id": row.connection_id,
        "provider": row.provider_id,
        "registration": row.registration_id,
        "user_id": row.user_id,
        "account": row.account,
        "name": row.name,
        "status": row.status.value,
        "epoch": row.epoch,
        "generation": row.generation,
        "occurred_at": to_iso(event.at),
        "expires_at": _iso(row.expires_at),
        "consent_ends_at": _iso(row.consent_ends_at),
        "cause": None if failure is None else failure.cause,
        "code": None if failure is None else failure.code,
        "trigger": None if origin is None else origin.trigger.value,
        "correlation_id": origin.correlation_id or None if origin else None,
        "reconnect": _reconnect(row, base_url) if asks else None,
    }


def _reconnect(row: Connection, base_url: str) -> dict[str, Any]:
    """Return the request that starts a new consent for the same connection; its sender adds the return URL."""
    return {
        "method": "POST",
        "url": f"{base_url}/v1/connections",
        "body": {
            "provider": row.provider_id,
            "registration": row.registration_id,
            "user_id": row.user_id,
            "account": row.account,
        },
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
