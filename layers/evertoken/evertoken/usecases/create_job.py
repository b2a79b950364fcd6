"""Create a job: its message first, then its item, so that no item can wait for a message that was never sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.control_ports import JobQueue, JobStore
from evertoken.domain.credentials import identifier_of
from evertoken.domain.job import (
    JOB_PREFIX,
    Job,
    JobExpansion,
    JobKind,
    JobSelection,
    JobStatus,
    RetrySettings,
)
from evertoken.ports import Clock, Randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDependencies:
    """What creating and following jobs needs."""

    jobs: JobStore
    queue: JobQueue
    clock: Clock
    randomness: Randomness


def create_job(
    deps: JobDependencies,
    *,
    tenant_id: str,
    kind: JobKind,
    selection: JobSelection,
    retries: RetrySettings,
    actor: str,
    correlation_id: str,
    schedule_id: str | None = None,
    job_id: str | None = None,
    attempts_made: int = 0,
    not_before: datetime | None = None,
) -> Job:
    """Create a job that waits for its expansion; the same *job_id* twice is one job.

    A message that finds no item waits a while for it and is then dropped: whoever asked was told that it failed.

    Raises:
        StoreUnavailableError: the job may or may not exist. With the same *job_id* it is safe to ask again.
    """
    job = Job(
        tenant_id=tenant_id,
        job_id=job_id or identifier_of(JOB_PREFIX, deps.randomness.token(256)),
        kind=kind,
        status=JobStatus.WAITING,
        retries=retries,
        attempts_made=attempts_made,
        not_before=not_before,
        actor=actor,
        correlation_id=correlation_id,
        schedule_id=schedule_id,
        created_at=deps.clock.now(),
    )
    deps.queue.send([JobExpansion(tenant_id=tenant_id, job_id=job.job_id)])
    deps.jobs.create(job, selection)
    return job
