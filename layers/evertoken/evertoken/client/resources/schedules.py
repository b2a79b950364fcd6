"""Schedules: a refresh later, or again and again."""

from __future__ import annotations

from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, given, segment
from evertoken.client.api_decoding import answers_with, answers_with_nothing
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.results import Schedule, ScheduleList

_ALL = "/v1/schedules"


class ScheduleRoutes(Routes):
    """Connections are refreshed in time without any schedule; these are for what a program wants beside that."""

    @route
    def refresh_once(
        self,
        connection_id: str,
        *,
        delay_minutes: int,
        attempts: int | None = None,
        initial_delay_seconds: float | None = None,
        maximum_delay_seconds: float | None = None,
    ) -> ApiCall[Schedule]:
        """Refresh one connection after *delay_minutes*. Never sent again: it would be a second schedule."""
        return _create(
            "refresh_once",
            connection_id=connection_id,
            delay_minutes=delay_minutes,
            attempts=attempts,
            initial_delay_seconds=initial_delay_seconds,
            maximum_delay_seconds=maximum_delay_seconds,
        )

    @route
    def refresh_every(
        self,
        interval_minutes: int,
        *,
        refresh_before_minutes: int | None = None,
        attempts: int | None = None,
        initial_delay_seconds: float | None = None,
        maximum_delay_seconds: float | None = None,
    ) -> ApiCall[Schedule]:
        """Refresh, every *interval_minutes*, all that expires within *refresh_before_minutes*. Never sent again: it would be a second schedule."""
        return _create(
            "refresh_every",
            interval_minutes=interval_minutes,
            refresh_before_minutes=refresh_before_minutes,
            attempts=attempts,
            initial_delay_seconds=initial_delay_seconds,
            maximum_delay_seconds=maximum_delay_seconds,
        )

    @route
    def list(self) -> ApiCall[ScheduleList]:
        """Return the schedules, the oldest first."""
        return ApiCall(
            name="schedules.list",
            method="GET",
            path=_ALL,
            decode=answers_with(ScheduleList),
            repeat=Repeat.ALWAYS,
        )

    @route
    def get(self, schedule_id: str) -> ApiCall[Schedule]:
        """Return one schedule."""
        return ApiCall(
            name="schedules.get",
            method="GET",
            path=f"{_ALL}/{segment(schedule_id)}",
            decode=answers_with(Schedule),
            repeat=Repeat.ALWAYS,
        )

    @route
    def cancel(self, schedule_id: str) -> ApiCall[None]:
        """Cancel a schedule, with what it has begun."""
        return ApiCall(
            name="schedules.cancel",
            method="DELETE",
            path=f"{_ALL}/{segment(schedule_id)}",
            decode=answers_with_nothing,
            repeat=Repeat.ALWAYS,
        )


class Schedules(ScheduleRoutes, Blocking):
    """Schedules, blocking."""


class AsyncSchedules(ScheduleRoutes, Awaiting):
    """Schedules, awaited."""


def _create(name: str, **body: Any) -> ApiCall[Schedule]:
    return ApiCall(
        name=f"schedules.{name}",
        method="POST",
        path=_ALL,
        body=given(**body),
        decode=answers_with(Schedule),
        repeat=Repeat.NEVER,
    )
