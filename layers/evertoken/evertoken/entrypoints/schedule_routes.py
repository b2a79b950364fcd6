"""The routes of schedules: refresh one connection later, or all that is about to expire again and again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from evertoken.domain.access_token import CONNECTIONS_READ, CONNECTIONS_WRITE
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.instants import to_iso
from evertoken.domain.job import RetrySettings
from evertoken.domain.refresh_schedule import RefreshSchedule
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.refresh_bodies import RetryBody
from evertoken.usecases.cancel_schedule import cancel_schedule
from evertoken.usecases.list_schedules import get_schedule, list_schedules, no_such_schedule
from evertoken.usecases.schedule_refresh import (
    LONGEST_DELAY_MINUTES,
    LONGEST_INTERVAL_MINUTES,
    DelayedRefresh,
    RecurringRefresh,
    ScheduleDependencies,
    schedule_refresh,
)

_SCHEDULE_ID = re.compile(r"sch_[a-z2-7]{26}")
ConnectionId = Annotated[str, Field(pattern=r"^con_[a-z2-7]{26}$")]


class _ScheduleBody(RetryBody):
    attempts: Annotated[int, Field(ge=1, le=10)] = 3

    def retries(self) -> RetrySettings:
        """Return the retry settings."""
        return self._settings(self.attempts)


class DelayedBody(_ScheduleBody):
    """POST /v1/schedules, for one connection and one time."""

    connection_id: ConnectionId
    delay_minutes: Annotated[int, Field(ge=1, le=LONGEST_DELAY_MINUTES)]


class RecurringBody(_ScheduleBody):
    """POST /v1/schedules, for all that is about to expire, again and again."""

    interval_minutes: Annotated[int, Field(ge=1, le=LONGEST_INTERVAL_MINUTES)]
    refresh_before_minutes: Annotated[int, Field(ge=1, le=LONGEST_DELAY_MINUTES)] | None = None


def schedule_routes(deps: ScheduleDependencies) -> tuple[Route, ...]:
    """Return the routes of schedules."""
    routes = _Routes(deps)
    one = "/v1/schedules/{schedule_id}"
    return (
        Route(
            key="POST /v1/schedules",
            handle=routes.create,
            scope=CONNECTIONS_WRITE,
            action="schedule.create",
        ),
        Route(key="GET /v1/schedules", handle=routes.list, scope=CONNECTIONS_READ),
        Route(key=f"GET {one}", handle=routes.inspect, scope=CONNECTIONS_READ),
        Route(key=f"DELETE {one}", handle=routes.cancel, scope=CONNECTIONS_WRITE, action="schedule.cancel"),
    )


class _Routes:
    def __init__(self, deps: ScheduleDependencies) -> None:
        self._deps = deps

    def create(self, request: Request) -> Answer:
        tenant_id, body = request.tenant_id, parse_schedule_body(get_json_object(request.event))
        wish: DelayedRefresh | RecurringRefresh
        match body:
            case DelayedBody():
                wish = DelayedRefresh(connection_id=body.connection_id, delay_minutes=body.delay_minutes)
            case RecurringBody():
                wish = RecurringRefresh(
                    interval_minutes=body.interval_minutes, refresh_before_minutes=body.refresh_before_minutes
                )
        schedule = schedule_refresh(
            self._deps, tenant_id, wish, retries=body.retries(), invocation=request.invocation
        )
        logged = {"schedule": schedule.schedule_id}
        if schedule.selection.connection_ids:
            logged["connection"] = schedule.selection.connection_ids[0]
        return Answer(
            status=201,
            body=self._view(schedule),
            headers={"Location": f"/v1/schedules/{schedule.schedule_id}"},
            logged=logged,
        )

    def list(self, request: Request) -> Answer:
        _refuse_parameters(request)
        schedules = list_schedules(self._deps.schedules, request.tenant_id)
        return Answer(body={"schedules": [self._view(one) for one in schedules]})

    def inspect(self, request: Request) -> Answer:
        _refuse_parameters(request)
        return Answer(
            body=self._view(get_schedule(self._deps.schedules, request.tenant_id, _schedule_id(request)))
        )

    def cancel(self, request: Request) -> Answer:
        cancel_schedule(self._deps, request.tenant_id, _schedule_id(request))
        return Answer(status=204)

    def _view(self, schedule: RefreshSchedule) -> dict[str, Any]:
        return view_schedule(schedule, now=self._deps.clock.now())


def parse_schedule_body(values: Mapping[str, Any]) -> DelayedBody | RecurringBody:
    """Return the body of POST /v1/schedules. Raises InvalidInputError, which names the fields."""
    if "delay_minutes" in values and "interval_minutes" in values:
        raise InvalidInputError("interval_minutes: not together with delay_minutes. Make two schedules.")
    if "interval_minutes" in values:
        return parse_model(RecurringBody, values)
    if "delay_minutes" in values:
        return parse_model(DelayedBody, values)
    raise InvalidInputError(
        "delay_minutes: is missing. Send it with connection_id for one refresh, or interval_minutes for recurring ones."
    )


def view_schedule(schedule: RefreshSchedule, *, now: datetime) -> dict[str, Any]:
    """Return the JSON form of *schedule*; `next_fires_at` is the plan, which EventBridge Scheduler keeps to the minute."""
    s = schedule
    return {
        "schedule_id": s.schedule_id,
        "connection_id": next(iter(s.selection.connection_ids), None),
        "interval_minutes": s.interval_minutes,
        "refresh_before_minutes": s.selection.refresh_before_minutes,
        "attempts": s.retries.attempts,
        "initial_delay_seconds": s.retries.initial_delay_seconds,
        "maximum_delay_seconds": s.retries.maximum_delay_seconds,
        "next_fires_at": _iso(s.next_fires_at(now)),
        "last_fired_at": _iso(s.last_fired_at),
        "last_job_id": s.last_job_id,
        "client_id": s.actor,
        "correlation_id": s.correlation_id,
        "created_at": to_iso(s.created_at),
    }


def _schedule_id(request: Request) -> str:
    schedule_id = request.path["schedule_id"]
    if _SCHEDULE_ID.fullmatch(schedule_id) is None:
        raise no_such_schedule()
    return schedule_id


def _refuse_parameters(request: Request) -> None:
    parameters = request.query()
    if parameters:
        raise InvalidInputError(f"{min(parameters)[:40]!r} is not a parameter here. There are none.")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
