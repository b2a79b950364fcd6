"""Refreshes that were asked for, and jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult
from evertoken.client.results.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(ApiResult):
    """A job: `waiting` until its connections are known, `active` until the last has its result, then `completed`, or `failed` when any failed."""

    job_id: str
    kind: str
    status: str
    total: int
    """How many connections it is about; 0 while it waits."""
    processed: int
    succeeded: int
    failed: int
    is_truncated: bool
    """More were meant than the 1,000 that one job takes."""
    attempts: int
    initial_delay_seconds: float
    maximum_delay_seconds: float
    schedule_id: str | None
    """The schedule whose time had come."""
    client_id: str
    """The API client that asked."""
    correlation_id: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts(ApiResult):
    """How many of the tenant's jobs have each status."""

    waiting: int
    active: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList(ApiResult):
    """The tenant's jobs, newest first; the counts are of all, whatever the list is narrowed to."""

    jobs: tuple[Job, ...]
    counts: JobCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult(ApiResult):
    """What became of one connection of a job."""

    connection_id: str | None
    """As it was named; None for an account that nobody has."""
    provider: str | None
    """None until the connection was looked at."""
    account: str | None
    status: str
    outcome: str | None
    """`not_needed`: the token is new enough, or somebody else has just refreshed it."""
    code: str | None
    """Why it failed; `CANCELLED` when its schedule was."""
    message: str | None
    attempts: int
    """How many were made so far."""
    next_attempt_at: datetime | None
    expires_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress(ApiResult):
    """A job and a result for each of its connections, in the order in which they were named."""

    job: Job
    results: tuple[RefreshResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedJob(ApiResult):
    """The job that goes on with what was asked for."""

    job: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshAnswer(ApiResult):
    """How a demanded refresh ended."""

    outcome: str
    connection: Connection
