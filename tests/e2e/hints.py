"""Messages of the hint queue, as an operator of the account may send them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from tests.e2e.installation import Installation, Team

BATCH = 10


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


def build_sqs_event(installation: Installation, bodies: Sequence[str], queue: str = "HintQueue") -> dict[str, Any]:
    """The event that a queue's mapping makes of messages."""
    name = installation.aws.physical_id(queue).rpartition("/")[2]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    return {
        "Records": [
            {"messageId": str(uuid.uuid4()), "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn}
            for body in bodies
        ]
    }


def count_waiting(installation: Installation, queue: str = "HintQueue") -> int:
    """How many messages a queue holds, those in work and those delayed included."""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    url = installation.aws.physical_id(queue)
    answer = installation.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)
