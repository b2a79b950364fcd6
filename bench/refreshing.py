"""The product's own wiring for refreshes, and the same work done barely: what the benches hold beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from botocore import xform_name

from bench.canned_aws import TABLE, InProcessAws
from bench.sample import SHARDS, hint_of
from evertoken.adapters import aws_clients
from evertoken.bootstrap import build_refreshing
from evertoken.domain.connection import Connection
from evertoken.domain.http import HttpExchange, HttpRequest
from evertoken.ports import ProviderTransport
from evertoken.settings import RefreshSettings
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import (
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)
from evertoken.usecases.refresh_connection import refresh_connection, refresh_from_hint

ENVIRON = {
    "STAGE": "bench",
    "TABLE_NAME": TABLE,
    "DATA_KEY_ID": "key",
    "SECRET_PREFIX": "evertoken/bench",
    "RESCUE_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/rescue",
    "HINT_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/hints",
    "JOB_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/jobs",
    "DUE_SHARDS": str(SHARDS),
    "FUNCTION_TIMEOUT_SECONDS": "45",
    "ALLOW_LOOPBACK_PROVIDERS": "true",
    "SIGNING_KEY_IDS": "signing-key",
    "PUBLIC_BASE_URL": "https://api.example",
    "ACCESS_TOKEN_LIFETIME_SECONDS": "900",
    "CLIENT_REQUESTS_PER_SECOND": "100000",
    "CONSENT_NOTICE_DAYS": "14",
}


class BenchError(Exception):
    """The work did not come to the end that it was meant to come to, so its time means nothing."""


def build() -> RefreshDependencies:
    """Return what the refresher's own composition root wires for the benches' environment."""
    return build_refreshing(
        RefreshSettings.from_env(ENVIRON), http_total_seconds=25, commit_budget_seconds=10
    )


def invocation() -> Invocation:
    """Return an invocation that has just begun."""
    return Invocation(started_at=datetime.now(UTC), ends_at=time.monotonic() + 45)


def refresh(deps: RefreshDependencies, row: Connection, *, from_hint: bool = True) -> RefreshResult:
    """Refresh once. Raises BenchError: it did not end with a new token set, published."""
    if from_hint:
        result = refresh_from_hint(deps, hint_of(row), invocation=invocation())
    else:
        result = refresh_connection(deps, row.key, reason=RefreshReason.MANUAL, invocation=invocation())
    if result.kind is not RefreshResultKind.REFRESHED or result.publication_is_owed:
        raise BenchError(f"A refresh ended as {result.kind}.")
    return result


@dataclass(frozen=True, slots=True)
class _Listening:
    """A transport that keeps the last request."""

    transport: ProviderTransport
    requests: list[HttpRequest]

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        """Send through the transport."""
        self.requests.append(request)
        return self.transport.send(request, timeout_seconds=timeout_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one piece of work asked for: AWS calls (service, operation, parameters) in their order, and the request to the provider."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(repr=False)
    request: HttpRequest | None = field(repr=False)


def record_refresh(deps: RefreshDependencies, row: Connection, aws: InProcessAws) -> Recorded:
    """Refresh once and return what that took."""
    heard: list[HttpRequest] = []
    aws.parameters = []
    refresh(replace(deps, transport=_Listening(deps.transport, heard)), row)
    calls, aws.parameters = aws.parameters, None
    (request,) = heard
    return Recorded(calls=calls, request=request)


def build_floor(deps: RefreshDependencies, row: Connection, aws: InProcessAws) -> Callable[[], None]:
    """Return the floor: the AWS calls that one refresh made, with the same parameters, and one POST of the same bytes.

    The clients are the product's own, so both sides have the same configuration; the connection to the provider is kept, as ours is.
    """
    refresh(deps, row)  # registration and data key are in memory from here on
    recorded = record_refresh(deps, row, aws)
    lease, *others = [_bare_call(*one) for one in recorded.calls]
    request = recorded.request
    assert request is not None
    parts = urlsplit(request.url)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port)

    def work() -> None:
        lease()
        connection.request(request.method, parts.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        if answer.status != 200 or not answer.read():
            raise BenchError("The provider refused the floor's request.")
        for call in others:
            call()

    return work


def _bare_call(service: str, operation: str, parameters: dict[str, Any]) -> Callable[[], object]:
    clients = {"dynamodb": aws_clients.dynamodb_client, "secretsmanager": aws_clients.secrets_client}
    method = getattr(clients[service](), xform_name(operation))
    return lambda: method(**parameters)
