"""Schedules of tenants come round at the pace that a stack asks for, and say what time they were planned for. An emulator of its own, for its pace."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import deploy
from local.emulator import process
from local.stack import LocalStack
from tests.support.stack import find_free_port

PATIENCE_SECONDS = 15.0
INPUT = json.dumps({"at": "<aws.scheduler.scheduled-time>", "kept": "as it is"})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    directory = tmp_path_factory.mktemp("scheduler")
    made = LocalStack(port=find_free_port(), directory=directory, tenant_minute_seconds=1)
    process.start(made, owner=os.getpid())
    yield made
    process.stop(made)


def make_schedule(stack: LocalStack, group: str, expression: str, **more: Any) -> tuple[Any, str]:
    """A schedule that sends to a queue of its own; returns the SQS client and the queue's URL."""
    session = deploy.build_session()
    scheduler = session.client("scheduler", endpoint_url=stack.endpoint)
    sqs = session.client("sqs", endpoint_url=stack.endpoint)
    url = sqs.create_queue(QueueName=group)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    scheduler.create_schedule_group(Name=group)
    scheduler.create_schedule(
        Name="ticking",
        GroupName=group,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": "arn:aws:iam::000000000000:role/none", "Input": INPUT},
        **more,
    )
    return sqs, url


def receive(sqs: Any, url: str, count: int) -> list[dict[str, Any]]:
    """The bodies of the first messages, in the order in which they came."""
    bodies: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(bodies) < count and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
        bodies += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    return bodies


def test_a_tenants_schedule_comes_round_in_short_minutes_and_tells_each_planned_time(
    stack: LocalStack,
) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    first_at = began + timedelta(hours=1)
    sqs, url = make_schedule(stack, "some-tenants", "rate(1 minute)", StartDate=first_at)
    bodies = receive(sqs, url, 2)
    assert [body["kept"] for body in bodies] == ["as it is"] * 2
    times = [datetime.fromisoformat(body["at"]) for body in bodies]
    assert all(body["at"].endswith("Z") for body in bodies)
    assert began < times[0] < times[1] < began + timedelta(seconds=PATIENCE_SECONDS)


def test_other_schedules_keep_minutes_of_sixty_seconds(stack: LocalStack) -> None:
    sqs, url = make_schedule(stack, "scanners", "rate(1 minute)")
    tenants, fast = make_schedule(stack, "other-tenants", "rate(1 minute)")
    assert len(receive(tenants, fast, 2)) == 2
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_schedule_that_fires_once_says_its_time_too(stack: LocalStack) -> None:
    sqs, url = make_schedule(stack, "once-tenants", "at(2020-01-01T00:00:00)", ActionAfterCompletion="DELETE")
    (body,) = receive(sqs, url, 1)
    assert datetime.fromisoformat(body["at"]).tzinfo is UTC
