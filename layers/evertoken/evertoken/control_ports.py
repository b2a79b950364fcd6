"""What operating connections needs from outside: jobs, schedules, audit, ledgers, events, sessions. As in `ports`, one fake and one contract suite each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from evertoken.domain.audit import AuditEntry
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.event import Event
from evertoken.domain.job import Job, JobMessage, JobSelection, JobStep, JobTarget
from evertoken.domain.ledger import LedgerEntry
from evertoken.domain.refresh_schedule import RefreshSchedule
from evertoken.domain.session import Profile, Session, SessionEnd, SessionToken
from evertoken.domain.statistics import ConnectionStatistics


class JobStore(Protocol):
    """Jobs and their steps. Every method raises StoreUnavailableError; every write may be repeated, and repeating it changes nothing."""

    def create(self, job: Job, selection: JobSelection) -> None:
        """Write a new job with what it is about, both or neither, unless there is one with its id."""

    def find(self, tenant_id: str, job_id: str) -> Job | None:
        """Return the job, read consistently, or None."""

    def find_selection(self, tenant_id: str, job_id: str) -> JobSelection | None:
        """Return what a job is about, read consistently, or None."""

    def list_all(self, tenant_id: str) -> tuple[Job, ...]:
        """Return the tenant's jobs, newest first."""

    def list_steps(self, tenant_id: str, job_id: str) -> tuple[JobStep, ...]:
        """Return the steps of a job by position, read consistently."""

    def find_step(self, tenant_id: str, job_id: str, position: int) -> JobStep | None:
        """Return one step, read consistently, or None."""

    def fix_targets(
        self, job: Job, targets: Sequence[JobTarget], *, is_truncated: bool
    ) -> tuple[tuple[JobTarget, ...], bool]:
        """Make *targets* what the job is about, unless that was done before; return what it is about, and whether more were due than that.

        Who expands the job again reads other rows meanwhile, and has to come to the same steps.
        """

    def begin(self, job: Job, steps: Sequence[JobStep], *, is_truncated: bool, now: datetime) -> Job:
        """Write the steps that are not there yet, then make a waiting job active with their number, or completed when there are none; return it as it is now."""

    def count_attempt(self, step: JobStep, *, next_attempt_at: datetime) -> bool:
        """Count a failed attempt and put off the next one IF the step still waits with as many attempts as *step* has; return whether it was so."""

    def finish_step(self, step: JobStep, *, now: datetime) -> Job | None:
        """End the step as *step* says IF it still waits, and count it in its job as it ended first; the last one ends the job. A step is counted once, however
        often this is called. Returns the job as it is now, or None when it is gone.
        """

    def trim(self, tenant_id: str, *, completed: int, failed: int) -> None:
        """Remove the oldest ended jobs beyond this many of each kind, with their steps."""


class JobQueue(Protocol):
    """The queue of what jobs have to do."""

    def send(self, messages: Iterable[JobMessage]) -> None:
        """Enqueue the messages. Raises StoreUnavailableError when any was not accepted; repeats are harmless."""

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        """Let the message that is being worked on come back after *seconds* (12 hours at most). Raises StoreUnavailableError."""


class ScheduleStore(Protocol):
    """The schedules that tenants made; one that was cancelled is gone for all but `cancel`. Every method raises StoreUnavailableError."""

    def find(self, tenant_id: str, schedule_id: str) -> RefreshSchedule | None:
        """Return the schedule, read consistently, or None."""

    def list_all(self, tenant_id: str) -> tuple[RefreshSchedule, ...]:
        """Return the tenant's schedules, by id, those that have fired for good included; read consistently."""

    def create(self, schedule: RefreshSchedule) -> None:
        """Write a new schedule; repeating it is harmless."""

    def record_tick(
        self, tenant_id: str, schedule_id: str, *, job_id: str, now: datetime
    ) -> RefreshSchedule | None:
        """Note that a tick begins the job *job_id* IF the schedule is there and recurs, or this is its one job; return it as it is now, else None.

        Repeating it with the same job is harmless.
        """

    def forget_spent(self, tenant_id: str, schedule_id: str, *, job_id: str) -> None:
        """Remove the schedule IF it was to fire once and *job_id* was its job; fine when it is not there."""

    def cancel(self, tenant_id: str, schedule_id: str, *, now: datetime) -> bool:
        """End the schedule; return whether it is there, or was within the last day, so that a cancellation can be repeated."""


