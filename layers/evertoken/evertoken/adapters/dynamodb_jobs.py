"""Jobs and their steps on the table, all in one partition a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_job_items import (
    FAILED_SET,
    SUCCEEDED_SET,
    item_of_job,
    item_of_selection,
    item_of_step,
    job_key,
    job_of_item,
    pack_targets,
    selection_key,
    selection_of_item,
    step_key,
    step_of_item,
    unpack_targets,
)
from evertoken.adapters.dynamodb_keys import Key, job_sort, jobs_partition, step_sort
from evertoken.adapters.dynamodb_values import Item, Update, encode, flag
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import (
    Job,
    JobSelection,
    JobStatus,
    JobStep,
    JobTarget,
    StepStatus,
    find_surplus,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRANSACTION_LIMIT = 100
"""How many items one transaction takes."""
TRIES = 4
"""How often a transaction that met another one is sent."""
_UNAVAILABLE = "The jobs' store did not answer in time. Try again."
_UNDISTURBED = "None"
_REFUSED = "ConditionalCheckFailed"
_PASSING = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")
"""Why a part of a transaction may fail that another try may bring through."""
_ABSENT = "attribute_not_exists(pk)"


class DynamoDBJobs:
    """`JobStore` on the table. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def create(self, job: Job, selection: JobSelection) -> None:
        self._put_absent([item_of_job(job), item_of_selection(job, selection)])

    def find(self, tenant_id: str, job_id: str) -> Job | None:
        item = self._get(job_key(tenant_id, job_id))
        return None if item is None else job_of_item(item)

    def find_selection(self, tenant_id: str, job_id: str) -> JobSelection | None:
        item = self._get(selection_key(tenant_id, job_id))
        return None if item is None else selection_of_item(item)

    def list_all(self, tenant_id: str) -> tuple[Job, ...]:
        jobs = map(job_of_item, self._query(tenant_id, job_sort()))
        return tuple(sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True))

    def list_steps(self, tenant_id: str, job_id: str) -> tuple[JobStep, ...]:
        return tuple(map(step_of_item, self._query(tenant_id, step_sort(job_id))))

    def find_step(self, tenant_id: str, job_id: str, position: int) -> JobStep | None:
        item = self._get(step_key(tenant_id, job_id, position))
        return None if item is None else step_of_item(item)

    def fix_targets(
        self, job: Job, targets: Sequence[JobTarget], *, is_truncated: bool
    ) -> tuple[tuple[JobTarget, ...], bool]:
        update = Update().set("targets", pack_targets(targets)).set("is_truncated", is_truncated)
        update.require_present("pk").require_absent("targets")
        _, item = self._update(selection_key(job.tenant_id, job.job_id), update)
        return ((), False) if item is None else (unpack_targets(item), flag(item, "is_truncated"))

    def begin(self, job: Job, steps: Sequence[JobStep], *, is_truncated: bool, now: datetime) -> Job:
        items = [item_of_step(step, created_at=job.created_at) for step in steps]
        for start in range(0, len(items), TRANSACTION_LIMIT):
            self._put_absent(items[start : start + TRANSACTION_LIMIT])
        update = Update().set("total", len(steps)).set("is_truncated", is_truncated)
        if steps:
            update.set("status", JobStatus.ACTIVE.value)
        else:
            update.set("status", JobStatus.COMPLETED.value).set("finished_at", now)
        update.require("status", "=", JobStatus.WAITING.value)
        _, item = self._update(job_key(job.tenant_id, job.job_id), update)
        return job if item is None else job_of_item(item)

    def count_attempt(self, step: JobStep, *, next_attempt_at: datetime) -> bool:
        update = Update().set("attempts", step.attempts + 1).set("next_attempt_at", next_attempt_at)
        update.require("status", "=", StepStatus.WAITING.value).require("attempts", "=", step.attempts)
        return self._update(step_key(step.tenant_id, step.job_id, step.position), update)[0]

    def finish_step(self, step: JobStep, *, now: datetime) -> Job | None:
        update = Update().require("status", "=", StepStatus.WAITING.value)
        for name in ("provider_id", "account", "attempts", "outcome", "code", "message", "expires_at"):
            update.set(name, getattr(step, name))
        update.set("status", step.status.value).set("finished_at", now).remove("next_attempt_at")
        _, item = self._update(step_key(step.tenant_id, step.job_id, step.position), update)
        if item is None:
            return None
        return self._count(step_of_item(item), now)

    def trim(self, tenant_id: str, *, completed: int, failed: int) -> None:
        for job in find_surplus(self.list_all(tenant_id), completed=completed, failed=failed):
            self._remove(job)

    def _count(self, step: JobStep, now: datetime) -> Job | None:
        """Count a step that has ended, and end its job with the last."""
        name = SUCCEEDED_SET if step.status is StepStatus.SUCCEEDED else FAILED_SET
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=job_key(step.tenant_id, step.job_id),
                    UpdateExpression="ADD #positions :position",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeNames={"#positions": name},
                    ExpressionAttributeValues={":position": {"NS": [str(step.position)]}},
                    ReturnValues="ALL_NEW",
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return None
        job = job_of_item(answer["Attributes"])
        if job.status is not JobStatus.ACTIVE or job.processed < job.total:
            return job
        status = JobStatus.FAILED if job.failed else JobStatus.COMPLETED
        update = Update().set("status", status.value).set("finished_at", now)
        update.require("status", "=", JobStatus.ACTIVE.value)
        _, item = self._update(job_key(job.tenant_id, job.job_id), update)
        return None if item is None else job_of_item(item)

    def _remove(self, job: Job) -> None:
        """Remove a job, its own item last: a removal that was broken off is found again."""
        steps = self.list_steps(job.tenant_id, job.job_id)
        keys = [step_key(one.tenant_id, one.job_id, one.position) for one in steps]
        keys += [selection_key(job.tenant_id, job.job_id), job_key(job.tenant_id, job.job_id)]
        for start in range(0, len(keys), TRANSACTION_LIMIT):
            parts = [
                {"Delete": {"TableName": self._table, "Key": key}}
                for key in keys[start : start + TRANSACTION_LIMIT]
            ]
            self._transact(parts)

    def _put_absent(self, items: list[dict[str, Any]]) -> None:
        """Write those of the items that are not there yet: all at once, or without those that made that fail."""
        parts = [
            {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": _ABSENT}}
            for item in items
        ]
        self._transact(parts)

    def _transact(self, parts: list[dict[str, Any]]) -> None:
        for _ in range(TRIES):
            if not parts:
                return
            try:
                with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                    self._client.transact_write_items(TransactItems=parts)  # type: ignore[arg-type]  # parts of one kind
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                reasons = [str(one.get("Code")) for one in error.response.get("CancellationReasons", [])]
                if not set(reasons) <= {_UNDISTURBED, _REFUSED, *_PASSING}:
                    raise
                parts = [part for part, why in zip(parts, reasons, strict=True) if why != _REFUSED]
            else:
                return
        raise StoreUnavailableError(_UNAVAILABLE)

    def _get(self, key: Key) -> Item | None:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            return self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _query(self, tenant_id: str, prefix: str) -> list[Item]:
        paginator = self._client.get_paginator("query")
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :partition AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={
                    ":partition": encode(jobs_partition(tenant_id)),
                    ":prefix": encode(prefix),
                },
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]

    def _update(self, key: Key, update: Update) -> tuple[bool, Item | None]:
        """Return whether *update* was written, and the item as it is now, or None when there is none."""
        update.require_present("pk")
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=key,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update.expression(),
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False, error.response.get("Item")  # type: ignore[return-value]  # boto3's types do not know it
        return True, answer["Attributes"]
