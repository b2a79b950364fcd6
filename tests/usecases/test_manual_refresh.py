"""A refresh of one connection with retry settings: within the request as far as it goes, and by a job from there on."""

import pytest

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError, StoreUnavailableError
from evertoken.domain.job import JobKind, JobStatus, RetrySettings
from evertoken.domain.origin import Origin, Trigger
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_on_demand import DemandOutcome
from evertoken.usecases.refresh_with_retries import ContinuedRefresh, EndedRefresh, refresh_with_retries
from tests.simulation.numbered import Fault, disturb
from tests.simulation.world import READ_TIMING
from tests.support.provider_faults import throttled, unavailable
from tests.usecases.job_world import TENANT, JobWorld

TIMEOUT_SECONDS = READ_TIMING.function_timeout_seconds
"""How long API Gateway and the function leave to one request."""


def aged(*faults):
    world = JobWorld()
    world.connect("con_a")
    world.clock.advance(60)
    for fault in faults:
        world.world.twin.script.add(fault)
    return world


def refresh(world, name="con_a", *, gate=None, **retries):
    invocation = Invocation(
        started_at=world.clock.now(),
        ends_at=world.clock.monotonic() + TIMEOUT_SECONDS,
        actor="cli_1",
        correlation_id="corr-1",
    )
    return refresh_with_retries(
        world.world.refreshing(timing=READ_TIMING, gate=gate),
        world.creating(),
        ConnectionKey(tenant_id=TENANT, connection_id=name),
        retries=RetrySettings(**{"attempts": 1, **retries}),
        invocation=invocation,
    )


def failing(method, count):
    """A gate that lets the first *count* calls of a method fail."""
    left = [count]

    def gate(port, called, effect):
        left[0] -= called == method
        return disturb(Fault.UNAVAILABLE if called == method and left[0] >= 0 else None, port, effect)

    return gate


def sent_at(world):
    return [record.started_at for record in world.world.twin.ledger.find_requests()]


def test_one_attempt_is_enough_where_the_provider_is_well():
    world = aged()

    ended = refresh(world)

    assert isinstance(ended, EndedRefresh)
    assert ended.demanded.outcome is DemandOutcome.REFRESHED
    assert len(ended.results) == 1
    assert world.row("con_a").origin == Origin(trigger=Trigger.MANUAL, actor="cli_1", correlation_id="corr-1")


def test_one_attempt_that_fails_is_the_answer_at_once():
    world = aged(unavailable(None))

    ended = refresh(world)

    assert ended.demanded.refusal.code == "PROVIDER_UNAVAILABLE"
    assert world.clock.elapsed == 60
    assert world.jobs.jobs == {}


def test_a_second_attempt_is_made_within_the_request_and_not_before_the_cool_down():
    world = aged(unavailable(None))

    ended = refresh(world, attempts=3, initial_delay_seconds=0.1, maximum_delay_seconds=0.2)

    assert ended.demanded.outcome is DemandOutcome.REFRESHED
    assert [result.kind.value for result in ended.results] == ["failed", "refreshed"]
    first, second = sent_at(world)
    assert 2.5 <= second - first <= 6, "the cool-down after a first failure"
    assert world.jobs.jobs == {}


def test_a_wait_that_does_not_fit_into_the_request_goes_on_as_a_job_and_ends_well():
    world = aged(throttled("90"))

    continued = refresh(world, attempts=3)

    assert isinstance(continued, ContinuedRefresh)
    assert world.clock.elapsed == 60, "nobody waits for what cannot come"
    job = continued.job
    assert (job.kind, job.status, job.attempts_made) == (JobKind.REFRESH, JobStatus.WAITING, 1)
    assert (job.actor, job.correlation_id) == ("cli_1", "corr-1")
    world.run()
    ended = world.jobs.find(TENANT, job.job_id)
    (step,) = world.steps(ended)
    assert (ended.status, step.outcome, step.attempts) == (JobStatus.COMPLETED, "refreshed", 2)
    first, second = sent_at(world)
    assert second - first >= 90


def test_attempts_of_request_and_job_together_are_as_many_as_were_asked_for():
    world = aged(*[unavailable(None)] * 9)

    continued = refresh(world, attempts=5)
    world.run()

    assert 2 <= len(continued.results) < 5
    (step,) = world.steps(continued.job)
    assert (step.attempts, step.code) == (5, "PROVIDER_UNAVAILABLE")
    assert world.posts == 5


@pytest.mark.parametrize("attempts", [2, 5, 10])
def test_the_request_ends_before_its_time_whatever_is_asked_for(attempts):
    world = aged(*[unavailable(None)] * attempts)

    refresh(world, attempts=attempts, initial_delay_seconds=3600, maximum_delay_seconds=3600)

    assert world.clock.elapsed - 60 < TIMEOUT_SECONDS - 12 - 5


def test_a_refusal_that_somebody_has_to_act_on_is_final_at_once():
    world = aged()
    row = world.row("con_a")
    world.world.store.set_hold(row.key, expected=row, on_hold=True, now=world.clock.now())

    ended = refresh(world, attempts=10)

    assert ended.demanded.refusal.code == "ON_HOLD"
    assert (world.clock.elapsed, world.posts, world.jobs.jobs) == (60, 0, {})


def test_a_connection_that_does_not_exist_is_not_found_however_often_it_is_tried():
    world = aged()

    with pytest.raises(ConnectionNotFoundError):
        refresh(world, "absent", attempts=10)

    assert (world.clock.elapsed, world.jobs.jobs) == (60, {})


def test_an_attempt_that_could_not_be_made_is_an_attempt_too():
    world = aged()

    ended = refresh(world, attempts=2, gate=failing("get_ready", 1))

    assert ended.demanded.outcome is DemandOutcome.REFRESHED
    assert len(ended.results) == 1
    with pytest.raises(StoreUnavailableError):
        refresh(aged(), attempts=2, gate=failing("get", 2))


def test_a_token_that_is_too_young_is_not_refreshed_again_and_that_is_no_failure():
    world = JobWorld()
    world.connect("con_a")

    ended = refresh(world, attempts=10)

    assert ended.demanded.outcome is DemandOutcome.NOT_NEEDED
    assert world.posts == 0
