"""Jobs on the fakes: each connection by itself, each counted once, whatever comes twice, fails or dies on the way."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.connection import FailureRecord
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import (
    CANCELLED,
    JobExpansion,
    JobKind,
    JobSelection,
    JobStatus,
    JobStepDue,
    RetrySettings,
    StepStatus,
)
from evertoken.domain.origin import Origin, Trigger
from evertoken.domain.outcome import FailureKind
from evertoken.domain.refresh_schedule import RefreshSchedule
from evertoken.usecases.choose_targets import choose_targets
from evertoken.usecases.follow_jobs import wait_for_job
from tests.simulation.numbered import CALLED, Fault, Killed, Numbered, disturb
from tests.support.provider_faults import drop_after_commit, throttled, unavailable
from tests.usecases.job_world import TENANT, JobWorld, by_name, ids, once, settle

HOUR = 3600
OLD_ENOUGH = 60
"""A token of an hour may be refreshed on demand when it is half a minute old."""


def aged(*names, kind="strict_kill", **profile):
    world = JobWorld(kind, **profile)
    world.connect(*names)
    world.clock.advance(OLD_ENOUGH)
    return world


def schedule_of(world, **changes):
    schedule = RefreshSchedule(
        tenant_id=TENANT,
        schedule_id="sch_1",
        selection=ids("con_a"),
        retries=RetrySettings(),
        interval_minutes=1,
        fires_at=None,
        actor="cli_1",
        correlation_id="corr-1",
        created_at=world.clock.now(),
    )
    world.schedules.create(replace(schedule, **changes))


def disturb_requests(world, *faults):
    """Have the next requests go wrong, one after another."""
    for fault in faults:
        world.world.twin.script.add(fault)


# what a job is about


def test_every_connection_of_a_batch_is_refreshed_in_the_name_of_who_asked():
    world = aged("con_a", "con_b", "con_c")

    job = world.finish(ids("con_a", "con_b", "con_c"))

    assert (job.status, job.total, job.succeeded, job.failed) == (JobStatus.COMPLETED, 3, 3, 0)
    assert job.finished_at is not None
    for step in world.steps(job):
        row = world.row(step.connection_id)
        assert (step.outcome, step.attempts, step.code) == ("refreshed", 1, "")
        assert (step.provider_id, step.account) == ("scripted", f"account of {step.connection_id}")
        assert step.expires_at == row.expires_at
        assert row.generation == 2
        assert row.origin == Origin(trigger=Trigger.JOB, actor="cli_1", correlation_id="corr-1")
    assert world.posts == 3


def test_unknown_and_foreign_connections_fail_in_the_same_words_and_without_a_request():
    world = aged("con_a")
    world.connect("con_theirs", tenant_id="other")
    world.clock.advance(OLD_ENOUGH)

    job = world.finish(ids("con_theirs", "con_a", "con_nobodys", "no id at all"))

    steps = by_name(world.steps(job))
    assert (job.status, job.succeeded, job.failed) == (JobStatus.FAILED, 1, 3)
    refusals = [steps[name] for name in ("con_theirs", "con_nobodys", "no id at all")]
    assert {(one.code, one.attempts, one.provider_id, one.account) for one in refusals} == {
        ("ACCOUNT_NOT_FOUND", 1, "", "")
    }
    assert len({one.message for one in refusals}) == 1
    assert world.posts == 1
    assert world.row("con_theirs", "other").generation == 1


def test_a_connection_that_is_named_twice_is_one_step():
    world = aged("con_a", "con_b")

    job = world.finish(
        JobSelection(
            connection_ids=("con_b", "con_a", "con_b"), accounts=(("scripted", "account of con_a"),) * 2
        )
    )

    assert [step.connection_id for step in world.steps(job)] == ["con_b", "con_a"]
    assert world.posts == 2


def test_accounts_are_looked_up_within_the_tenant():
    world = aged("con_a", "con_b")
    world.connect("con_theirs", tenant_id="other", account="shared")
    world.connect("con_c", "con_d", account="shared")
    world.clock.advance(OLD_ENOUGH)
    accounts = (
        ("scripted", "shared"),
        ("scripted", "account of con_b"),
        ("scripted", "nobody"),
        ("x", "shared"),
    )

    job = world.finish(JobSelection(accounts=accounts))

    found = [(step.connection_id, step.account, step.code) for step in world.steps(job)]
    assert found == [
        ("con_c", "shared", ""),
        ("con_d", "shared", ""),
        ("con_b", "account of con_b", ""),
        ("", "nobody", "ACCOUNT_NOT_FOUND"),
        ("", "shared", "ACCOUNT_NOT_FOUND"),
    ]
    assert world.posts == 3


@pytest.mark.parametrize(("minutes", "found"), [(None, ["con_a", "con_b"]), (30, ["con_a"]), (5, [])])
def test_what_expires_soon_is_refreshed_the_nearest_first(minutes, found):
    world = JobWorld()
    world.connect("con_a")
    world.clock.advance(HOUR / 2 + OLD_ENOUGH)
    world.connect("con_b")
    world.clock.advance(OLD_ENOUGH)

    job = world.finish(JobSelection(refresh_before_minutes=minutes))

    assert [step.connection_id for step in world.steps(job)] == found
    assert job.status is JobStatus.COMPLETED
    assert (job.total, world.posts) == (len(found), len(found))


def test_what_is_on_hold_or_over_is_not_due():
    world = aged("con_a", "con_held", "con_gone")
    held, gone = world.row("con_held"), world.row("con_gone")
    now = world.clock.now()
    world.world.store.set_hold(held.key, expected=held, on_hold=True, now=now)
    world.world.store.disconnect(gone.key, expected=gone, revoke=False, now=now)

    job = world.finish()

    assert [step.connection_id for step in world.steps(job)] == ["con_a"]


def test_of_more_than_a_thousand_the_nearest_are_taken_and_the_job_says_so():
    world = JobWorld("static")
    names = [f"con_{number:04d}" for number in range(1001)]
    world.connect(*names)
    world.clock.advance(1)
    store, clock = world.world.store, world.clock

    targets, is_truncated = choose_targets(store, clock, TENANT, JobSelection())
    named, named_is_truncated = choose_targets(store, clock, TENANT, ids(*names[:1000], *names[:10]))

    assert (len(targets), is_truncated) == (1000, True)
    assert (len(named), named_is_truncated) == (1000, False)


def test_a_thousand_connections_are_a_thousand_results():
    names = [f"con_{number:04d}" for number in range(1000)]
    world = aged(*names, kind="static")

    job = world.finish(ids(*names))

    assert (job.total, job.succeeded, job.status) == (1000, 1000, JobStatus.COMPLETED)
    assert [step.connection_id for step in world.steps(job)] == names
    assert world.posts == 1000


# attempts


def test_a_provider_that_is_down_for_a_moment_costs_an_attempt():
    world = aged("con_a", "con_b")
    disturb_requests(world, unavailable(None))

    job = world.finish(ids("con_a", "con_b"))

    assert (job.status, job.succeeded) == (JobStatus.COMPLETED, 2)
    assert sorted(step.attempts for step in world.steps(job)) == [1, 2]
    assert world.posts == 3


def test_attempts_end_and_the_step_says_why():
    world = aged("con_a")
    disturb_requests(world, *[unavailable(None)] * 9)

    job = world.finish(ids("con_a"), retries=RetrySettings(attempts=4))

    (step,) = world.steps(job)
    assert (job.status, step.status, step.attempts) == (JobStatus.FAILED, StepStatus.FAILED, 4)
    assert step.code == "PROVIDER_UNAVAILABLE"
    assert "Try again later" in step.message
    assert world.posts == 4


def sent_at(world):
    return [record.started_at for record in world.world.twin.ledger.find_requests()]


@pytest.mark.parametrize("retry_after", ["200", "900"])
def test_what_the_provider_asks_for_is_waited_for_however_short_the_caller_wants_it(retry_after):
    world = aged("con_a")
    disturb_requests(world, throttled(retry_after))

    job = world.finish(
        ids("con_a"), retries=once(attempts=2, initial_delay_seconds=0, maximum_delay_seconds=1)
    )

    first, second = sent_at(world)
    assert second - first >= float(retry_after)
    assert second - first < float(retry_after) + 5
    assert job.status is JobStatus.COMPLETED


def test_what_the_caller_asks_for_is_waited_for_where_it_is_longer_than_the_cool_down():
    world = aged("con_a")
    disturb_requests(world, unavailable(None), unavailable(None))

    world.finish(ids("con_a"), retries=RetrySettings(initial_delay_seconds=100, maximum_delay_seconds=150))

    first, second, third = sent_at(world)
    assert 50 <= second - first <= 101
    assert 75 <= third - second <= 151


def test_a_connection_that_cools_down_is_asked_about_when_it_has():
    world = aged("con_a")
    disturb_requests(world, throttled("120"))
    world.finish(ids("con_a"), retries=once())

    job = world.finish(ids("con_a"), retries=once(attempts=2))

    first, second = sent_at(world)
    assert second - first >= 120
    (step,) = world.steps(job)
    assert (step.outcome, step.attempts) == ("refreshed", 2)


def test_with_one_attempt_a_cool_down_is_the_answer():
    world = aged("con_a")
    disturb_requests(world, throttled("120"))
    world.finish(ids("con_a"), retries=once())

    job = world.finish(ids("con_a"), retries=once())

    (step,) = world.steps(job)
    assert (step.code, step.attempts) == ("PROVIDER_UNAVAILABLE", 1)
    assert world.posts == 1


def test_the_pause_of_a_refused_client_is_not_spent_in_a_burst_of_attempts():
    world = aged("con_a")
    ready = world.world.directory.get_ready("reg-1")
    paused = replace(ready.registration, paused_until=world.clock.now() + timedelta(seconds=100))
    world.world.directory.put(replace(ready, registration=paused))

    job = world.finish(ids("con_a"), retries=RetrySettings(attempts=3, initial_delay_seconds=0.1))

    (step,) = world.steps(job)
    assert (step.outcome, step.attempts, world.posts) == ("refreshed", 3, 1)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("hold", "ON_HOLD"),
        ("disconnect", "DISCONNECTED"),
        ("end", "REAUTH_REQUIRED"),
        ("client", "UNKNOWN_REGISTRATION"),
        ("user", "PROVIDER_UNAVAILABLE"),
    ],
)
def test_what_somebody_has_to_act_on_is_final_at_once(spoil, code):
    world = aged("con_a")
    row, now = world.row("con_a"), world.clock.now()
    match spoil:
        case "hold":
            world.world.store.set_hold(row.key, expected=row, on_hold=True, now=now)
        case "disconnect":
            world.world.store.disconnect(row.key, expected=row, revoke=False, now=now)
        case "end":
            world.world.twin.rules.end_grant(world.world.token_set(row).access_token)
        case "client":
            world.world.directory.remove("reg-1")
        case "user":
            cause = FailureKind.USER_ACTION_REQUIRED.value
            failure = FailureRecord(cause=cause, code="consent_required", count=1, failed_at=now)
            world.world.store._write(replace(row, failure=failure, cooldown_until=now + timedelta(hours=1)))

    job = world.finish(ids("con_a"), retries=RetrySettings(attempts=9))

    (step,) = world.steps(job)
    assert (step.code, step.attempts) == (code, 1)
    assert world.clock.elapsed < OLD_ENOUGH + 1
    assert world.posts == (1 if spoil == "end" else 0)


def test_somebody_elses_attempt_is_waited_for_and_its_token_is_the_result():
    world = aged("con_a")
    row = world.row("con_a")
    now = world.clock.now()
    world.world.store.acquire_lease(
        row.key,
        epoch=1,
        generation=1,
        owner="another",
        now=now,
        until=now + timedelta(seconds=60),
        due_by=None,
    )
    job = world.create(ids("con_a"), retries=once())
    while world.clock.elapsed < OLD_ENOUGH + 9:
        if not world.deliver():
            world.clock.advance(1)
    assert world.posts == 0
    world.world.store_grant(world.row("con_a"), world.world.new_grant(), publish=False)
    world.run()

    (step,) = world.steps(job)
    assert (step.outcome, step.attempts) == ("not_needed", 1)
    assert world.posts == 0


def test_a_worker_that_died_with_the_lease_delays_the_job_and_does_not_fail_it():
    world = aged("con_a", kind="static")
    row, now = world.row("con_a"), world.clock.now()
    world.world.store.acquire_lease(
        row.key,
        epoch=1,
        generation=1,
        owner="dead",
        now=now,
        until=now + timedelta(seconds=60),
        due_by=None,
    )

    job = world.finish(ids("con_a"), retries=once())

    (step,) = world.steps(job)
    assert (step.outcome, step.attempts) == ("refreshed", 1)
    assert world.clock.elapsed >= OLD_ENOUGH + 60


def test_an_unanswered_request_is_confirmed_by_a_later_attempt_at_a_provider_with_a_grace():
    world = aged("con_a", kind="grace")
    disturb_requests(world, drop_after_commit(), drop_after_commit())

    job = world.finish(ids("con_a"), retries=RetrySettings(attempts=5))

    assert job.status is JobStatus.COMPLETED
    assert world.world.twin.ledger.violations == []


def test_a_token_that_is_newer_than_the_job_is_what_was_asked_for():
    world = aged("con_a")
    job = world.create(ids("con_a"))
    world.clock.advance(1)
    world.world.store_grant(world.row("con_a"), world.world.new_grant(), publish=False)
    world.clock.advance(600)
    world.run()

    (step,) = world.steps(job)
    assert (step.outcome, world.posts) == ("not_needed", 0)


def test_a_job_that_goes_on_begins_where_the_request_ended():
    world = aged("con_a")
    not_before = world.clock.now() + timedelta(seconds=40)

    job = world.finish(ids("con_a"), kind=JobKind.REFRESH, attempts_made=2, not_before=not_before)

    assert sent_at(world) == [not_before.timestamp()]
    assert world.steps(job)[0].attempts == 3
    assert world.row("con_a").origin.trigger is Trigger.MANUAL


def test_a_step_that_is_delivered_without_end_ends_as_failed_and_not_as_a_dead_letter():
    world = aged("con_a")

    def gate(port, method, effect):
        return disturb(Fault.CRASH_BEFORE if port == "directory" else None, port, effect)

    world.gate = gate
    job = world.create(ids("con_a"))
    world.run()

    (step,) = world.steps(job)
    assert (step.code, world.dead) == ("TOKEN_REFRESH_ERROR", [])


# schedules


def test_the_job_of_a_schedule_that_is_there_is_done():
    world = aged("con_a")
    schedule_of(world)

    job = world.finish(ids("con_a"), kind=JobKind.SCHEDULED, schedule_id="sch_1")

    assert job.status is JobStatus.COMPLETED


@pytest.mark.parametrize("when", ["before", "between attempts"])
def test_a_step_of_a_cancelled_schedule_sends_nothing_more(when):
    world = aged("con_a")
    schedule_of(world)
    disturb_requests(world, unavailable(None))
    job = world.create(ids("con_a"), kind=JobKind.SCHEDULED, schedule_id="sch_1")
    if when == "between attempts":
        assert world.deliver()
        assert world.deliver()
    before = world.posts
    assert world.schedules.cancel(TENANT, "sch_1", now=world.clock.now())
    world.run()

    (step,) = world.steps(job)
    assert step.code == CANCELLED
    assert world.posts == before == (1 if when == "between attempts" else 0)
    assert world.jobs.find(TENANT, job.job_id).status is JobStatus.FAILED


# waiting for a job


def test_a_store_that_stops_answering_ends_the_wait_and_not_the_request():
    world = aged("con_a")
    job = world.create(ids("con_a"))
    asked = []

    def gate(port, method, effect):
        asked.append(method)
        return disturb(Fault.UNAVAILABLE, port, effect)

    assert wait_for_job(Numbered("jobs", world.jobs, gate), world.clock, job, seconds=20) is None
    assert asked == ["find"]


# what is kept


def test_the_last_ten_completed_and_fifty_failed_jobs_are_kept():
    world = aged("con_a")
    for number in range(13):
        world.finish(ids("con_a"), job_id=f"job_good_{number:02d}")
        world.clock.advance(1)
    for number in range(52):
        world.finish(ids("absent"), job_id=f"job_bad_{number:02d}")
        world.clock.advance(1)

    counts = Counter(job.status for job in world.jobs.list_all(TENANT))

    assert counts == {JobStatus.COMPLETED: 10, JobStatus.FAILED: 50}
    assert world.jobs.find(TENANT, "job_good_12") is not None
    assert world.jobs.find(TENANT, "job_good_02") is None


# repetition


def test_every_message_delivered_thrice_changes_nothing():
    world = aged("con_a", "con_b")
    job = world.create(ids("con_a", "con_b", "absent"))
    send = world.queue.send
    world.queue.send = lambda messages: [send([message] * 3) for message in list(messages)]
    world.queue.send([JobExpansion(tenant_id=TENANT, job_id=job.job_id)])
    world.run()

    ended = world.jobs.find(TENANT, job.job_id)
    assert (ended.total, ended.succeeded, ended.failed) == (3, 2, 1)
    assert world.posts == 2


def test_repeated_messages_of_a_waiting_step_make_no_attempt_before_its_time():
    world = aged("con_a")
    disturb_requests(world, throttled("120"))
    job = world.create(ids("con_a"), retries=once(attempts=2))
    assert world.deliver()
    world.queue.send([JobStepDue(tenant_id=TENANT, job_id=job.job_id, position=0)] * 5)
    world.run()

    first, second = sent_at(world)
    assert second - first >= 120
    assert world.steps(job)[0].attempts == 2


def test_what_became_due_between_two_expansions_does_not_change_the_steps():
    world = aged("con_a", "con_b")
    fail_once(world, "jobqueue", "send", skip=1)
    job = world.create(JobSelection(refresh_before_minutes=60))
    world.deliver()
    world.connect("con_0", "con_z")
    world.clock.advance(OLD_ENOUGH)
    world.run()

    ended = world.jobs.find(TENANT, job.job_id)
    assert [step.connection_id for step in world.steps(job)] == ["con_a", "con_b"]
    assert (ended.total, ended.succeeded) == (2, 2)


def test_a_message_of_a_job_that_was_never_written_is_dropped_after_a_while():
    world = JobWorld()
    world.queue.send(
        [
            JobExpansion(tenant_id=TENANT, job_id="job_never"),
            JobStepDue(tenant_id=TENANT, job_id="job_never", position=0),
        ]
    )
    world.run()

    assert 30 < world.clock.elapsed < 120


def fail_once(world, port, method, *, skip):
    left = [skip]

    def gate(name, called, effect):
        if (name, called) == (port, method):
            left[0] -= 1
            if left[0] == -1:
                return disturb(Fault.UNAVAILABLE, name, effect)
        return disturb(None, name, effect)

    world.gate = gate


# faults

PORTS = ("jobs", "jobqueue", "schedules")


def story(fault_at=None, fault=None):
    """A scheduled batch of four through everything that jobs do: one that is absent, one that fails first, one that is on hold."""
    world = aged("con_a", "con_b", "con_held")
    schedule_of(world)
    held = world.row("con_held")
    world.world.store.set_hold(held.key, expected=held, on_hold=True, now=world.clock.now())
    disturb_requests(world, unavailable(None))
    calls = []

    def gate(port, method, effect):
        if port not in PORTS:
            return effect()
        calls.append(f"{port}.{method}")
        return disturb(fault if len(calls) - 1 == fault_at else None, port, effect)

    world.gate = gate
    selection = ids("con_a", "absent", "con_b", "con_held")
    job = settle(world, selection, kind=JobKind.SCHEDULED, schedule_id="sch_1")
    world.run()
    return world, world.jobs.find(TENANT, job.job_id), calls


CALLS = story()[2]


def test_the_story_calls_every_method_that_working_on_jobs_needs():
    called = set(CALLS)
    assert called == {
        "jobqueue.send",
        "jobqueue.postpone",
        "jobs.create",
        "jobs.find",
        "jobs.find_selection",
        "jobs.fix_targets",
        "jobs.begin",
        "jobs.list_steps",
        "jobs.find_step",
        "jobs.count_attempt",
        "jobs.finish_step",
        "jobs.trim",
        "schedules.find",
        "schedules.forget_spent",
    }


@pytest.mark.parametrize("fault", CALLED)
@pytest.mark.parametrize("number", [0, 1])
def test_a_request_that_died_leaves_no_job_that_waits_for_ever(number, fault):
    world, calls = aged("con_a"), []

    def gate(port, method, effect):
        calls.append(method)
        return disturb(fault if len(calls) - 1 == number else None, port, effect)

    world.gate = gate
    with suppress(Killed, StoreUnavailableError):
        world.create(ids("con_a"))
    world.run()

    assert calls[:2][: number + 1] == ["send", "create"][: number + 1]
    assert all(job.status is JobStatus.COMPLETED for job in world.jobs.list_all(TENANT))


@pytest.mark.parametrize("fault", CALLED)
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_fault_at_any_call_ends_in_the_same_counts(number, fault):
    world, job, _ = story(number, fault)

    assert (job.status, job.total, job.succeeded, job.failed) == (JobStatus.FAILED, 4, 2, 2)
    steps = by_name(world.steps(job))
    assert {name: step.code for name, step in steps.items()} == {
        "con_a": "",
        "con_b": "",
        "absent": "ACCOUNT_NOT_FOUND",
        "con_held": "ON_HOLD",
    }
    assert world.posts == 3, "nothing is asked of the provider twice"
    assert world.world.twin.ledger.violations == []
    assert world.dead == []


PROVIDER_PORTS = ("store", "transport", "sealer", "directory")


def provider_story(fault_at=None, fault=None):
    world = aged("con_a", kind="static")
    calls = []

    def gate(port, method, effect):
        if port not in PROVIDER_PORTS:
            return effect()
        calls.append(method)
        return disturb(fault if len(calls) - 1 == fault_at else None, port, effect)

    world.gate = gate
    job = world.create(ids("con_a"), retries=RetrySettings(attempts=3))
    world.run()
    return world, world.jobs.find(TENANT, job.job_id), len(calls)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.UNAVAILABLE])
@pytest.mark.parametrize("number", range(provider_story()[2]))
def test_a_fault_within_the_refresh_itself_ends_well_too(number, fault):
    world, job, _ = provider_story(number, fault)

    assert (job.status, job.total, job.succeeded) == (JobStatus.COMPLETED, 1, 1)
    assert world.row("con_a").generation >= 2
    assert world.posts <= 2
