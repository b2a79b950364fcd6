"""The job queue on SQS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.job_messages import encode_job_message
from evertoken.adapters.sqs_queues import BATCH_LIMIT
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST_POSTPONEMENT_SECONDS = 39_600
"""Eleven hours: SQS keeps a message invisible for twelve, counted from when it was received."""
_UNAVAILABLE = "The job queue did not answer in time. Try again."


class SQSJobQueue:
    """`JobQueue` on a standard queue with fair groups: a tenant's large batch does not delay those of others."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._url = queue_url

    def send(self, messages: Iterable[JobMessage]) -> None:
        """Enqueue the messages in tens."""
        remaining = list(messages)
        for start in range(0, len(remaining), BATCH_LIMIT):
            self._send_batch(remaining[start : start + BATCH_LIMIT])

    def _send_batch(self, messages: list[JobMessage]) -> None:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": encode_job_message(message),
                        "MessageGroupId": hashlib.sha256(message.tenant_id.encode()).hexdigest()[:32],
                    }
                    for number, message in enumerate(messages)
                ],
            )
        if answer.get("Failed"):
            raise StoreUnavailableError("The job queue refused some messages. Try again.")

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        """Let the message come back later; whoever holds it has to report it as failed, or it is deleted."""
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=min(max(seconds, 0), LONGEST_POSTPONEMENT_SECONDS),
            )
