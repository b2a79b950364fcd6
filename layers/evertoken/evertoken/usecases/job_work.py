"""What working on jobs needs, and what is common to its messages."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.control_ports import JobQueue, JobStore, ScheduleStore
from evertoken.usecases.begin_scheduled_job import TickDependencies
from evertoken.usecases.create_job import JobDependencies
from evertoken.usecases.refresh_attempt import RefreshDependencies

KEPT_COMPLETED = 10
KEPT_FAILED = 50
"""How many ended jobs of a tenant are kept (FEATURES D5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWorkDependencies:
    """What the worker of jobs needs."""

    jobs: JobStore
    queue: JobQueue
    schedules: ScheduleStore
    refreshing: RefreshDependencies

    @property
    def ticking(self) -> TickDependencies:
        """The part of it that the ticks of schedules need."""
        creating = JobDependencies(
            jobs=self.jobs,
            queue=self.queue,
            clock=self.refreshing.clock,
            randomness=self.refreshing.randomness,
        )
        return TickDependencies(schedules=self.schedules, creating=creating)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A message that is not done with: it comes back after *seconds*."""

    seconds: int


def trim_jobs(jobs: JobStore, tenant_id: str) -> None:
    """Remove what is older than the ended jobs that are kept. Raises StoreUnavailableError."""
    jobs.trim(tenant_id, completed=KEPT_COMPLETED, failed=KEPT_FAILED)
