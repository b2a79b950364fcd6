"""The routes of statisticss."""

from __future__ import annotations

from evertoken.entrypoints.api import Route


def statistics_routes() -> tuple[Route, ...]:
    """Return the routes of statisticss."""
    return ()
