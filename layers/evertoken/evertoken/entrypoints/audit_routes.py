"""The routes of audits."""

from __future__ import annotations

from evertoken.entrypoints.api import Route


def audit_routes() -> tuple[Route, ...]:
    """Return the routes of audits."""
    return ()
