"""The hint queue and the rescue queue on SQS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.sqs_messages import encode_hint, encode_rescued
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.hint import Hint
from evertoken.ports import RescuedAnswer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH_LIMIT = 10
MAXIMUM_DELAY_SECONDS = 900


class SQSHintQueue:
    """HintQueue on a standard queue with fair groups: one provider or tenant that floods it does not delay the others."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._url = queue_url

    def send(self, hints: Iterable[Hint]) -> int:
        """Enqueue the hints in tens. Raises StoreUnavailableError when any of them was not accepted; repeats are harmless."""
        accepted = 0
        remaining = list(hints)
        for start in range(0, len(remaining), BATCH_LIMIT):
            accepted += self._send_batch(remaining[start : start + BATCH_LIMIT])
        return accepted

    def _send_batch(self, hints: list[Hint]) -> int:
        with unavailable_as(StoreUnavailableError, "The hint queue did not answer in time."):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(position),
                        "MessageBody": encode_hint(hint),
                        "DelaySeconds": min(max(hint.delay_seconds, 0), MAXIMUM_DELAY_SECONDS),
                        "MessageGroupId": _group(hint),
                    }
                    for position, hint in enumerate(hints)
                ],
            )
        if answer.get("Failed"):
            raise StoreUnavailableError(
                "The hint queue refused some hints. They are sent again by the next scan."
            )
        return len(answer["Successful"])


class SQSRescueSink:
    """RescueSink on a queue: what it keeps is sealed."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._url = queue_url

    def keep(self, rescued: RescuedAnswer) -> None:
        with unavailable_as(
            StoreUnavailableError, "Neither the store nor the rescue queue answered in time."
        ):
            self._client.send_message(QueueUrl=self._url, MessageBody=encode_rescued(rescued))


def _group(hint: Hint) -> str:
    """Return the fair group as SQS takes it: at most 128 characters of a narrow alphabet."""
    return hashlib.sha256(hint.group.encode()).hexdigest()[:32]
