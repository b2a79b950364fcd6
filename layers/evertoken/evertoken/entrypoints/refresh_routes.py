"""The route of a refresh by hand."""

from __future__ import annotations

from typing import Protocol

from evertoken.domain.access_token import CONNECTIONS_WRITE
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import parse_model
from evertoken.entrypoints.connection_path import get_connection_key
from evertoken.entrypoints.connection_view import view_connection
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.job_view import accepted
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.refresh_bodies import RefreshBody
from evertoken.usecases.create_job import JobDependencies
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResult
from evertoken.usecases.refresh_with_retries import ContinuedRefresh, refresh_with_retries


class RefreshTelemetry(Protocol):
    """Counts refreshes."""

    def refresh(self, result: RefreshResult, key: ConnectionKey, *, trigger: str) -> None:
        """Write down how an attempt ended."""


def refresh_routes(
    refreshing: RefreshDependencies,
    creating_jobs: JobDependencies,
    telemetry: RefreshTelemetry,
    *,
    secret_prefix: str,
) -> tuple[Route, ...]:
    """Return the route of a refresh by hand."""

    def refresh(request: Request) -> Answer:
        key = get_connection_key(request)
        document = {} if request.event.body == b"" else get_json_object(request.event)
        retried = refresh_with_retries(
            refreshing,
            creating_jobs,
            key,
            retries=parse_model(RefreshBody, document).retries(),
            invocation=request.invocation,
        )
        for result in retried.results:
            telemetry.refresh(result, key, trigger="manual")
        if isinstance(retried, ContinuedRefresh):
            return accepted(retried.job)
        demanded = retried.demanded
        if demanded.refusal is not None or demanded.outcome is None:
            raise demanded.refusal or ConnectionNotFoundError()
        view = view_connection(demanded.connection, secret_prefix=secret_prefix, now=refreshing.clock.now())
        return Answer(
            body={"outcome": demanded.outcome.value, "connection": view},
            logged={"connection": key.connection_id},
        )

    return (
        Route(
            key="POST /v1/connections/{connection_id}/refresh",
            handle=refresh,
            scope=CONNECTIONS_WRITE,
            action="connection.refresh",
        ),
    )
