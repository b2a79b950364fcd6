"""What the routes of schedules take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, ConnectionId, Timestamp
from evertoken.entrypoints.schedule_routes import DelayedBody, RecurringBody


class Schedule(AnswerModel):
    """A schedule: with `connection_id` it fires once, with `interval_minutes` again and again."""

    schedule_id: Annotated[str, Field(pattern=r"^sch_[a-z2-7]{26}$")]
    connection_id: ConnectionId | None
    interval_minutes: int | None
    refresh_before_minutes: Annotated[
        int | None,
        Field(description="A tick refreshes what expires within this time; null for one connection."),
    ]
    attempts: int
    initial_delay_seconds: float
    maximum_delay_seconds: float
    next_fires_at: Annotated[
        Timestamp | None, Field(description="The plan, which EventBridge Scheduler keeps to the minute.")
    ]
    last_fired_at: Annotated[
        Timestamp | None,
        Field(description="When its last tick was taken from the queue; null before the first."),
    ]
    last_job_id: Annotated[str | None, Field(description="The job that the last tick began.")]
    client_id: Annotated[str, Field(description="The API client that made it.")]
    correlation_id: Annotated[str, Field(description="Of the request that made it; its jobs carry it on.")]
    created_at: Timestamp


class ScheduleList(AnswerModel):
    """The tenant's schedules, the oldest first."""

    schedules: list[Schedule]


_PATH = {"schedule_id": "The schedule's id."}

OPERATIONS = (
    Operation(
        key="POST /v1/schedules",
        tag="Schedules",
        summary="Schedule a refresh",
        description="Of one connection once (`connection_id`, `delay_minutes`), or of all that expires soon, again and again (`interval_minutes`). The "
        "schedule is there when this answers 201, and is not when it answers an error. Whether there is such a connection shows in the job.",
        body=DelayedBody | RecurringBody,
        answers={201: Schedule},
        errors=("CONFLICT",),
    ),
    Operation(
        key="GET /v1/schedules",
        tag="Schedules",
        summary="List the schedules",
        description="Those that have still to fire, the oldest first; at most 100.",
        answers={200: ScheduleList},
    ),
    Operation(
        key="GET /v1/schedules/{schedule_id}",
        tag="Schedules",
        summary="Read a schedule",
        description="One that was to fire once is gone when it has.",
        path=_PATH,
        answers={200: Schedule},
        errors=("NOT_FOUND",),
    ),
    Operation(
        key="DELETE /v1/schedules/{schedule_id}",
        tag="Schedules",
        summary="Cancel a schedule",
        description="Nothing of it asks a provider again, also not a job that it has begun; a request that was already sent cannot be taken back. May be "
        "repeated for a day.",
        path=_PATH,
        answers={204: None},
        errors=("NOT_FOUND",),
    ),
)
