"""The schedules that a tenant made and that have still to fire; one that fires once is gone when it has."""

from __future__ import annotations

from evertoken.control_ports import ScheduleStore
from evertoken.domain.errors import NotFoundError
from evertoken.domain.refresh_schedule import RefreshSchedule


def list_schedules(schedules: ScheduleStore, tenant_id: str) -> tuple[RefreshSchedule, ...]:
    """Return the tenant's schedules, the oldest first. Raises StoreUnavailableError."""
    going_on = [one for one in schedules.list_all(tenant_id) if not one.is_spent]
    return tuple(sorted(going_on, key=lambda one: (one.created_at, one.schedule_id)))


def get_schedule(schedules: ScheduleStore, tenant_id: str, schedule_id: str) -> RefreshSchedule:
    """Return a schedule.

    Raises:
        NotFoundError: the tenant has no such schedule, or it has fired for good.
        StoreUnavailableError: try again.
    """
    schedule = schedules.find(tenant_id, schedule_id)
    if schedule is None or schedule.is_spent:
        raise no_such_schedule()
    return schedule


def no_such_schedule() -> NotFoundError:
    """Return the one answer to ids that are absent and ids that are foreign."""
    return NotFoundError(
        "No schedule of this tenant has that id, or it has fired. List them with GET /v1/schedules."
    )
