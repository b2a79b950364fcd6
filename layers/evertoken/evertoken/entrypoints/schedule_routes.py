"""The routes of schedules."""

from __future__ import annotations

from evertoken.entrypoints.api import Route


def schedule_routes() -> tuple[Route, ...]:
    """Return the routes of schedules."""
    return ()
