"""How jobs and their steps are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evertoken.domain.instants import to_iso
from evertoken.domain.job import Job, JobStep
from evertoken.entrypoints.http_answer import Answer
from evertoken.usecases.follow_jobs import JobList, JobProgress


def view_job(job: Job) -> dict[str, Any]:
    """Return the JSON form of *job*."""
    return {
        "job_id": job.job_id,
        "kind": job.kind.value,
        "status": job.status.value,
        "total": job.total,
        "processed": job.processed,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "is_truncated": job.is_truncated,
        "attempts": job.retries.attempts,
        "initial_delay_seconds": job.retries.initial_delay_seconds,
        "maximum_delay_seconds": job.retries.maximum_delay_seconds,
        "schedule_id": job.schedule_id,
        "client_id": job.actor,
        "correlation_id": job.correlation_id,
        "created_at": to_iso(job.created_at),
        "finished_at": _iso(job.finished_at),
    }


def accepted(job: Job) -> Answer:
    """Return the answer that names the job which goes on with a request."""
    return Answer(
        status=202,
        body={"job": view_job(job)},
        headers={"Location": f"/v1/jobs/{job.job_id}"},
        logged={"job": job.job_id},
    )


def view_progress(progress: JobProgress) -> dict[str, Any]:
    """Return the JSON form of a job with a result for each of its connections."""
    return {"job": view_job(progress.job), "results": [_view_step(step) for step in progress.steps]}


def view_list(found: JobList) -> dict[str, Any]:
    """Return the JSON form of a list of jobs and its counts."""
    counts = {status.value: count for status, count in found.counts.items()}
    return {"jobs": [view_job(job) for job in found.jobs], "counts": counts}


def _view_step(step: JobStep) -> dict[str, Any]:
    return {
        "connection_id": step.connection_id or None,
        "provider": step.provider_id or None,
        "account": step.account or None,
        "status": step.status.value,
        "outcome": step.outcome or None,
        "code": step.code or None,
        "message": step.message or None,
        "attempts": step.attempts,
        "next_attempt_at": _iso(step.next_attempt_at),
        "expires_at": _iso(step.expires_at),
        "finished_at": _iso(step.finished_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
