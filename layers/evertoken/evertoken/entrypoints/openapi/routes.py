"""Every route of the API, as the functions make them, without what they work with."""

from __future__ import annotations

from typing import Any, Self

from evertoken.entrypoints.access_token_routes import access_token_routes
from evertoken.entrypoints.api import Route
from evertoken.entrypoints.audit_routes import audit_routes
from evertoken.entrypoints.client_routes import client_routes
from evertoken.entrypoints.connections_api import connection_routes
from evertoken.entrypoints.documentation_routes import documentation_routes
from evertoken.entrypoints.job_routes import job_routes
from evertoken.entrypoints.ledger_routes import ledger_routes
from evertoken.entrypoints.oauth_callback import callback_routes
from evertoken.entrypoints.registrations_api import registration_routes
from evertoken.entrypoints.schedule_routes import schedule_routes
from evertoken.entrypoints.session_routes import session_routes
from evertoken.entrypoints.statistics_routes import statistics_routes
from evertoken.entrypoints.token_reader import token_routes


class _Nothing:
    """Stands for what routes are made with; nothing is called while they are made."""

    def __getattr__(self, name: str) -> Self:
        return self

    def __call__(self, *_: object, **__: object) -> Self:
        return self


def all_routes() -> dict[str, Route]:
    """Return every route by its key. Raises ValueError: two functions have the same."""
    nothing: Any = _Nothing()
    routes = (
        *connection_routes(nothing, nothing),
        *token_routes(nothing, nothing),
        *callback_routes(nothing),
        *registration_routes(nothing),
        *job_routes(nothing),
        *schedule_routes(nothing),
        *statistics_routes(nothing),
        *audit_routes(nothing),
        *ledger_routes(nothing),
        *access_token_routes(nothing),
        *client_routes(nothing),
        *session_routes(nothing, nothing),
        *documentation_routes(stage=""),
    )
    by_key = {route.key: route for route in routes}
    if len(by_key) != len(routes):
        raise ValueError("Two functions have the same route.")
    return by_key
