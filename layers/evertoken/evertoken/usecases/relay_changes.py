"""Tell what changes of connections meant: to their ledgers, and to the event bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evertoken.control_ports import EventBus, Ledger
from evertoken.domain.change import changes_of
from evertoken.domain.connection import Connection
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.event import Event

RowChange = tuple[Connection | None, Connection | None]
"""A row before and after one write; None where there was or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDependencies:
    """What relaying needs."""

    ledger: Ledger
    bus: EventBus


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """What was told; `first_failure` is the position of the first change that was not told wholly, None when all were.

    What comes after it may have been told too, and is told again with it: entries have the same keys then, events the same ids.
    """

    entries: int = 0
    events: int = 0
    first_failure: int | None = None


def relay_changes(deps: RelayDependencies, changes: Sequence[RowChange]) -> Relayed:
    """Write the ledger entries of *changes*, in their order, then send their events. Telling a change again changes nothing."""
    events: list[Event] = []
    belongs_to: list[int] = []
    written = 0
    failure: int | None = None
    for position, (old, new) in enumerate(changes):
        told = changes_of(old, new)
        try:
            for entry in told.entries:
                deps.ledger.write(entry)
                written += 1
        except StoreUnavailableError:
            failure = position
            break
        events.extend(told.events)
        belongs_to.extend(position for _ in told.events)
    refused = deps.bus.send(events) if events else frozenset[int]()
    failures = [belongs_to[number] for number in refused]
    if failure is not None:
        failures.append(failure)
    return Relayed(
        entries=written, events=len(events) - len(refused), first_failure=min(failures, default=None)
    )
