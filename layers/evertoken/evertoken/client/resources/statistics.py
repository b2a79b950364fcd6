"""How the tenant's connections stand, in numbers."""

from __future__ import annotations

from evertoken.client.api_call import ApiCall, Repeat, query_of
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.results import Statistics as StatisticsResult


class StatisticsRoutes(Routes):
    """Counts of one tenant's connections."""

    @route
    def get(self, *, refresh_before_minutes: int | None = None) -> ApiCall[StatisticsResult]:
        """Return how many there are, of each status, and how many expire within *refresh_before_minutes* (60 unless given)."""
        return ApiCall(
            name="statistics.get",
            method="GET",
            path="/v1/statistics",
            query=query_of(refresh_before_minutes=refresh_before_minutes),
            decode=answers_with(StatisticsResult),
            repeat=Repeat.ALWAYS,
        )


class Statistics(StatisticsRoutes, Blocking):
    """Statistics, blocking."""


class AsyncStatistics(StatisticsRoutes, Awaiting):
    """Statistics, awaited."""
