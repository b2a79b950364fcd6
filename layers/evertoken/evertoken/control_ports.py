"""What operating connections needs from outside: jobs, schedules, audit, ledgers, events, sessions. As in `ports`, one fake and one contract suite each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from evertoken.domain.audit import AuditEntry
from evertoken.domain.job import Job, JobMessage, JobStep
from evertoken.domain.refresh_schedule import RefreshSchedule


class JobStore(Protocol):
    """Jobs and their steps. Every method raises StoreUnavailableError."""

    def create(self, job: Job) -> None:
        """Write a new job; repeating it with the same id is harmless."""

    def find(self, tenant_id: str, job_id: str) -> Job | None:
        """Return the job, read consistently, or None."""

    def list_all(self, tenant_id: str) -> tuple[Job, ...]:
        """Return the tenant's jobs, newest first."""

    def list_steps(self, tenant_id: str, job_id: str) -> tuple[JobStep, ...]:
        """Return the steps of a job by position."""

    def find_step(self, tenant_id: str, job_id: str, position: int) -> JobStep | None:
        """Return one step, read consistently, or None."""

    def begin(self, job: Job, steps: Sequence[JobStep], *, is_truncated: bool, now: datetime) -> None:
        """Write the steps that are not there yet and make a waiting job active with their number; with none it is completed.

        Repeating it with the same steps is harmless.
        """

    def count_attempt(self, step: JobStep) -> JobStep | None:
        """Count an attempt IF the step still waits, and return it as it is now."""

    def finish_step(self, step: JobStep, *, now: datetime) -> Job | None:
        """End the step IF it still waits and count it in its job, both or neither; return the job as it is now, or None when it had ended before.

        The last step ends the job.
        """

    def trim(self, tenant_id: str, *, completed: int, failed: int) -> None:
        """Remove the oldest ended jobs beyond this many of each kind, with their steps."""


class JobQueue(Protocol):
    """The queue of what jobs have to do."""

    def send(self, messages: Iterable[JobMessage]) -> None:
        """Enqueue the messages. Raises StoreUnavailableError when any was not accepted; repeats are harmless."""

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        """Let the message that is being worked on come back after *seconds* (12 hours at most)."""


class ScheduleStore(Protocol):
    """The schedules that tenants made. Every method raises StoreUnavailableError."""

    def find(self, tenant_id: str, schedule_id: str) -> RefreshSchedule | None:
        """Return the schedule, read consistently, or None."""

    def list_all(self, tenant_id: str) -> tuple[RefreshSchedule, ...]:
        """Return the tenant's schedules, by id."""

    def put(self, schedule: RefreshSchedule) -> None:
        """Write a schedule."""

    def delete(self, tenant_id: str, schedule_id: str) -> bool:
        """Remove it; return whether it was there."""


class Alarms(Protocol):
    """What wakes a schedule at its time (EventBridge Scheduler). Raises StoreUnavailableError."""

    def set(self, schedule: RefreshSchedule) -> None:
        """Have ticks of the schedule sent to the job queue; fine when that is so already."""

    def cancel(self, schedule_id: str, tenant_id: str) -> None:
        """Have no further ticks sent; fine when there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What a list of audit entries is narrowed to; None means any. `since` is included, `until` is not."""

    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Some entries, newest first, and where to go on, or None at the end."""

    entries: tuple[AuditEntry, ...]
    position: str | None


class AuditTrail(Protocol):
    """Audit entries; nothing changes or removes one before its time. Every method raises StoreUnavailableError."""

    def write(self, entry: AuditEntry) -> None:
        """Keep an entry."""

    def list(self, tenant_id: str, *, only: AuditFilter, limit: int, position: str | None) -> AuditPage:
        """Return a page of a tenant's entries, newest first; those of the operators under `OPERATORS`."""
