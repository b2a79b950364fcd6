"""The routes of jobs."""

from __future__ import annotations

from evertoken.entrypoints.api import Route


def job_routes() -> tuple[Route, ...]:
    """Return the routes of jobs."""
    return ()
