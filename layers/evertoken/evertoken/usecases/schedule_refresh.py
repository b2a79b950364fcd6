"""Schedule a refresh: of one connection once, or again and again of all that is about to expire."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.control_ports import Alarms, ScheduleStore
from evertoken.domain.credentials import identifier_of
from evertoken.domain.errors import ConflictError, EvertokenError, InvalidInputError
from evertoken.domain.job import JobSelection, RetrySettings
from evertoken.domain.refresh_schedule import SCHEDULE_PREFIX, RefreshSchedule
from evertoken.ports import Clock, Randomness
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.list_schedules import list_schedules

MOST_SCHEDULES = 100
"""Of one tenant: with one recurring schedule covering all its connections, more is a mistake that goes on and on."""
LONGEST_DELAY_MINUTES = 525_600
"""A year. Evertoken refreshes by itself what expires; what lies further off than this is a date in a calendar."""
LONGEST_INTERVAL_MINUTES = 43_200
"""30 days: refresh tokens that rest longer begin to die of disuse."""
USUAL_REFRESH_BEFORE_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDependencies:
    """What keeping schedules needs."""

    schedules: ScheduleStore
    alarms: Alarms
    clock: Clock
    randomness: Randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayedRefresh:
    """Refresh one connection once, *delay_minutes* from now. Whether there is such a connection shows when it is refreshed."""

    connection_id: str
    delay_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringRefresh:
    """Refresh, every *interval_minutes*, all of the tenant that expires within *refresh_before_minutes*; None: an hour, or the interval if that is longer,
    so that nothing expires between two ticks.
    """

    interval_minutes: int
    refresh_before_minutes: int | None = None


def schedule_refresh(
    deps: ScheduleDependencies,
    tenant_id: str,
    wish: DelayedRefresh | RecurringRefresh,
    *,
    retries: RetrySettings,
    invocation: Invocation,
) -> RefreshSchedule:
    """Make the schedule; it is there when this returns, and is not when it raises.

    Raises:
        InvalidInputError: a time is out of bounds; the message names the field.
        ConflictError: the tenant has as many schedules as it may have. Two requests at once may pass the mark by one.
        StoreUnavailableError: try again.
    """
    _require_bounds(wish)
    if len(list_schedules(deps.schedules, tenant_id)) >= MOST_SCHEDULES:
        raise ConflictError(
            f"This tenant has {MOST_SCHEDULES} schedules. Cancel one first: GET /v1/schedules lists them."
        )
    schedule = _plan(deps, tenant_id, wish, retries, invocation)
    deps.schedules.create(schedule)
    try:
        deps.alarms.set(schedule)
    except Exception:
        _take_back(deps, schedule)
        raise
    return schedule


def _require_bounds(wish: DelayedRefresh | RecurringRefresh) -> None:
    match wish:
        case DelayedRefresh():
            _require_between("delay_minutes", wish.delay_minutes, LONGEST_DELAY_MINUTES)
        case RecurringRefresh():
            _require_between("interval_minutes", wish.interval_minutes, LONGEST_INTERVAL_MINUTES)
            if wish.refresh_before_minutes is not None:
                _require_between("refresh_before_minutes", wish.refresh_before_minutes, LONGEST_DELAY_MINUTES)


def _require_between(field: str, minutes: int, longest: int) -> None:
    if not 1 <= minutes <= longest:
        raise InvalidInputError(f"{field}: must be a whole number of minutes from 1 to {longest}.")


def _plan(
    deps: ScheduleDependencies,
    tenant_id: str,
    wish: DelayedRefresh | RecurringRefresh,
    retries: RetrySettings,
    invocation: Invocation,
) -> RefreshSchedule:
    now = deps.clock.now()
    interval: int | None = None
    fires_at: datetime | None = None
    match wish:
        case DelayedRefresh():
            selection = JobSelection(connection_ids=(wish.connection_id,))
            fires_at = now + timedelta(minutes=wish.delay_minutes)
        case RecurringRefresh():
            usual = max(USUAL_REFRESH_BEFORE_MINUTES, wish.interval_minutes)
            selection = JobSelection(refresh_before_minutes=wish.refresh_before_minutes or usual)
            interval = wish.interval_minutes
    return RefreshSchedule(
        tenant_id=tenant_id,
        schedule_id=identifier_of(SCHEDULE_PREFIX, deps.randomness.token(256)),
        selection=selection,
        retries=retries,
        interval_minutes=interval,
        fires_at=fires_at,
        actor=invocation.actor,
        correlation_id=invocation.correlation_id,
        created_at=now,
    )


def _take_back(deps: ScheduleDependencies, schedule: RefreshSchedule) -> None:
    """End what has no alarm. The item goes first: an alarm whose answer was lost then wakes nothing, also when it cannot be stopped now."""
    with suppress(EvertokenError):
        deps.schedules.cancel(schedule.tenant_id, schedule.schedule_id, now=deps.clock.now())
    with suppress(EvertokenError):
        deps.alarms.cancel(schedule.schedule_id)
