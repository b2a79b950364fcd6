"""Schedules that tenants made, as items. A cancelled one stays for a day as a mark, so that a cancellation can be repeated until its answer arrives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_keys import Key, key_of, schedules_partition
from evertoken.adapters.dynamodb_values import Plain, decode_item, encode, encode_item, find_instant
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.instants import from_milliseconds, to_milliseconds
from evertoken.domain.job import JobSelection, RetrySettings
from evertoken.domain.refresh_schedule import RefreshSchedule

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MARK_KEPT = timedelta(days=1)
"""How long a cancelled schedule is remembered."""
SPENT_KEPT = timedelta(days=7)
"""How long after its time a schedule that fires once is kept: longer than its job can take."""
_UNAVAILABLE = "The schedules did not answer in time. Try again."


class DynamoDBSchedules:
    """`ScheduleStore` on the table. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def find(self, tenant_id: str, schedule_id: str) -> RefreshSchedule | None:
        """Return the schedule, read consistently, or None."""
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(tenant_id, schedule_id), ConsistentRead=True
            )
        item = answer.get("Item")
        return None if item is None or "cancelled_at" in item else _schedule(item)

    def list_all(self, tenant_id: str) -> tuple[RefreshSchedule, ...]:
        """Return the tenant's schedules, by id, those that have fired for good included; read consistently."""
        paginator = self._client.get_paginator("query")
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                FilterExpression="attribute_not_exists(cancelled_at)",
                ExpressionAttributeValues={":partition": encode(schedules_partition(tenant_id))},
                ConsistentRead=True,
            )
            return tuple(_schedule(item) for page in pages for item in page["Items"])

    def create(self, schedule: RefreshSchedule) -> None:
        """Write a new schedule; repeating it is harmless."""
        item = {**_key(schedule.tenant_id, schedule.schedule_id), **encode_item(_values(schedule))}
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=item)

    def record_tick(
        self, tenant_id: str, schedule_id: str, *, job_id: str, now: datetime
    ) -> RefreshSchedule | None:
        """Note that a tick begins the job *job_id* IF the schedule is there and recurs, or this is its one job."""
        return self._update(
            tenant_id,
            schedule_id,
            change="SET last_fired_at = :now, last_job_id = :job",
            condition="attribute_not_exists(cancelled_at) AND "
            "(attribute_exists(interval_minutes) OR attribute_not_exists(last_job_id) OR last_job_id = :job)",
            values={":now": now, ":job": job_id},
        )

    def forget_spent(self, tenant_id: str, schedule_id: str, *, job_id: str) -> None:
        """Remove the schedule IF it was to fire once and *job_id* was its job; fine when it is not there."""
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(tenant_id, schedule_id),
                    ConditionExpression="last_job_id = :job AND attribute_not_exists(interval_minutes) "
                    "AND attribute_not_exists(cancelled_at)",
                    ExpressionAttributeValues=encode_item({":job": job_id}),
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def cancel(self, tenant_id: str, schedule_id: str, *, now: datetime) -> bool:
        """End the schedule; return whether it is there, or was within the last day, so that a cancellation can be repeated."""
        ended = self._update(
            tenant_id,
            schedule_id,
            change="SET cancelled_at = :now, #ttl = :ttl",
            values={":now": now, ":ttl": to_milliseconds(now + MARK_KEPT) // 1000},
            names={"#ttl": "ttl"},
        )
        return ended is not None

    def _update(
        self,
        tenant_id: str,
        schedule_id: str,
        *,
        change: str,
        condition: str = "",
        values: Mapping[str, Plain],
        names: Mapping[str, str] | None = None,
    ) -> RefreshSchedule | None:
        """Return the schedule after the change, or None when it is not there or the condition does not hold."""
        more: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(tenant_id, schedule_id),
                    UpdateExpression=change,
                    ConditionExpression="attribute_exists(pk)" + (f" AND {condition}" if condition else ""),
                    ExpressionAttributeValues=encode_item(values),
                    ReturnValues="ALL_NEW",
                    **more,
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return None
        return _schedule(answer["Attributes"])


def _key(tenant_id: str, schedule_id: str) -> Key:
    return key_of(schedules_partition(tenant_id), schedule_id)


def _values(schedule: RefreshSchedule) -> dict[str, Plain]:
    spent_at = None if schedule.fires_at is None else schedule.fires_at + SPENT_KEPT
    return {
        "connection_ids": schedule.selection.connection_ids,
        "refresh_before_minutes": schedule.selection.refresh_before_minutes,
        "attempts": schedule.retries.attempts,
        "initial_delay_ms": round(schedule.retries.initial_delay_seconds * 1000),
        "maximum_delay_ms": round(schedule.retries.maximum_delay_seconds * 1000),
        "interval_minutes": schedule.interval_minutes,
        "fires_at": schedule.fires_at,
        "actor": schedule.actor,
        "correlation_id": schedule.correlation_id,
        "created_at": schedule.created_at,
        "last_fired_at": schedule.last_fired_at,
        "last_job_id": schedule.last_job_id,
        "ttl": None if spent_at is None else to_milliseconds(spent_at) // 1000,
    }


def _schedule(item: Mapping[str, Any]) -> RefreshSchedule:
    values = decode_item(item)
    return RefreshSchedule(
        tenant_id=values["pk"].removeprefix(schedules_partition("")),
        schedule_id=values["sk"],
        selection=JobSelection(
            connection_ids=values["connection_ids"],
            refresh_before_minutes=values.get("refresh_before_minutes"),
        ),
        retries=RetrySettings(
            attempts=values["attempts"],
            initial_delay_seconds=values["initial_delay_ms"] / 1000,
            maximum_delay_seconds=values["maximum_delay_ms"] / 1000,
        ),
        interval_minutes=values.get("interval_minutes"),
        fires_at=find_instant(values, "fires_at"),
        actor=values["actor"],
        correlation_id=values["correlation_id"],
        created_at=from_milliseconds(values["created_at"]),
        last_fired_at=find_instant(values, "last_fired_at"),
        last_job_id=values.get("last_job_id"),
    )
