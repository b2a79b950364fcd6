"""The store of jobs, one suite for the fake and for DynamoDB as moto plays it."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest

from evertoken.adapters.dynamodb_jobs import DynamoDBJobs
from evertoken.domain.job import (
    Job,
    JobKind,
    JobSelection,
    JobStatus,
    JobStep,
    JobTarget,
    RetrySettings,
    StepStatus,
)
from tests.contract.store_under_test import NOW, after, moto_account
from tests.contract.template_table import create_table
from tests.fakes.jobs import MemoryJobs

__all__ = ["moto_account"]
_numbers = itertools.count(1)
JOB = Job(
    tenant_id="acme",
    job_id="job_a",
    kind=JobKind.SCHEDULED,
    status=JobStatus.WAITING,
    retries=RetrySettings(attempts=5, initial_delay_seconds=0.25, maximum_delay_seconds=30.0),
    attempts_made=1,
    not_before=after(7),
    actor="cli_a",
    correlation_id="corr-1",
    schedule_id="sch_a",
    created_at=NOW,
)
SELECTION = JobSelection(connection_ids=("con_a", "con_b"), accounts=(("github", "é % \n ann"),))
TARGETS = (JobTarget(connection_id="con_a"), JobTarget(connection_id="", provider_id="github", account="é"))


@pytest.fixture(params=["memory", "dynamodb"])
def store(request, moto_account):
    if request.param == "memory":
        return MemoryJobs()
    name = f"table-{next(_numbers)}"
    create_table(boto3.client("dynamodb"), name)
    return DynamoDBJobs(boto3.client("dynamodb"), name)


def steps_of(job, count):
    return [
        JobStep(
            tenant_id=job.tenant_id,
            job_id=job.job_id,
            position=position,
            connection_id=f"con_{position}",
            attempts=job.attempts_made,
            next_attempt_at=job.not_before,
        )
        for position in range(count)
    ]


def begun(store, count, job=JOB):
    store.create(job, SELECTION)
    steps = steps_of(job, count)
    store.begin(job, steps, is_truncated=False, now=NOW)
    return steps


def succeeded(step, **changes):
    return replace(step, status=StepStatus.SUCCEEDED, attempts=2, outcome="refreshed", **changes)


def failed(step):
    return replace(step, status=StepStatus.FAILED, attempts=2, code="ON_HOLD", message="This one is held.")


def test_a_job_and_what_it_is_about_come_back_as_they_were(store):
    store.create(JOB, SELECTION)

    assert store.find("acme", "job_a") == JOB
    assert store.find_selection("acme", "job_a") == SELECTION
    assert store.list_steps("acme", "job_a") == ()


def test_a_job_without_anything_special_comes_back_too(store):
    plain = replace(JOB, attempts_made=0, not_before=None, schedule_id=None)
    store.create(plain, JobSelection(refresh_before_minutes=0))

    assert store.find("acme", "job_a") == plain
    assert store.find_selection("acme", "job_a") == JobSelection(refresh_before_minutes=0)


def test_a_job_is_found_by_its_own_tenant_only(store):
    begun(store, 1)

    assert store.find("other", "job_a") is None
    assert store.find_selection("other", "job_a") is None
    assert store.find_step("other", "job_a", 0) is None
    assert store.list_all("other") == ()
    assert store.list_steps("other", "job_a") == ()


def test_creating_a_job_twice_changes_nothing(store):
    begun(store, 1)
    before = store.find("acme", "job_a")

    store.create(replace(JOB, actor="thief"), JobSelection())

    assert store.find("acme", "job_a") == before
    assert store.find_selection("acme", "job_a") == SELECTION


def test_jobs_are_listed_newest_first(store):
    for number in (2, 1, 3):
        store.create(replace(JOB, job_id=f"job_{number}", created_at=after(number)), SELECTION)

    assert [job.job_id for job in store.list_all("acme")] == ["job_3", "job_2", "job_1"]


def test_who_says_first_what_a_job_is_about_is_believed(store):
    store.create(JOB, SELECTION)

    assert store.fix_targets(JOB, TARGETS, is_truncated=True) == (TARGETS, True)
    assert store.fix_targets(JOB, (), is_truncated=False) == (TARGETS, True)


def test_a_job_that_is_gone_is_about_nothing(store):
    assert store.fix_targets(JOB, TARGETS, is_truncated=True) == ((), False)


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_a_job_that_began_is_active_with_its_steps_in_order(store, count):
    steps = begun(store, count)

    assert store.find("acme", "job_a") == replace(JOB, status=JobStatus.ACTIVE, total=count)
    assert store.list_steps("acme", "job_a") == tuple(steps)
    assert store.find_step("acme", "job_a", count - 1) == steps[-1]
    assert store.find_step("acme", "job_a", count) is None


def test_a_job_of_no_steps_is_completed_at_once(store):
    store.create(JOB, SELECTION)

    job = store.begin(JOB, [], is_truncated=True, now=after(1))

    assert job == store.find("acme", "job_a")
    assert (job.status, job.total, job.is_truncated) == (JobStatus.COMPLETED, 0, True)
    assert job.finished_at == after(1)


def test_beginning_again_changes_no_step_and_no_count(store):
    steps = begun(store, 120)
    store.finish_step(succeeded(steps[3]), now=after(2))
    store.count_attempt(steps[4], next_attempt_at=after(9))
    before = (store.find("acme", "job_a"), store.list_steps("acme", "job_a"))

    assert store.begin(JOB, steps, is_truncated=True, now=after(3)) == before[0]

    assert (store.find("acme", "job_a"), store.list_steps("acme", "job_a")) == before


def test_a_beginning_that_was_broken_off_is_made_good(store):
    store.create(JOB, SELECTION)
    steps = steps_of(JOB, 150)
    if isinstance(store, DynamoDBJobs):
        store.begin(JOB, steps[:70], is_truncated=False, now=NOW)
        store._client.update_item(
            TableName=store._table,
            Key={"pk": {"S": "JOBS#acme"}, "sk": {"S": "JOB#job_a"}},
            UpdateExpression="SET #status = :waiting",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":waiting": {"S": "waiting"}},
        )
    else:
        store.steps["acme", "job_a"] = {step.position: step for step in steps[:70]}

    store.begin(JOB, steps, is_truncated=False, now=NOW)

    assert store.list_steps("acme", "job_a") == tuple(steps)
    assert store.find("acme", "job_a").total == 150


def test_a_failed_attempt_is_counted_once(store):
    (step,) = begun(store, 1)

    assert store.count_attempt(step, next_attempt_at=after(30)) is True
    assert store.count_attempt(step, next_attempt_at=after(60)) is False

    assert store.find_step("acme", "job_a", 0) == replace(step, attempts=2, next_attempt_at=after(30))


def test_no_attempt_is_counted_of_a_step_that_ended_or_is_not_there(store):
    (step,) = begun(store, 1)
    store.finish_step(failed(step), now=after(1))

    assert store.count_attempt(replace(step, attempts=2), next_attempt_at=after(30)) is False
    assert store.count_attempt(replace(step, position=5), next_attempt_at=after(30)) is False
    assert store.find_step("acme", "job_a", 5) is None


def test_a_step_ends_with_all_that_is_known_of_it(store):
    first, second = begun(store, 2)
    ended = succeeded(first, provider_id="github", account="ann", expires_at=after(3600))

    job = store.finish_step(ended, now=after(5))

    assert store.find_step("acme", "job_a", 0) == replace(ended, next_attempt_at=None, finished_at=after(5))
    assert store.find_step("acme", "job_a", 1) == second
    assert job == store.find("acme", "job_a")
    assert (job.succeeded, job.failed, job.processed, job.status) == (1, 0, 1, JobStatus.ACTIVE)


def test_a_step_that_is_ended_twice_is_counted_once_and_as_it_ended_first(store):
    first, _ = begun(store, 2)
    store.finish_step(succeeded(first), now=after(5))

    job = store.finish_step(failed(first), now=after(6))

    assert (job.succeeded, job.failed) == (1, 0)
    assert store.find_step("acme", "job_a", 0).outcome == "refreshed"


@pytest.mark.parametrize(("bad", "status"), [(0, JobStatus.COMPLETED), (1, JobStatus.FAILED)])
def test_the_last_step_ends_the_job(store, bad, status):
    steps = begun(store, 3)
    ends = [failed(step) if step.position < bad else succeeded(step) for step in steps]
    for step in ends[:-1]:
        assert not store.finish_step(step, now=after(1)).has_ended

    job = store.finish_step(ends[-1], now=after(2))

    assert (job.status, job.processed, job.failed) == (status, 3, bad)
    assert job.finished_at == after(2)
    assert store.finish_step(ends[0], now=after(9)) == job, "a repetition changes nothing"


def test_a_step_of_a_job_that_is_gone_is_counted_nowhere(store):
    assert store.finish_step(succeeded(steps_of(JOB, 1)[0]), now=NOW) is None
    assert store.find("acme", "job_a") is None


def test_many_workers_at_once_lose_no_count(store):
    steps = begun(store, 40)
    ends = [failed(step) if step.position % 4 == 0 else succeeded(step) for step in steps] * 2

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda step: store.finish_step(step, now=after(1)), ends))

    job = store.find("acme", "job_a")
    assert (job.succeeded, job.failed, job.status) == (30, 10, JobStatus.FAILED)


def end_job(store, number, *, bad, seconds):
    job = replace(JOB, job_id=f"job_{number}", created_at=after(-number))
    (step,) = begun(store, 1, job)
    store.finish_step(failed(step) if bad else succeeded(step), now=after(seconds))


def test_only_the_jobs_that_ended_last_are_kept_of_each_kind(store):
    for number in range(4):
        end_job(store, number, bad=False, seconds=number)
        end_job(store, number + 10, bad=True, seconds=number)
    store.create(replace(JOB, job_id="job_waiting"), SELECTION)
    begun(store, 2, replace(JOB, job_id="job_active"))

    store.trim("acme", completed=2, failed=3)

    kept = {job.job_id for job in store.list_all("acme")}
    assert kept == {"job_3", "job_2", "job_13", "job_12", "job_11", "job_waiting", "job_active"}
    assert store.list_steps("acme", "job_0") == ()
    assert store.find_selection("acme", "job_0") is None
    assert len(store.list_steps("acme", "job_active")) == 2


def test_a_large_job_is_removed_with_all_its_steps_and_nobody_elses(store):
    steps = begun(store, 130)
    for step in steps:
        store.finish_step(succeeded(step), now=after(1))
    begun(store, 1, replace(JOB, tenant_id="other"))

    store.trim("acme", completed=0, failed=0)

    assert store.list_all("acme") == ()
    assert store.list_steps("acme", "job_a") == ()
    assert len(store.list_steps("other", "job_a")) == 1


def test_what_is_stored_goes_by_itself_after_a_month(moto_account):
    client, name = boto3.client("dynamodb"), f"table-{next(_numbers)}"
    create_table(client, name)
    begun(DynamoDBJobs(client, name), 1)

    items = client.scan(TableName=name)["Items"]

    assert {item["sk"]["S"] for item in items} == {"JOB#job_a", "SELECTION#job_a", "STEP#job_a#0000"}
    month = int((NOW + timedelta(days=30)).timestamp())
    assert {int(item["ttl"]["N"]) for item in items} == {month}


def test_the_largest_selection_fits_into_an_item(moto_account):
    client, name = boto3.client("dynamodb"), f"table-{next(_numbers)}"
    create_table(client, name)
    store = DynamoDBJobs(client, name)
    selection = JobSelection(accounts=tuple(("p" * 64, f"{number:04d}" + "é" * 30) for number in range(1000)))
    targets = tuple(
        JobTarget(connection_id=f"con_{number:026d}", provider_id=provider_id, account=account)
        for number, (provider_id, account) in enumerate(selection.accounts)
    )
    store.create(JOB, selection)

    assert store.fix_targets(JOB, targets, is_truncated=False) == (targets, False)
    assert store.find_selection("acme", "job_a") == selection
