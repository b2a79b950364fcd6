"""Jobs, selections and steps as items.

The positions of steps that ended are kept in two sets of the job's item: adding a position twice changes nothing, so a step is counted once
however often it is reported, and without a transaction, of which DynamoDB cancels one of two that meet in the same item.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from evertoken.adapters.dynamodb_keys import (
    Key,
    job_sort,
    jobs_partition,
    key_of,
    selection_sort,
    step_sort,
)
from evertoken.adapters.dynamodb_values import Item, Plain, decode_item, encode_item, find_instant
from evertoken.domain.instants import to_milliseconds
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

KEPT_SECONDS = 30 * 86_400
"""How long a job is kept at most, whatever becomes of it."""
SUCCEEDED_SET = "succeeded_positions"
FAILED_SET = "failed_positions"


def job_key(tenant_id: str, job_id: str) -> Key:
    """Return the primary key of a job."""
    return key_of(jobs_partition(tenant_id), job_sort(job_id))


def selection_key(tenant_id: str, job_id: str) -> Key:
    """Return the primary key of what a job is about."""
    return key_of(jobs_partition(tenant_id), selection_sort(job_id))


def step_key(tenant_id: str, job_id: str, position: int) -> Key:
    """Return the primary key of a step."""
    return key_of(jobs_partition(tenant_id), step_sort(job_id, position))


def item_of_job(job: Job) -> dict[str, Any]:
    """Return the item of a new job."""
    values: dict[str, Plain] = {
        "kind": job.kind.value,
        "status": job.status.value,
        "attempts": job.retries.attempts,
        "initial_delay_ms": round(job.retries.initial_delay_seconds * 1000),
        "maximum_delay_ms": round(job.retries.maximum_delay_seconds * 1000),
        "attempts_made": job.attempts_made,
        "not_before": job.not_before,
        "actor": job.actor,
        "correlation_id": job.correlation_id,
        "schedule_id": job.schedule_id,
        "total": job.total,
        "created_at": job.created_at,
        "ttl": _ends_at(job.created_at),
    }
    return {**job_key(job.tenant_id, job.job_id), **encode_item(values)}


def job_of_item(item: Item) -> Job:
    """Return the job of an item."""
    values = decode_item(item)
    created_at = find_instant(values, "created_at")
    assert created_at is not None
    return Job(
        tenant_id=values["pk"].removeprefix(jobs_partition("")),
        job_id=values["sk"].removeprefix(job_sort()),
        kind=JobKind(values["kind"]),
        status=JobStatus(values["status"]),
        retries=RetrySettings(
            attempts=values["attempts"],
            initial_delay_seconds=values["initial_delay_ms"] / 1000,
            maximum_delay_seconds=values["maximum_delay_ms"] / 1000,
        ),
        attempts_made=values["attempts_made"],
        not_before=find_instant(values, "not_before"),
        actor=values["actor"],
        correlation_id=values["correlation_id"],
        schedule_id=values.get("schedule_id"),
        total=values["total"],
        succeeded=len(values.get(SUCCEEDED_SET, ())),
        failed=len(values.get(FAILED_SET, ())),
        is_truncated=values.get("is_truncated", False),
        created_at=created_at,
        finished_at=find_instant(values, "finished_at"),
    )


def item_of_selection(job: Job, selection: JobSelection) -> dict[str, Any]:
    """Return the item of what a new job is about: a thousand accounts are long, and are stored packed."""
    content = [list(selection.connection_ids), [list(pair) for pair in selection.accounts]]
    values: dict[str, Plain] = {
        "named": _pack(content),
        "refresh_before_minutes": selection.refresh_before_minutes,
        "ttl": _ends_at(job.created_at),
    }
    return {**selection_key(job.tenant_id, job.job_id), **encode_item(values)}


def selection_of_item(item: Item) -> JobSelection:
    """Return the selection of an item."""
    values = decode_item(item)
    connection_ids, accounts = _unpack(values["named"])
    return JobSelection(
        connection_ids=tuple(connection_ids),
        accounts=tuple((provider_id, account) for provider_id, account in accounts),
        refresh_before_minutes=values.get("refresh_before_minutes"),
    )


def pack_targets(targets: Sequence[JobTarget]) -> bytes:
    """Return what a job turned out to be about, as the selection's item keeps it."""
    return _pack([[one.connection_id, one.provider_id, one.account] for one in targets])


def unpack_targets(item: Item) -> tuple[JobTarget, ...]:
    """Return what a job turned out to be about."""
    return tuple(
        JobTarget(connection_id=connection_id, provider_id=provider_id, account=account)
        for connection_id, provider_id, account in _unpack(bytes(item["targets"]["B"]))
    )


def item_of_step(step: JobStep, *, created_at: datetime) -> dict[str, Any]:
    """Return the item of a step of a job that was created at *created_at*."""
    values: dict[str, Plain] = {
        "connection_id": step.connection_id,
        "provider_id": step.provider_id,
        "account": step.account,
        "status": step.status.value,
        "attempts": step.attempts,
        "next_attempt_at": step.next_attempt_at,
        "ttl": _ends_at(created_at),
    }
    return {**step_key(step.tenant_id, step.job_id, step.position), **encode_item(values)}


def step_of_item(item: Item) -> JobStep:
    """Return the step of an item."""
    values = decode_item(item)
    job_id, _, position = values["sk"].removeprefix("STEP#").partition("#")
    return JobStep(
        tenant_id=values["pk"].removeprefix(jobs_partition("")),
        job_id=job_id,
        position=int(position),
        connection_id=values["connection_id"],
        provider_id=values["provider_id"],
        account=values["account"],
        status=StepStatus(values["status"]),
        attempts=values["attempts"],
        next_attempt_at=find_instant(values, "next_attempt_at"),
        outcome=values.get("outcome", ""),
        code=values.get("code", ""),
        message=values.get("message", ""),
        expires_at=find_instant(values, "expires_at"),
        finished_at=find_instant(values, "finished_at"),
    )


def _ends_at(created_at: datetime) -> int:
    return to_milliseconds(created_at) // 1000 + KEPT_SECONDS


def _pack(content: object) -> bytes:
    return zlib.compress(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())


def _unpack(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed))
