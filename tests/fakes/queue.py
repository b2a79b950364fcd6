"""Queues that behave as SQS does: delayed, delivered at least once, deleted when acknowledged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.adapters.sqs_messages import encode_hint, encode_rescued, parse_hint, parse_rescued
from evertoken.domain.hint import Hint
from evertoken.ports import Clock, RescuedAnswer

VISIBILITY_SECONDS = 270


@dataclass(slots=True, kw_only=True)
class QueuedMessage:
    """A message: invisible until `visible_at`, delivered `deliveries` times so far."""

    body: str
    visible_at: datetime
    deliveries: int = 0


class FakeQueue:
    """One queue; what is received is invisible for a while and comes again unless it is deleted."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.messages: list[QueuedMessage] = []
        self.bodies_sent: list[str] = []

    def add(self, body: str, delay_seconds: int) -> None:
        assert 0 <= delay_seconds <= 900, "SQS takes delays of up to 15 minutes"
        self.bodies_sent.append(body)
        self.messages.append(
            QueuedMessage(body=body, visible_at=self._clock.now() + timedelta(seconds=delay_seconds))
        )

    def receive(self) -> QueuedMessage | None:
        """The message that has been visible longest, if any."""
        visible = [message for message in self.messages if message.visible_at <= self._clock.now()]
        if not visible:
            return None
        message = min(visible, key=lambda one: one.visible_at)
        message.deliveries += 1
        message.visible_at = self._clock.now() + timedelta(seconds=VISIBILITY_SECONDS)
        return message

    def delete(self, message: QueuedMessage) -> None:
        if message in self.messages:
            self.messages.remove(message)


class FakeHintQueue:
    """HintQueue: hints travel as the bytes that SQS would carry."""

    def __init__(self, clock: Clock) -> None:
        self.queue = FakeQueue(clock)

    def send(self, hints: Iterable[Hint]) -> int:
        accepted = 0
        for hint in hints:
            self.queue.add(encode_hint(hint), hint.delay_seconds)
            accepted += 1
        return accepted

    @property
    def hints(self) -> list[Hint]:
        """All hints ever sent."""
        return [hint for hint in map(parse_hint, self.queue.bodies_sent) if hint is not None]


class FakeRescueSink:
    """RescueSink: answers travel as the bytes that SQS would carry."""

    def __init__(self, clock: Clock) -> None:
        self.queue = FakeQueue(clock)

    def keep(self, rescued: RescuedAnswer) -> None:
        self.queue.add(encode_rescued(rescued), 0)

    @property
    def waiting(self) -> list[RescuedAnswer]:
        """The answers that nobody has adopted or refused yet."""
        return [
            one for one in (parse_rescued(message.body) for message in self.queue.messages) if one is not None
        ]
