"""A job: a refresh of one or many connections that somebody asked for, kept as an item until its end and a while after (FEATURES D2, D5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

JOB_PREFIX = "job_"
"""What every job's id begins with."""
MOST_STEPS = 1000
"""How many connections one job takes."""
CANCELLED = "CANCELLED"
"""The code of a step whose schedule was cancelled before the step was done."""


class JobKind(StrEnum):
    """What was asked for."""

    REFRESH = "refresh"
    """One connection, whose attempts did not fit into the request."""
    BATCH = "batch"
    SCHEDULED = "scheduled"
    """A tick of a tenant's schedule."""


class JobStatus(StrEnum):
    """Where a job is: `waiting` until its steps are known, `active` until the last has ended; `failed` when any step failed."""

    WAITING = "waiting"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"


class StepStatus(StrEnum):
    """How one connection of a job stands."""

    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """How often a refresh is tried, and how long it waits between: never less than the provider's cool-down asks.

    The first delay is `initial_delay_seconds`; each doubles the one before, up to `maximum_delay_seconds`.
    """

    attempts: int = 3
    initial_delay_seconds: float = 1.0
    maximum_delay_seconds: float = 60.0

    def delay_seconds(self, attempts_made: int, *, jitter: float) -> float:
        """Return the wait after the *attempts_made*-th attempt; *jitter* in [0, 1) takes off up to half."""
        doublings = min(max(attempts_made, 1) - 1, 20)
        delay = min(self.initial_delay_seconds * float(1 << doublings), self.maximum_delay_seconds)
        return delay * (1 - jitter / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSelection:
    """Which connections a job is about: named ids and accounts, or what expires within `refresh_before_minutes`."""

    connection_ids: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str], ...] = ()
    """Pairs of provider and account."""
    refresh_before_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget:
    """One connection that a selection came to; `connection_id` is what was named, even when there is no such connection, and empty for an account
    that was not found.
    """

    connection_id: str
    provider_id: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is kept. `total` is 0 until its steps are known; `is_truncated` when more were due than one job takes.

    `attempts_made` and `not_before` tell what went before: a job that goes on where a request ended does not begin anew.
    """

    tenant_id: str
    job_id: str
    kind: JobKind
    status: JobStatus
    retries: RetrySettings
    attempts_made: int = 0
    not_before: datetime | None = None
    actor: str
    correlation_id: str
    schedule_id: str | None = None
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    is_truncated: bool = False
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def processed(self) -> int:
        """How many steps have ended."""
        return self.succeeded + self.failed

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in (JobStatus.COMPLETED, JobStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """One connection of a job, by its position; `attempts` counts those that ended, and none is made before `next_attempt_at`."""

    tenant_id: str
    job_id: str
    position: int
    connection_id: str
    """As in `JobTarget`."""
    provider_id: str = ""
    account: str = ""
    status: StepStatus = StepStatus.WAITING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    outcome: str = ""
    """How it succeeded: `refreshed` or `not_needed`."""
    code: str = ""
    message: str = ""
    expires_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobExpansion:
    """A message: find out which connections the job is about, and begin its steps."""

    tenant_id: str
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStepDue:
    """A message: take the next attempt of one step."""

    tenant_id: str
    job_id: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTick:
    """A message from EventBridge Scheduler: the schedule's time has come. `scheduled_time` is that time in the scheduler's own words, the same when it
    delivers a tick twice; empty when it was not told.
    """

    tenant_id: str
    schedule_id: str
    scheduled_time: str = ""


JobMessage = JobExpansion | JobStepDue | ScheduleTick


def find_surplus(jobs: Iterable[Job], *, completed: int, failed: int) -> list[Job]:
    """Return the jobs that ended before the last *completed* and the last *failed* ones; those of schedules and all others are counted apart.

    Else a schedule that finds nothing to do would push out what somebody asked for.
    """
    ended = [(job.finished_at, job.job_id, job) for job in jobs if job.finished_at is not None]
    newest_first = [job for *_, job in sorted(ended, key=lambda one: one[:2], reverse=True)]
    surplus = []
    for status, kept in ((JobStatus.COMPLETED, completed), (JobStatus.FAILED, failed)):
        for is_scheduled in (False, True):
            alike = [
                job
                for job in newest_first
                if job.status is status and (job.kind is JobKind.SCHEDULED) is is_scheduled
            ]
            surplus += alike[kept:]
    return surplus