class Alarms(Protocol):
    """What wakes a schedule at its time (EventBridge Scheduler). Every method raises StoreUnavailableError."""

    def set(self, schedule: RefreshSchedule) -> None:
        """Have ticks of the schedule sent to the job queue; fine when that is so already."""

    def cancel(self, schedule_id: str) -> None:
        """Have no further ticks sent; fine when there are none."""


class StatisticsReader(Protocol):
    """Counts a tenant's connections, and reads nobody else's."""

    def count(
        self, tenant_id: str, *, needing_before: datetime, urgent_before: datetime
    ) -> ConnectionStatistics:
        """Return the counts; what expires before *needing_before* (*urgent_before*) and can be refreshed needs it (is urgent). Raises StoreUnavailableError."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The presented token was the newest: the session with its successor."""

    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRotated:
    """The write was refused: the session as it is, or None when there is none."""

    session: Session | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """What a session is changed to; None leaves it as it is."""

    role: str | None = None
    profile: Profile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage:
    """Some sessions, by id, and where to go on, or None at the end."""

    sessions: tuple[Session, ...]
    position: str | None


class SessionStore(Protocol):
    """Sessions, one item each: what refreshes, changes and ends one is one conditional write, so that none can come between another's check and its act.

    Every method raises StoreUnavailableError.
    """

    def create(self, session: Session) -> None:
        """Write a new session; repeating it with the same id is harmless."""

    def find(self, tenant_id: str, session_id: str) -> Session | None:
        """Return the session, read consistently, or None."""

    def list(self, tenant_id: str, *, user_id: str | None, limit: int, position: str | None) -> SessionPage:
        """Return a page of a tenant's sessions, or of one user's; those that are over stay listed for a while."""

    def rotate(self, presented: SessionToken, *, successor: str, now: datetime) -> Rotated | NotRotated:
        """Make *successor* the newest token IF *presented* is, the session was not revoked and its end has not come, and copy the role into it.

        One write and no read. A write that took effect although its answer was lost is refused when it is repeated, and known by *successor*.
        """

    def change(
        self, tenant_id: str, session_id: str, change: SessionChange, *, now: datetime
    ) -> Session | None:
        """Change a live session and return it, or None when it is over or there is none."""

    def revoke(self, tenant_id: str, session_id: str, *, because: SessionEnd, now: datetime) -> bool | None:
        """End the session IF nobody did; return whether it was this that ended it, or None when there is no session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage:
    """Some entries, newest first, and where to go on, or None at the end."""

    entries: tuple[LedgerEntry, ...]
    position: str | None


class Ledger(Protocol):
    """What happened to each connection. Every method raises StoreUnavailableError."""

    def write(self, entry: LedgerEntry) -> None:
        """Keep the entry; writing it again changes nothing."""

    def list(self, key: ConnectionKey, *, limit: int, position: str | None) -> LedgerPage:
        """Return a page of a connection's entries, newest first."""

    def knows(self, key: ConnectionKey) -> bool:
        """Return whether the connection's beginning was written, also when all its entries have had their time; a retired one is forgotten with them."""


class EventBus(Protocol):
    """Where events go that other programs may want."""

    def send(self, events: Sequence[Event]) -> frozenset[int]:
        """Send the events; return the positions of those that were not accepted. Sending one again is harmless: its `event_id` is the same."""
