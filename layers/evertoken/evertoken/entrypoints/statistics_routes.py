"""The route of statistics."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from evertoken.domain.access_token import CONNECTIONS_READ
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import Model, parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.usecases.read_statistics import (
    URGENT_MINUTES,
    StatisticsAsOf,
    StatisticsDependencies,
    read_statistics,
)


class StatisticsParameters(Model):
    """The query of GET /v1/statistics; numbers arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    refresh_before_minutes: Annotated[int, Field(ge=0, le=525_600)] = URGENT_MINUTES


def statistics_routes(deps: StatisticsDependencies) -> tuple[Route, ...]:
    """Return the route of statistics."""

    def read(request: Request) -> Answer:
        parameters = parse_model(StatisticsParameters, request.query())
        statistics = read_statistics(
            deps, request.tenant_id, refresh_before_minutes=parameters.refresh_before_minutes
        )
        return Answer(body=view_statistics(statistics))

    return (Route(key="GET /v1/statistics", handle=read, scope=CONNECTIONS_READ),)


def view_statistics(found: StatisticsAsOf) -> dict[str, Any]:
    """Return the JSON form of statistics."""
    counts = found.statistics
    return {
        "total": counts.total,
        "needing_refresh": counts.needing_refresh,
        "urgent": counts.urgent,
        "with_refresh_token": counts.with_refresh_token,
        "on_hold": counts.on_hold,
        "by_status": {status.value: count for status, count in counts.by_status.items()},
        "refresh_before_minutes": found.refresh_before_minutes,
        "as_of": to_iso(found.as_of),
    }
