"""A batch of the hint queue: each message by itself, and only what is worth another delivery is returned."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from evertoken.adapters.sqs_messages import encode_hint, encode_rescued
from evertoken.domain.hint import Hint
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.entrypoints.refresher import RefresherEntrypoint
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResult, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.simulation.numbered import Fault
from tests.simulation.world import KEY, World, build_world
from tests.usecases.due_world import due_world, hint_of, posts, with_faults


class QuietTelemetry:
    """Keeps what would have been logged."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **fields: self.said.append(f"{name} {args} {fields}")


@dataclass
class Context:
    seconds: float = 45
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def no_jobs() -> Any:
    raise AssertionError("hints and rescued answers need no worker of jobs")


def handle(
    world: World, bodies: list[str], *, deps: Any = None, seconds: float = 45, queue: str = "hints"
) -> Any:
    telemetry = QuietTelemetry()
    entrypoint = RefresherEntrypoint(
        dependencies=deps or world.refreshing(),
        telemetry=telemetry,  # type: ignore[arg-type]
        rescue_queue_name="rescue",
        job_queue_name="jobs",
        open_job_worker=no_jobs,
    )
    records = [
        {"messageId": str(number), "body": body, "eventSourceARN": f"arn:aws:sqs:eu-west-1:1:{queue}"}
        for number, body in enumerate(bodies)
    ]
    before = threading.active_count()
    answer = entrypoint.handle({"Records": records}, Context(seconds))
    assert threading.active_count() == before, "no thread outlives the handler"
    assert not any("canary7" in line for line in telemetry.said)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def absent(hint: Hint) -> Hint:
    return Hint(
        key=type(KEY)(tenant_id="tenant-1", connection_id="absent"),
        epoch=1,
        generation=1,
        provider_id=hint.provider_id,
        registration_id=hint.registration_id,
        key_id=hint.key_id,
    )


def test_a_poisoned_message_fails_no_other_and_is_not_delivered_again() -> None:
    world = due_world()
    good = encode_hint(hint_of(world))
    assert handle(world, ["not json", '{"version":99}', encode_hint(absent(hint_of(world))), good]) == []
    assert world.row.generation == 2


def test_200_hints_of_one_connection_in_batches_send_one_request() -> None:
    world = due_world()
    body = encode_hint(hint_of(world))
    for _ in range(20):
        assert handle(world, [body] * 10) == []
    assert posts(world) == 1


@pytest.mark.parametrize("seconds", [3.0, 34.0])
def test_what_there_was_no_time_for_is_delivered_again(seconds: float) -> None:
    world = due_world()
    assert handle(world, [encode_hint(hint_of(world))], seconds=seconds) == ["0"]
    assert posts(world) == 0


def test_what_the_store_could_not_do_is_delivered_again_and_alone() -> None:
    world = due_world()
    deps = with_faults(world, "store", {"acquire_lease": [Fault.UNAVAILABLE] * 2})
    body = encode_hint(hint_of(world))
    assert handle(world, ["junk", body], deps=deps) == ["1"]
    assert handle(world, [body]) == []


def test_a_hint_whose_registration_is_gone_is_not_delivered_again() -> None:
    world = due_world()
    world.directory.remove("reg-1")
    assert handle(world, [encode_hint(hint_of(world))]) == []


def test_a_rescued_answer_is_adopted_and_one_that_cannot_be_read_is_kept_for_a_person() -> None:
    world = due_world()
    deps = with_faults(world, "store", {"commit_token_set": [Fault.UNAVAILABLE] * 1000})
    refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    (rescued,) = world.rescue.waiting
    assert handle(world, [encode_rescued(rescued), "junk"], queue="rescue") == ["1"]
    assert world.row.generation == 2


def test_an_empty_batch_is_done() -> None:
    assert handle(build_world(), []) == []


def test_the_providers_name_of_a_failed_request_is_in_its_log_line() -> None:
    telemetry, lines = Telemetry(stage="test", service="refresher"), []
    telemetry.log = lambda event, **fields: lines.append((event, fields))  # type: ignore[method-assign]
    failure = Failure(kind=FailureKind.PROVIDER_DOWN, code="http_503", trace_id="trace-1")
    telemetry.refresh(RefreshResult(kind=RefreshResultKind.FAILED, failure=failure), KEY, trigger="schedule")
    telemetry.refresh(RefreshResult(kind=RefreshResultKind.NOT_NEEDED), KEY, trigger="schedule")
    assert [fields["trace_id"] for _, fields in lines] == ["trace-1", None]
