"""Begin the job of a schedule whose time has come."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.control_ports import ScheduleStore
from evertoken.domain.credentials import identifier_of
from evertoken.domain.job import JOB_PREFIX, Job, JobKind, ScheduleTick
from evertoken.usecases.create_job import JobDependencies, create_job


@dataclass(frozen=True, slots=True, kw_only=True)
class TickDependencies:
    """What a tick needs."""

    schedules: ScheduleStore
    creating: JobDependencies


def begin_scheduled_job(deps: TickDependencies, tick: ScheduleTick, *, message_id: str) -> Job | None:
    """Create the job of this tick and return it, or None when the schedule was cancelled or has fired for good.

    A tick makes one job however often it is delivered: the job's id follows from the schedule and the time that the tick was planned for, or, when that
    is not known, from *message_id*.

    Raises:
        StoreUnavailableError: the job may or may not exist. With the same tick it is safe to repeat.
    """
    occasion = tick.scheduled_time or message_id
    job_id = identifier_of(JOB_PREFIX, f"{tick.tenant_id}\n{tick.schedule_id}\n{occasion}")
    schedule = deps.schedules.record_tick(
        tick.tenant_id, tick.schedule_id, job_id=job_id, now=deps.creating.clock.now()
    )
    if schedule is None:
        return None
    return create_job(
        deps.creating,
        tenant_id=schedule.tenant_id,
        kind=JobKind.SCHEDULED,
        selection=schedule.selection,
        retries=schedule.retries,
        actor=schedule.actor,
        correlation_id=schedule.correlation_id,
        schedule_id=schedule.schedule_id,
        job_id=job_id,
    )
