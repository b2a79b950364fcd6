"""Look at jobs: all of a tenant, or one with its steps, now or when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from evertoken.control_ports import JobStore
from evertoken.domain.errors import NotFoundError, StoreUnavailableError
from evertoken.domain.job import Job, JobStatus, JobStep
from evertoken.ports import Clock

POLL_SECONDS = 0.25
"""How often a job that is waited for is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """Jobs, newest first, and how many of the tenant have each status."""

    jobs: tuple[Job, ...]
    counts: Mapping[JobStatus, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """A job and its steps by position."""

    job: Job
    steps: tuple[JobStep, ...]


def list_jobs(jobs: JobStore, tenant_id: str, *, status: JobStatus | None) -> JobList:
    """Return the tenant's jobs, all or those of one status; the counts are of all. Raises StoreUnavailableError."""
    found = jobs.list_all(tenant_id)
    counts = {one: sum(job.status is one for job in found) for one in JobStatus}
    return JobList(jobs=tuple(job for job in found if status in (None, job.status)), counts=counts)


def get_job(jobs: JobStore, tenant_id: str, job_id: str) -> JobProgress:
    """Return a job with its steps.

    Raises:
        NotFoundError: no job of this tenant has this id.
        StoreUnavailableError: try again.
    """
    job = jobs.find(tenant_id, job_id)
    if job is None:
        raise NotFoundError("No job of this tenant has that id. List them with GET /v1/jobs.")
    return JobProgress(job=job, steps=jobs.list_steps(tenant_id, job_id))


def wait_for_job(jobs: JobStore, clock: Clock, job: Job, *, seconds: float) -> JobProgress | None:
    """Return the job with its steps once it has ended, or None when that was not seen within *seconds*.

    A store that does not answer meanwhile ends the wait, not the request: the job is there, and whoever asked again would make a second one.
    """
    ends_at = clock.monotonic() + seconds
    with suppress(StoreUnavailableError):
        while clock.monotonic() + POLL_SECONDS <= ends_at:
            clock.sleep(POLL_SECONDS)
            current = jobs.find(job.tenant_id, job.job_id)
            if current is not None and current.has_ended:
                return JobProgress(job=current, steps=jobs.list_steps(job.tenant_id, job.job_id))
    return None
