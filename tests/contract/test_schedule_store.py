"""ScheduleStore, one suite for the fake and for DynamoDB."""

import itertools
from dataclasses import replace

import pytest

from evertoken.adapters.dynamodb_schedules import DynamoDBSchedules
from evertoken.domain.job import JobSelection, RetrySettings
from evertoken.domain.refresh_schedule import RefreshSchedule
from tests.contract.store_under_test import NOW, after, moto_account
from tests.contract.template_table import create_table
from tests.fakes.schedules import MemorySchedules

__all__ = ["moto_account"]

RECURRING = RefreshSchedule(
    tenant_id="acme",
    schedule_id="sch_a",
    selection=JobSelection(refresh_before_minutes=60),
    retries=RetrySettings(attempts=5, initial_delay_seconds=0.25, maximum_delay_seconds=3600),
    interval_minutes=30,
    fires_at=None,
    actor="cli_a",
    correlation_id="request-1",
    created_at=NOW,
)
_numbers = itertools.count(1)
ONCE = replace(
    RECURRING,
    schedule_id="sch_b",
    selection=JobSelection(connection_ids=("con_1",)),
    interval_minutes=None,
    fires_at=after(90.007),
)


@pytest.fixture(params=["fake", "dynamodb"])
def schedules(request):
    if request.param == "fake":
        return MemorySchedules()
    client = request.getfixturevalue("moto_account")
    table = f"schedules-{next(_numbers)}"
    create_table(client, table)
    return DynamoDBSchedules(client, table)


@pytest.mark.parametrize("schedule", [RECURRING, ONCE])
def test_what_was_made_is_found_whole(schedules, schedule):
    schedules.create(schedule)
    schedules.create(schedule)
    assert schedules.find("acme", schedule.schedule_id) == schedule
    assert schedules.list_all("acme") == (schedule,)


def test_a_tenant_finds_only_its_own(schedules):
    schedules.create(RECURRING)
    assert schedules.find("other", "sch_a") is None
    assert schedules.list_all("other") == ()
    assert schedules.record_tick("other", "sch_a", job_id="job_1", now=NOW) is None
    assert not schedules.cancel("other", "sch_a", now=NOW)
    assert schedules.find("acme", "sch_a") == RECURRING


def test_a_list_is_ordered_by_id(schedules):
    for name in ("sch_c", "sch_a", "sch_b"):
        schedules.create(replace(RECURRING, schedule_id=name))
    assert [one.schedule_id for one in schedules.list_all("acme")] == ["sch_a", "sch_b", "sch_c"]


def test_a_recurring_schedule_notes_each_tick(schedules):
    schedules.create(RECURRING)
    for number in (1, 2):
        fired = schedules.record_tick("acme", "sch_a", job_id=f"job_{number}", now=after(60 * number))
        assert fired == replace(RECURRING, last_fired_at=after(60 * number), last_job_id=f"job_{number}")
    assert schedules.find("acme", "sch_a") == fired


def test_a_schedule_that_fires_once_has_one_job(schedules):
    schedules.create(ONCE)
    fired = schedules.record_tick("acme", "sch_b", job_id="job_1", now=after(91))
    assert fired == replace(ONCE, last_fired_at=after(91), last_job_id="job_1")
    assert schedules.record_tick("acme", "sch_b", job_id="job_1", now=after(91)) == fired
    assert schedules.record_tick("acme", "sch_b", job_id="job_2", now=after(92)) is None
    assert schedules.find("acme", "sch_b") == fired
    assert fired.is_spent


def test_only_a_schedule_that_has_fired_for_good_is_forgotten_and_only_for_its_own_job(schedules):
    schedules.create(RECURRING)
    schedules.create(ONCE)
    schedules.record_tick("acme", "sch_a", job_id="job_1", now=after(1))
    schedules.forget_spent("acme", "sch_a", job_id="job_1")
    schedules.forget_spent("acme", "sch_b", job_id="job_2")
    assert [one.schedule_id for one in schedules.list_all("acme")] == ["sch_a", "sch_b"]
    schedules.record_tick("acme", "sch_b", job_id="job_2", now=after(2))
    schedules.forget_spent("acme", "sch_b", job_id="job_1")
    schedules.forget_spent("other", "sch_b", job_id="job_2")
    assert schedules.find("acme", "sch_b") is not None
    for _ in range(2):
        schedules.forget_spent("acme", "sch_b", job_id="job_2")
    assert [one.schedule_id for one in schedules.list_all("acme")] == ["sch_a"]
    assert schedules.record_tick("acme", "sch_b", job_id="job_2", now=after(3)) is None


def test_a_cancellation_can_be_repeated_also_when_the_schedule_had_fired(schedules):
    schedules.create(ONCE)
    schedules.record_tick("acme", "sch_b", job_id="job_2", now=after(2))
    assert schedules.cancel("acme", "sch_b", now=after(3))
    schedules.forget_spent("acme", "sch_b", job_id="job_2")
    assert schedules.cancel("acme", "sch_b", now=after(4))


def test_a_cancelled_schedule_is_gone_and_stays_cancelled(schedules):
    schedules.create(RECURRING)
    assert schedules.cancel("acme", "sch_a", now=after(1))
    assert schedules.find("acme", "sch_a") is None
    assert schedules.list_all("acme") == ()
    assert schedules.record_tick("acme", "sch_a", job_id="job_1", now=after(2)) is None
    assert schedules.cancel("acme", "sch_a", now=after(3))
    assert schedules.find("acme", "sch_a") is None


def test_what_never_was_cannot_be_cancelled_or_fire(schedules):
    assert not schedules.cancel("acme", "sch_a", now=NOW)
    assert schedules.record_tick("acme", "sch_a", job_id="job_1", now=NOW) is None
    assert schedules.find("acme", "sch_a") is None


def test_the_store_forgets_what_is_over_and_keeps_what_goes_on(moto_account):
    create_table(moto_account, "forgetting")
    schedules = DynamoDBSchedules(moto_account, "forgetting")

    def forgotten_at(schedule_id):
        key = {"pk": {"S": "SCHEDULES#acme"}, "sk": {"S": schedule_id}}
        item = moto_account.get_item(TableName="forgetting", Key=key)["Item"]
        return int(item["ttl"]["N"]) if "ttl" in item else None

    schedules.create(RECURRING)
    schedules.create(ONCE)
    assert forgotten_at("sch_a") is None
    assert forgotten_at("sch_b") == int(after(90 + 7 * 86_400).timestamp())
    schedules.cancel("acme", "sch_a", now=NOW)
    assert forgotten_at("sch_a") == int(after(86_400).timestamp())


def test_the_first_tick_of_a_recurring_schedule_comes_after_one_interval():
    assert RECURRING.next_fires_at(NOW) == after(1800)
    assert RECURRING.next_fires_at(after(1799)) == after(1800)
    assert RECURRING.next_fires_at(after(1800)) == after(3600)
    assert RECURRING.next_fires_at(after(86_399)) == after(86_400)


def test_a_schedule_that_fires_once_has_no_next_time_when_it_has_fired():
    assert ONCE.next_fires_at(NOW) == ONCE.fires_at
    assert replace(ONCE, last_fired_at=after(91), last_job_id="job_1").next_fires_at(after(92)) is None
