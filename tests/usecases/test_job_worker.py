"""The refresher at its job queue: which message goes where, what is postponed and reported, and what the log says of it."""

from types import SimpleNamespace

import pytest

from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import JobKind, JobStatus, RetrySettings, ScheduleTick
from evertoken.domain.refresh_schedule import RefreshSchedule
from evertoken.entrypoints.job_worker import JobWorker
from evertoken.entrypoints.refresher import RefresherEntrypoint
from tests.support.provider_faults import throttled
from tests.usecases.job_world import TENANT, JobWorld, ids

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 45_000, aws_request_id="request")


class Lines:
    """Telemetry that keeps its lines."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, name):
        return lambda *args, **fields: self.lines.append((name, args, fields))

    def of(self, event):
        return [fields for name, args, fields in self.lines if name == "log" and args[0] == event]


def handle(world, telemetry, *, queue="jobs"):
    """Deliver all that is visible as one batch; delete what was not reported, as Lambda does. Returns how many were reported."""
    entrypoint = RefresherEntrypoint(
        dependencies=world.world.refreshing(),
        telemetry=telemetry,
        rescue_queue_name="rescue",
        job_queue_name="jobs",
        open_job_worker=lambda: JobWorker(world.working(), telemetry),
        parallel=1,
    )
    messages = {}
    while (message := world.queue.queue.receive()) is not None:
        messages[f"message-{world.queue.handle_of(message)}"] = message
    records = [
        {
            "messageId": message_id,
            "receiptHandle": world.queue.handle_of(message),
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.deliveries)},
            "eventSourceARN": f"arn:aws:sqs:eu-west-1:1:{queue}",
        }
        for message_id, message in messages.items()
    ]
    answer = entrypoint.handle({"Records": records}, CONTEXT)
    reported = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    for message_id, message in messages.items():
        if message_id not in reported:
            world.queue.queue.delete(message)
    return len(reported)


def aged(*names):
    world = JobWorld()
    world.connect(*names)
    world.clock.advance(60)
    return world


def test_a_job_goes_through_the_batches_of_its_queue():
    world, telemetry = aged("con_a", "con_b"), Lines()
    job = world.create(ids("con_a", "con_b", "absent"))

    assert (handle(world, telemetry), handle(world, telemetry)) == (0, 0)

    assert world.queue.waiting == []
    assert world.jobs.find(TENANT, job.job_id).status is JobStatus.FAILED
    told = telemetry.of("job_step")
    assert [(one["position"], one["status"], one["code"]) for one in told] == [
        (0, "succeeded", None),
        (1, "succeeded", None),
        (2, "failed", "ACCOUNT_NOT_FOUND"),
    ]
    assert {(one["job_id"], one["correlation_id"]) for one in told} == {(job.job_id, "corr-1")}
    assert len([one for one in telemetry.lines if one[0] == "refresh"]) == 2
    assert not any("canary7" in str(line) for line in telemetry.lines)


def test_what_has_to_wait_is_reported_and_comes_back_in_its_time():
    world, telemetry = aged("con_a"), Lines()
    world.world.twin.script.add(throttled("120"))
    world.create(ids("con_a"), retries=RetrySettings(attempts=2))
    handle(world, telemetry)

    assert handle(world, telemetry) == 1
    (message,) = world.queue.queue.messages
    assert 120 <= (message.visible_at - world.clock.now()).total_seconds() <= 122
    world.clock.advance_to(message.visible_at)
    assert handle(world, telemetry) == 0
    assert world.posts == 2


def test_a_tick_makes_the_job_of_its_schedule_once():
    world, telemetry = aged("con_a"), Lines()
    schedule = RefreshSchedule(
        tenant_id=TENANT,
        schedule_id="sch_1",
        selection=ids("con_a"),
        retries=RetrySettings(),
        interval_minutes=5,
        fires_at=None,
        actor="cli_2",
        correlation_id="corr-2",
        created_at=world.clock.now(),
    )
    world.schedules.create(schedule)
    world.queue.send([ScheduleTick(tenant_id=TENANT, schedule_id="sch_1", scheduled_time="noon")] * 2)
    world.queue.send([ScheduleTick(tenant_id=TENANT, schedule_id="sch_gone")])

    for _ in range(4):
        assert handle(world, telemetry) == 0

    (job,) = world.jobs.list_all(TENANT)
    assert (job.kind, job.status, job.schedule_id) == (JobKind.SCHEDULED, JobStatus.COMPLETED, "sch_1")
    assert (job.actor, world.posts) == ("cli_2", 1)
    assert [one["job_id"] for one in telemetry.of("schedule_tick")] == [job.job_id, job.job_id, None]


def test_a_message_that_nobody_understands_is_counted_and_not_delivered_again():
    world, telemetry = aged(), Lines()
    world.queue.queue.add("not json", 0)
    world.queue._handles.append(world.queue.queue.messages[-1])

    assert handle(world, telemetry) == 0
    assert ("count", ("MalformedMessages", 1), {}) in telemetry.lines


@pytest.mark.parametrize("queue", ["hints", "rescue", "other-jobs"])
def test_another_queues_messages_never_reach_the_jobs(queue):
    world, telemetry = aged("con_a"), Lines()
    world.create(ids("con_a"))

    handle(world, telemetry, queue=queue)
    world.clock.advance(600)
    handle(world, telemetry, queue=queue)

    assert world.posts == 0
    assert telemetry.of("job_step") == []


def test_a_store_that_does_not_answer_leaves_the_message_to_another_delivery():
    world, telemetry = aged("con_a"), Lines()
    world.create(ids("con_a"))

    def fail(*args):
        raise StoreUnavailableError("The store did not answer.")

    find, world.jobs.find = world.jobs.find, fail
    assert handle(world, telemetry) == 1
    world.jobs.find = find
    world.clock.advance(600)
    assert (handle(world, telemetry), handle(world, telemetry)) == (0, 0)
    assert world.posts == 1
