"""How many connections there are, and how they stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts(ApiResult):
    """How many connections are in each status; one on hold is in the status beside which it is held."""

    active: int
    reauthorization_required: int
    disconnected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics(ApiResult):
    """How the tenant's connections stand."""

    total: int
    needing_refresh: int
    """Active, not on hold, and expired or expiring within `refresh_before_minutes`."""
    urgent: int
    """Active, not on hold, and expired or expiring within the hour."""
    with_refresh_token: int
    on_hold: int
    by_status: StatusCounts
    refresh_before_minutes: int
    as_of: datetime
