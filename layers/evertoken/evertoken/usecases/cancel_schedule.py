"""Cancel a schedule: its item first, so that whatever is still under way finds nothing to do, then what wakes it."""

from __future__ import annotations

from evertoken.usecases.list_schedules import no_such_schedule
from evertoken.usecases.schedule_refresh import ScheduleDependencies


def cancel_schedule(deps: ScheduleDependencies, tenant_id: str, schedule_id: str) -> None:
    """End the schedule; from here on none of its steps asks a provider again. May be repeated for a day.

    A request that a worker has already sent cannot be taken back.

    Raises:
        NotFoundError: the tenant has no such schedule.
        StoreUnavailableError: try again; when the item was reached, nothing fires any more whatever happens.
    """
    if not deps.schedules.cancel(tenant_id, schedule_id, now=deps.clock.now()):
        raise no_such_schedule()
    deps.alarms.cancel(schedule_id)
