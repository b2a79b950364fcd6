"""A job: a refresh of one or many connections that somebody asked for, kept as an item until its end and a while after (FEATURES D2, D5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    """How often a failed refresh is tried, and how long it waits between: never less than the provider's cool-down asks."""

    attempts: int = 3
    initial_delay_seconds: float = 1.0
    maximum_delay_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSelection:
    """Which connections a job is about: named ids and accounts, or what expires within `refresh_before_minutes`."""

    connection_ids: tuple[str, ...] = ()
    accounts: tuple[tuple[str, str], ...] = ()
    """Pairs of provider and account."""
    refresh_before_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is kept. `total` is 0 until its steps are known; `is_truncated` when more were due than one job takes."""

    tenant_id: str
    job_id: str
    kind: JobKind
    status: JobStatus
    selection: JobSelection
    retries: RetrySettings
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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """One connection of a job, by its position; `attempts` counts what was tried."""

    tenant_id: str
    job_id: str
    position: int
    connection_id: str
    """What was named, even when no such connection exists; for an account that was not found, empty."""
    provider_id: str = ""
    account: str = ""
    status: StepStatus = StepStatus.WAITING
    attempts: int = 0
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
    connection_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTick:
    """A message from EventBridge Scheduler: the schedule's time has come."""

    tenant_id: str
    schedule_id: str


JobMessage = JobExpansion | JobStepDue | ScheduleTick
