"""A schedule that a tenant made: one delayed refresh of a connection, or a recurring one of all that is due (FEATURES D4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.domain.job import JobSelection, RetrySettings

SCHEDULE_PREFIX = "sch_"
"""What every schedule's id begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSchedule:
    """A schedule as it is kept: `interval_minutes` of a recurring one, else `fires_at` of one that fires once.

    The item is the truth, the entry in EventBridge Scheduler only wakes it: a tick without an item does nothing, and neither does a step of a job
    whose schedule was cancelled. `last_fired_at` and `last_job_id` tell of the last tick that began a job, None before the first.
    """

    tenant_id: str
    schedule_id: str
    selection: JobSelection
    retries: RetrySettings
    interval_minutes: int | None
    fires_at: datetime | None
    actor: str
    correlation_id: str
    created_at: datetime
    last_fired_at: datetime | None = None
    last_job_id: str | None = None

    @property
    def is_spent(self) -> bool:
        """Whether it was to fire once, and has: nothing is left of it but the job that it began."""
        return self.interval_minutes is None and self.last_job_id is not None

    @property
    def first_fires_at(self) -> datetime:
        """When its first tick is planned; a recurring one waits one interval, as it does between any two."""
        if self.interval_minutes is None:
            assert self.fires_at is not None
            return self.fires_at
        return self.created_at + timedelta(minutes=self.interval_minutes)

    def next_fires_at(self, now: datetime) -> datetime | None:
        """Return when its next tick is planned, or None when there is none; EventBridge Scheduler keeps it to the minute."""
        if self.is_spent:
            return None
        if self.interval_minutes is None or now < self.first_fires_at:
            return self.first_fires_at
        interval = timedelta(minutes=self.interval_minutes)
        passed = (now - self.created_at) // interval
        return self.created_at + (passed + 1) * interval
