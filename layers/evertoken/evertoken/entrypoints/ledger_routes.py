"""The routes of ledgers."""

from __future__ import annotations

from evertoken.entrypoints.api import Route


def ledger_routes() -> tuple[Route, ...]:
    """Return the routes of ledgers."""
    return ()
