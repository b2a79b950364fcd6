"""Messages of the hint queue, as an operator of the account may send them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from tests.e2e.installation import Installation, Team

BATCH = 10
PAUSE_SECONDS = 0.15
STILL_SECONDS = 3.0
"""No batch of these tests takes so long."""


def build_hint(team: Team, view: dict[str, Any], *, asked: bool = True) -> str:
    """The body of a hint for a connection as the API shows it; an asked one need not be due."""
    return json.dumps(
        {
            "version": 1,
            "tenant_id": team.tenant_id,
            "connection_id": view["connection_id"],
            "epoch": view["epoch"],
            "generation": view["generation"],
            "provider_id": view["provider"],
            "registration_id": view["registration"],
            "key_id": view["updated_at"][:7],
            "asked": asked,
        }
    )


def send_hints(installation: Installation, bodies: Sequence[str]) -> None:
    """Put messages into the hint queue, in tens."""
    client, url = installation.aws.client("sqs"), installation.outputs["HintQueueUrl"]
    for start in range(0, len(bodies), BATCH):
        entries = [
            {"Id": str(position), "MessageBody": body, "MessageGroupId": "test"}
            for position, body in enumerate(bodies[start : start + BATCH])
        ]
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        assert len(answer["Successful"]) == len(entries)


def build_sqs_event(
    installation: Installation, bodies: Sequence[str], queue: str = "HintQueue"
) -> dict[str, Any]:
    """The event that a queue's mapping makes of messages."""
    name = installation.aws.physical_id(queue).rpartition("/")[2]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    return {
        "Records": [
            {"messageId": str(uuid.uuid4()), "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn}
            for body in bodies
        ]
    }


def count_messages(installation: Installation, queue: str = "HintQueue") -> tuple[int, int]:
    """How many messages wait in a queue (those for later included), and how many are in work or were handed back for another time."""
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    taken = "ApproximateNumberOfMessagesNotVisible"
    answer = installation.aws.client("sqs").get_queue_attributes(
        QueueUrl=installation.aws.physical_id(queue), AttributeNames=[*waiting, taken]
    )
    counts = {name: int(value) for name, value in answer["Attributes"].items()}
    return sum(counts[name] for name in waiting), counts[taken]


def wait_until_worked_off(installation: Installation, *, seconds: float = 60) -> None:
    """Wait until the hint queue is empty but for what was handed back: that comes again after five minutes."""
    deadline, quiet_since, last = time.monotonic() + seconds, time.monotonic(), (-1, -1)
    while True:
        counts = count_messages(installation)
        if counts != last:
            quiet_since, last = time.monotonic(), counts
        if counts == (0, 0) or (counts[0] == 0 and time.monotonic() - quiet_since > STILL_SECONDS):
            return
        assert time.monotonic() < deadline, f"not worked off within {seconds:g} s: {counts}"
        time.sleep(PAUSE_SECONDS)
