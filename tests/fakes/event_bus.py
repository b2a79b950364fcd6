"""A bus in memory that may refuse events."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evertoken.domain.event import Event


class MemoryEventBus:
    """EventBus; *refuses* is asked for each event."""

    def __init__(self, refuses: Callable[[Event], bool] = lambda event: False) -> None:
        self.refuses = refuses
        self.sent: list[Event] = []

    def send(self, events: Sequence[Event]) -> frozenset[int]:
        refused = frozenset(position for position, event in enumerate(events) if self.refuses(event))
        self.sent += [event for position, event in enumerate(events) if position not in refused]
        return refused

    def told(self) -> dict[str, Event]:
        """What a consumer has that drops repeats: the events by their ids."""
        return {event.event_id: event for event in self.sent}
