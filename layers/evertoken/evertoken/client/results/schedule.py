"""Schedules of refreshes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(ApiResult):
    """A schedule: with `connection_id` it fires once, with `interval_minutes` again and again."""

    schedule_id: str
    connection_id: str | None
    interval_minutes: int | None
    refresh_before_minutes: int | None
    """A tick refreshes what expires within this time; None for one connection."""
    attempts: int
    initial_delay_seconds: float
    maximum_delay_seconds: float
    next_fires_at: datetime | None
    """The plan, which EventBridge Scheduler keeps to the minute."""
    last_fired_at: datetime | None
    """When its last tick was taken from the queue; None before the first."""
    last_job_id: str | None
    """The job that the last tick began."""
    client_id: str
    """The API client that made it."""
    correlation_id: str
    """Of the request that made it; its jobs carry it on."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleList(ApiResult):
    """The tenant's schedules, the oldest first."""

    schedules: tuple[Schedule, ...]
