"""Schedules on the fakes: what is made fires, what is cancelled never does, whatever comes twice, late or not at all."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from evertoken.domain.errors import ConflictError, InvalidInputError, NotFoundError, StoreUnavailableError
from evertoken.domain.job import JobKind, JobSelection, JobStatus, RetrySettings, ScheduleTick
from evertoken.usecases.begin_scheduled_job import begin_scheduled_job
from evertoken.usecases.cancel_schedule import cancel_schedule
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.list_schedules import get_schedule, list_schedules
from evertoken.usecases.schedule_refresh import (
    MOST_SCHEDULES,
    DelayedRefresh,
    RecurringRefresh,
    ScheduleDependencies,
    schedule_refresh,
)
from tests.fakes.alarms import MemoryAlarms
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import SeededRandomness
from tests.fakes.schedules import MemorySchedules
from tests.simulation.numbered import CALLED, disturb
from tests.usecases.job_world import TENANT, JobWorld

RETRIES = RetrySettings(attempts=2, initial_delay_seconds=3, maximum_delay_seconds=9)
HOURLY = RecurringRefresh(interval_minutes=60)


@dataclass
class ScheduleWorld:
    """Schedules and alarms, beside the jobs of *world* when there is one."""

    world: JobWorld | None = None
    alarms: MemoryAlarms = field(default_factory=MemoryAlarms)

    def __post_init__(self):
        self.clock = self.world.clock if self.world else FakeClock()
        self.schedules = self.world.schedules if self.world else MemorySchedules()
        self.deps = ScheduleDependencies(
            schedules=self.schedules, alarms=self.alarms, clock=self.clock, randomness=SeededRandomness()
        )

    def make(self, wish=HOURLY, *, tenant_id=TENANT):
        invocation = Invocation(
            started_at=self.clock.now(), ends_at=28, actor="cli_1", correlation_id="request-1"
        )
        return schedule_refresh(self.deps, tenant_id, wish, retries=RETRIES, invocation=invocation)

    def tick(self, schedule):
        """What EventBridge Scheduler sends now."""
        return self.alarms.tick(schedule.schedule_id, self.clock.now())

    def pass_time(self, minutes):
        self.clock.advance(60 * minutes)


def connected(*names):
    world = JobWorld()
    world.connect(*names)
    world.clock.advance(60)
    return ScheduleWorld(world)


def test_a_delayed_refresh_says_what_when_and_for_whom():
    world = ScheduleWorld()
    made = world.make(DelayedRefresh(connection_id="con_a", delay_minutes=30))
    assert made.schedule_id.startswith("sch_")
    assert made.selection == JobSelection(connection_ids=("con_a",))
    assert made.fires_at == world.clock.now() + timedelta(minutes=30)
    assert (made.retries, made.actor, made.correlation_id) == (RETRIES, "cli_1", "request-1")
    assert get_schedule(world.schedules, TENANT, made.schedule_id) == made
    assert world.alarms.entries == {made.schedule_id: made}


@pytest.mark.parametrize(("interval", "before"), [(1, 60), (60, 60), (120, 120), (43_200, 43_200)])
def test_nothing_expires_between_two_ticks_unless_it_is_asked_for(interval, before):
    made = ScheduleWorld().make(RecurringRefresh(interval_minutes=interval))
    assert made.selection == JobSelection(refresh_before_minutes=before)
    asked = ScheduleWorld().make(RecurringRefresh(interval_minutes=interval, refresh_before_minutes=7))
    assert asked.selection == JobSelection(refresh_before_minutes=7)


@pytest.mark.parametrize("minutes", [0, -1, 525_601, 10**18])
def test_a_delay_out_of_bounds_is_refused_by_name(minutes):
    world = ScheduleWorld()
    with pytest.raises(InvalidInputError, match=r"^delay_minutes: .*525600"):
        world.make(DelayedRefresh(connection_id="con_a", delay_minutes=minutes))
    assert (world.schedules.kept, world.alarms.entries) == ({}, {})


@pytest.mark.parametrize("minutes", [0, -1, 43_201, 10**18])
def test_an_interval_out_of_bounds_is_refused_by_name(minutes):
    with pytest.raises(InvalidInputError, match=r"^interval_minutes: .*43200"):
        ScheduleWorld().make(RecurringRefresh(interval_minutes=minutes))


@pytest.mark.parametrize("minutes", [0, -1, 525_601])
def test_a_window_out_of_bounds_is_refused_by_name(minutes):
    with pytest.raises(InvalidInputError, match=r"^refresh_before_minutes: "):
        ScheduleWorld().make(RecurringRefresh(interval_minutes=5, refresh_before_minutes=minutes))


def test_the_bounds_themselves_are_taken():
    world = ScheduleWorld()
    for minutes in (1, 525_600):
        world.make(DelayedRefresh(connection_id="con_a", delay_minutes=minutes))
    for minutes in (1, 43_200):
        world.make(RecurringRefresh(interval_minutes=minutes))
    assert len(list_schedules(world.schedules, TENANT)) == 4


def test_a_tenant_has_a_hundred_schedules_and_no_more_and_others_are_not_counted():
    world = ScheduleWorld()
    made = [world.make() for _ in range(MOST_SCHEDULES)]
    with pytest.raises(ConflictError, match="Cancel one first"):
        world.make()
    world.make(tenant_id="other")
    cancel_schedule(world.deps, TENANT, made[0].schedule_id)
    world.make()


@pytest.mark.parametrize("fails_late", [False, True])
def test_a_schedule_whose_alarm_fails_is_not_there(fails_late):
    world = ScheduleWorld()
    world.alarms.fail_with, world.alarms.fails_late = StoreUnavailableError("no answer"), fails_late
    with pytest.raises(StoreUnavailableError):
        world.make()
    assert list_schedules(world.schedules, TENANT) == ()
    assert world.alarms.entries == {}


def test_an_alarm_that_cannot_be_stopped_any_more_wakes_nothing():
    world = connected("con_a")
    world.alarms.fail_with, world.alarms.fails_late = StoreUnavailableError("no answer"), True

    def fail(schedule_id):
        raise StoreUnavailableError(schedule_id)

    cancel, world.alarms.cancel = world.alarms.cancel, fail
    with pytest.raises(StoreUnavailableError):
        world.make()
    world.alarms.cancel = cancel
    (left,) = world.alarms.entries.values()
    world.world.queue.send([world.tick(left)])
    world.world.run()
    assert (world.world.posts, world.world.jobs.jobs) == (0, {})


def test_schedules_are_listed_oldest_first_and_by_tenant():
    world = ScheduleWorld()
    made = []
    for _ in range(5):
        made.append(world.make())
        world.pass_time(1)
    world.make(tenant_id="other")
    assert list_schedules(world.schedules, TENANT) == tuple(made)


def test_a_foreign_schedule_is_as_absent_as_one_that_never_was():
    world = ScheduleWorld()
    made = world.make()
    messages = set()
    for schedule_id in (made.schedule_id, "sch_never"):
        with pytest.raises(NotFoundError) as refused:
            get_schedule(world.schedules, "other", schedule_id)
        messages.add(refused.value.message)
        with pytest.raises(NotFoundError) as refused:
            cancel_schedule(world.deps, "other", schedule_id)
        messages.add(refused.value.message)
    assert len(messages) == 1
    assert world.alarms.entries == {made.schedule_id: made}
    assert get_schedule(world.schedules, TENANT, made.schedule_id) == made


def test_cancelling_twice_is_cancelling_once():
    world = ScheduleWorld()
    made = world.make()
    cancel_schedule(world.deps, TENANT, made.schedule_id)
    cancel_schedule(world.deps, TENANT, made.schedule_id)
    assert world.alarms.entries == {}
    with pytest.raises(NotFoundError):
        get_schedule(world.schedules, TENANT, made.schedule_id)


def test_a_cancellation_that_failed_halfway_has_stopped_the_schedule_and_can_be_repeated():
    world = connected("con_a")
    made = world.make()

    def fail(schedule_id):
        raise StoreUnavailableError(schedule_id)

    cancel, world.alarms.cancel = world.alarms.cancel, fail
    with pytest.raises(StoreUnavailableError):
        cancel_schedule(world.deps, TENANT, made.schedule_id)
    world.alarms.cancel = cancel
    world.world.queue.send([world.tick(made)])
    world.world.run()
    assert world.world.posts == 0
    cancel_schedule(world.deps, TENANT, made.schedule_id)
    assert world.alarms.entries == {}


# ticks


def test_a_recurring_schedule_refreshes_all_that_expires_soon_at_each_tick():
    world = connected("con_a", "con_b")
    made = world.make(RecurringRefresh(interval_minutes=50))
    for number in (1, 2):
        world.pass_time(50)
        world.world.queue.send([world.tick(made)])
        world.world.run()
        assert world.world.posts == 2 * number
    jobs = world.world.jobs.list_all(TENANT)
    assert [(job.kind, job.status, job.total) for job in jobs] == [
        (JobKind.SCHEDULED, JobStatus.COMPLETED, 2)
    ] * 2
    assert {(job.schedule_id, job.actor, job.correlation_id) for job in jobs} == {
        (made.schedule_id, "cli_1", "request-1")
    }
    seen = get_schedule(world.schedules, TENANT, made.schedule_id)
    assert seen.last_job_id == jobs[0].job_id
    assert seen.next_fires_at(world.clock.now()) > world.clock.now()


def test_a_delayed_refresh_happens_once_and_its_schedule_is_gone():
    world = connected("con_a", "con_b")
    made = world.make(DelayedRefresh(connection_id="con_b", delay_minutes=30))
    world.pass_time(30)
    tick = world.tick(made)
    world.world.queue.send([tick])
    world.world.run()
    world.world.queue.send([tick, ScheduleTick(tenant_id=TENANT, schedule_id=made.schedule_id)])
    world.world.run()
    assert world.world.posts == 1
    (job,) = world.world.jobs.list_all(TENANT)
    assert [step.connection_id for step in world.world.steps(job)] == ["con_b"]
    assert world.schedules.list_all(TENANT) == (), "nobody reads it again"
    with pytest.raises(NotFoundError):
        get_schedule(world.schedules, TENANT, made.schedule_id)


def test_a_delayed_refresh_of_what_is_foreign_or_absent_asks_no_provider():
    world = connected("con_a")
    world.world.connect("con_foreign", tenant_id="other")
    for connection_id in ("con_foreign", "con_never"):
        made = world.make(DelayedRefresh(connection_id=connection_id, delay_minutes=1))
        world.world.queue.send([world.tick(made)])
    world.world.run()
    assert world.world.posts == 0
    steps = [world.world.steps(job) for job in world.world.jobs.list_all(TENANT)]
    assert [step.code for (step,) in steps] == ["ACCOUNT_NOT_FOUND"] * 2


@pytest.mark.parametrize("copies", [2, 5])
def test_a_tick_that_is_delivered_again_makes_no_second_job(copies):
    world = connected("con_a")
    made = world.make()
    world.pass_time(50)
    world.world.queue.send([world.tick(made)] * copies)
    world.world.run()
    assert (len(world.world.jobs.jobs), world.world.posts) == (1, 1)


def test_two_ticks_of_one_schedule_are_two_jobs_also_when_the_time_is_not_told():
    world = connected("con_a")
    made = world.make()
    tick = ScheduleTick(tenant_id=TENANT, schedule_id=made.schedule_id)
    deps = world.world.working().ticking
    jobs = [begin_scheduled_job(deps, tick, message_id=name).job_id for name in ("m-1", "m-2", "m-1")]
    assert jobs[0] == jobs[2] != jobs[1]


def test_a_tick_that_was_queued_when_its_schedule_was_cancelled_asks_nobody():
    world = connected("con_a")
    made = world.make()
    world.pass_time(50)
    world.world.queue.send([world.tick(made)])
    cancel_schedule(world.deps, TENANT, made.schedule_id)
    world.world.run()
    assert (world.world.posts, world.world.jobs.jobs) == (0, {})


@pytest.mark.parametrize("deliveries", [1, 2])
def test_a_cancellation_stops_the_job_that_its_tick_has_begun(deliveries):
    world = connected("con_a", "con_b")
    made = world.make()
    world.pass_time(50)
    world.world.queue.send([world.tick(made)])
    for _ in range(deliveries):
        assert world.world.deliver()
    cancel_schedule(world.deps, TENANT, made.schedule_id)
    world.world.run()
    assert world.world.posts == 0
    (job,) = world.world.jobs.list_all(TENANT)
    assert {step.code for step in world.world.steps(job)} == {"CANCELLED"}


def test_a_tick_of_a_tenant_that_does_not_own_the_schedule_does_nothing():
    world = connected("con_a")
    made = world.make()
    tick = ScheduleTick(tenant_id="other", schedule_id=made.schedule_id, scheduled_time="now")
    assert begin_scheduled_job(world.world.working().ticking, tick, message_id="m-1") is None
    assert get_schedule(world.schedules, TENANT, made.schedule_id) == made


# faults


def tell(wish, fault_at=None, fault=None):
    """One tick of a schedule, from the queue to the provider, with a fault at one call of a port."""
    world = connected("con_a")
    made = world.make(wish)
    world.pass_time(50)
    world.world.queue.send([world.tick(made)])
    calls = []

    def gate(port, method, effect):
        if port not in ("jobs", "jobqueue", "schedules"):
            return effect()
        calls.append(f"{port}.{method}")
        return disturb(fault if len(calls) - 1 == fault_at else None, port, effect)

    world.world.gate = gate
    world.world.run()
    return world, made, calls


WISHES = {"recurring": HOURLY, "once": DelayedRefresh(connection_id="con_a", delay_minutes=50)}


@pytest.mark.parametrize("fault", CALLED)
@pytest.mark.parametrize("number", range(len(tell(HOURLY)[2])))
@pytest.mark.parametrize("kind", WISHES)
def test_a_tick_makes_one_job_and_one_request_wherever_its_worker_fails_or_dies(kind, number, fault):
    world, made, calls = tell(WISHES[kind], number, fault)
    assert "schedules.record_tick" in calls
    assert (world.world.posts, len(world.world.jobs.jobs), world.world.dead) == (1, 1, [])
    (job,) = world.world.jobs.jobs.values()
    assert (job.status, job.schedule_id) == (JobStatus.COMPLETED, made.schedule_id)
