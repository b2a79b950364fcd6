"""What the route of statistics takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, Timestamp
from evertoken.entrypoints.statistics_routes import StatisticsParameters

Count = Annotated[int, Field(ge=0)]


class StatusCounts(AnswerModel):
    """How many connections are in each status; one on hold is in the status beside which it is held."""

    active: Count
    reauthorization_required: Count
    disconnected: Count


class Statistics(AnswerModel):
    """How the tenant's connections stand."""

    total: Count
    needing_refresh: Annotated[
        Count,
        Field(description="Active, not on hold, and expired or expiring within `refresh_before_minutes`."),
    ]
    urgent: Annotated[
        Count, Field(description="Active, not on hold, and expired or expiring within the hour.")
    ]
    with_refresh_token: Count
    on_hold: Count
    by_status: StatusCounts
    refresh_before_minutes: int
    as_of: Timestamp


OPERATIONS = (
    Operation(
        key="GET /v1/statistics",
        tag="Connections",
        summary="Count the connections",
        description="One moment's counts, which agree with each other and with `GET /v1/connections?refresh_before_minutes=`. Read from an index that is "
        "about a second behind the connections.",
        parameters=StatisticsParameters,
        answers={200: Statistics},
    ),
)
