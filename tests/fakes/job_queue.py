"""The job queue in memory: messages travel as the bytes that SQS would carry, and a postponed one keeps its count of deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from evertoken.adapters.job_messages import encode_job_message, parse_job_message
from evertoken.domain.job import JobMessage
from evertoken.ports import Clock
from tests.fakes.queue import FakeQueue, QueuedMessage


class FakeJobQueue:
    """`JobQueue`; a receipt handle is the message's place among all that were sent."""

    def __init__(self, clock: Clock) -> None:
        self.queue = FakeQueue(clock)
        self._clock = clock
        self._handles: list[QueuedMessage] = []

    def send(self, messages: Iterable[JobMessage]) -> None:
        for message in messages:
            self.queue.add(encode_job_message(message), 0)
            self._handles.append(self.queue.messages[-1])

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        assert 0 <= seconds <= 43_200, "SQS keeps a message invisible for 12 hours at most"
        self._handles[int(receipt_handle)].visible_at = self._clock.now() + timedelta(seconds=seconds)

    def handle_of(self, message: QueuedMessage) -> str:
        return str(next(number for number, one in enumerate(self._handles) if one is message))

    @property
    def waiting(self) -> list[JobMessage | None]:
        """The messages that nobody is done with."""
        return [parse_job_message(message.body) for message in self.queue.messages]
