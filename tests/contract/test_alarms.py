"""Alarms, one suite for the fake and for EventBridge Scheduler as moto plays it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from evertoken.adapters.eventbridge_alarms import AlarmTarget, EventBridgeAlarms
from evertoken.adapters.job_messages import parse_job_message
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import ScheduleTick
from tests.contract.store_under_test import after, moto_account
from tests.contract.test_schedule_store import ONCE, RECURRING
from tests.fakes.alarms import MemoryAlarms

__all__ = ["moto_account"]

TARGET = AlarmTarget(
    group="alarms",
    queue_arn="arn:aws:sqs:eu-west-1:123456789012:jobs",
    role_arn="arn:aws:iam::123456789012:role/schedules",
    dead_letter_arn="arn:aws:sqs:eu-west-1:123456789012:missed",
)


@pytest.fixture
def scheduler(moto_account):
    client = boto3.client("scheduler")
    client.create_schedule_group(Name="alarms")
    yield client
    client.delete_schedule_group(Name="alarms")


@pytest.fixture
def alarms(scheduler):
    return EventBridgeAlarms(scheduler, TARGET)


@pytest.fixture(params=["fake", "eventbridge"])
def either(request):
    """The port, and the ids of its entries."""
    if request.param == "fake":
        fake = MemoryAlarms()
        return fake, lambda: sorted(fake.entries)
    scheduler = request.getfixturevalue("scheduler")
    return EventBridgeAlarms(scheduler, TARGET), lambda: sorted(
        one["Name"] for one in scheduler.list_schedules(GroupName="alarms")["Schedules"]
    )


def test_an_alarm_is_there_until_it_is_cancelled(either):
    alarms, names = either
    alarms.set(RECURRING)
    alarms.set(ONCE)
    assert names() == ["sch_a", "sch_b"]
    alarms.cancel("sch_a")
    assert names() == ["sch_b"]


def test_setting_and_cancelling_may_be_repeated(either):
    alarms, names = either
    alarms.set(RECURRING)
    alarms.set(RECURRING)
    assert names() == ["sch_a"]
    alarms.cancel("sch_a")
    alarms.cancel("sch_a")
    assert names() == []


def test_the_entry_sends_the_tick_to_the_job_queue_in_the_roles_name(alarms, scheduler):
    alarms.set(RECURRING)
    entry = scheduler.get_schedule(Name="sch_a", GroupName="alarms")
    assert entry["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = entry["Target"]
    assert (target["Arn"], target["RoleArn"]) == (TARGET.queue_arn, TARGET.role_arn)
    assert target["DeadLetterConfig"] == {"Arn": TARGET.dead_letter_arn}
    delivered = target["Input"].replace("<aws.scheduler.scheduled-time>", "2026-11-21T12:30:00Z")
    assert parse_job_message(delivered) == ScheduleTick(
        tenant_id="acme", schedule_id="sch_a", scheduled_time="2026-11-21T12:30:00Z"
    )
    assert json.loads(target["Input"])["scheduled_time"] == "<aws.scheduler.scheduled-time>"


@pytest.mark.parametrize(("minutes", "expression"), [(1, "rate(1 minute)"), (43_200, "rate(43200 minutes)")])
def test_a_recurring_entry_begins_after_its_first_interval(alarms, scheduler, minutes, expression):
    alarms.set(replace(RECURRING, interval_minutes=minutes))
    entry = scheduler.get_schedule(Name="sch_a", GroupName="alarms")
    assert entry["ScheduleExpression"] == expression
    assert entry["StartDate"] == after(60 * minutes)


@pytest.mark.parametrize(
    "fires_at",
    [
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 58, 200_000, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 59, 59, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_an_entry_that_fires_once_is_in_utc_never_early_and_removes_itself(alarms, scheduler, fires_at):
    alarms.set(replace(ONCE, fires_at=fires_at))
    entry = scheduler.get_schedule(Name="sch_b", GroupName="alarms")
    assert entry["ScheduleExpression"] == "at(2026-12-31T23:59:59)"
    assert entry.get("ScheduleExpressionTimezone", "UTC") == "UTC"
    assert entry["ActionAfterCompletion"] == "DELETE"


def failing(error):
    client = Mock(spec=["create_schedule", "delete_schedule"])
    client.create_schedule.side_effect = client.delete_schedule.side_effect = error
    return EventBridgeAlarms(client, TARGET)


def refusal(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateSchedule")


@pytest.mark.parametrize(
    "error", [refusal("ThrottlingException"), ReadTimeoutError(endpoint_url="https://scheduler")]
)
def test_what_passes_is_worth_another_try(error):
    with pytest.raises(StoreUnavailableError, match="Try again"):
        failing(error).set(RECURRING)
    with pytest.raises(StoreUnavailableError, match="Try again"):
        failing(error).cancel("sch_a")


def test_a_full_scheduler_says_how_to_make_room():
    with pytest.raises(StoreUnavailableError, match="quota"):
        failing(refusal("ServiceQuotaExceededException")).set(RECURRING)


def test_a_mistake_of_ours_is_not_taken_for_a_hiccup():
    with pytest.raises(ClientError):
        failing(refusal("ValidationException")).set(RECURRING)
    with pytest.raises(ClientError):
        failing(refusal("AccessDeniedException")).cancel("sch_a")
