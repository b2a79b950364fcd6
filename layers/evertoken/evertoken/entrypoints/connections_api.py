"""The routes of connections: start, complete, list, inspect, change, refresh, disconnect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evertoken import bootstrap_api, bootstrap_operations
from evertoken.bootstrap import build_admission, build_revocation_list, build_verifier
from evertoken.domain.access_token import CONNECTIONS_READ, CONNECTIONS_WRITE
from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.errors import ConnectionNotFoundError
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.api import Api, Request, Route
from evertoken.entrypoints.body_model import parse_model
from evertoken.entrypoints.connection_bodies import (
    ChangeBody,
    CompleteBody,
    DeviceBody,
    DirectBody,
    ListParameters,
    StartBody,
    parse_connection_body,
)
from evertoken.entrypoints.connection_path import get_connection_key
from evertoken.entrypoints.connection_view import view_connection, view_summary
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.import_routes import import_routes
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.refresh_routes import RefreshTelemetry, refresh_routes
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import ConnectionsApiSettings
from evertoken.usecases.authorization_session import DEVICE_PREFIX
from evertoken.usecases.change_connection import change_connection
from evertoken.usecases.complete_authorization import CompleteDependencies, complete_authorization
from evertoken.usecases.connect_by_device import DeviceDependencies, start_device
from evertoken.usecases.connect_directly import DirectDependencies, connect_directly
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.create_job import JobDependencies
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.establish_connection import EstablishedConnection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.import_connections import ImportDependencies
from evertoken.usecases.list_connections import ListDependencies, ListQuery, list_connections
from evertoken.usecases.poll_device import StillPending, poll_device
from evertoken.usecases.refresh_attempt import RefreshDependencies
from evertoken.usecases.start_authorization import StartDependencies, start_authorization


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsApiDependencies:
    """What the routes need."""

    starting: StartDependencies
    completing: CompleteDependencies
    direct: DirectDependencies
    devices: DeviceDependencies
    importing: ImportDependencies
    listing: ListDependencies
    refreshing: RefreshDependencies
    creating_jobs: JobDependencies
    minimum_published_lifetime_seconds: int
    secret_prefix: str


def connection_routes(deps: ConnectionsApiDependencies, telemetry: RefreshTelemetry) -> tuple[Route, ...]:
    """Return the routes of connections."""
    routes = _Routes(deps)
    one = "/v1/connections/{connection_id}"
    return (
        Route(
            key="POST /v1/connections",
            handle=routes.start,
            scope=CONNECTIONS_WRITE,
            action="connection.start",
        ),
        Route(
            key="POST /v1/connections/complete",
            handle=routes.complete,
            scope=CONNECTIONS_WRITE,
            action="connection.complete",
        ),
        Route(key="GET /v1/connections", handle=routes.list, scope=CONNECTIONS_READ),
        Route(key=f"GET {one}", handle=routes.inspect, scope=CONNECTIONS_READ),
        Route(key=f"PATCH {one}", handle=routes.change, scope=CONNECTIONS_WRITE, action="connection.change"),
        Route(
            key=f"DELETE {one}",
            handle=routes.disconnect,
            scope=CONNECTIONS_WRITE,
            action="connection.disconnect",
        ),
        *refresh_routes(deps.refreshing, deps.creating_jobs, telemetry, secret_prefix=deps.secret_prefix),
        *import_routes(deps.importing),
    )


class _Routes:
    def __init__(self, deps: ConnectionsApiDependencies) -> None:
        self._deps = deps

    def start(self, request: Request) -> Answer:
        tenant_id, body = request.tenant_id, parse_connection_body(get_json_object(request.event))
        match body:
            case StartBody():
                return self._start_authorization(request, body.wish(tenant_id), body)
            case DeviceBody():
                return self._start_device(request, body.wish(tenant_id))
            case DirectBody():
                established = connect_directly(
                    self._deps.direct,
                    body.wish(tenant_id),
                    body.direct(),
                    invocation=request.invocation,
                )
                return self._established(established, status=201)

    def _start_authorization(self, request: Request, wish: ConnectionWish, body: StartBody) -> Answer:
        started = start_authorization(
            self._deps.starting,
            wish,
            return_url=body.return_url,
            base_url=request.base_url,
            user_token=body.user_token,
            invocation=request.invocation,
        )
        return Answer(
            status=201,
            body={
                "connection_id": started.connection_id,
                "authorization_url": started.authorization_url,
                "session_uri": started.session_uri,
                "expires_at": to_iso(started.expires_at),
            },
            logged={"connection": started.connection_id},
        )

    def _start_device(self, request: Request, wish: ConnectionWish) -> Answer:
        started = start_device(self._deps.devices, wish, invocation=request.invocation)
        body: dict[str, object] = {
            "connection_id": started.connection_id,
            "session_uri": started.session_uri,
            "user_code": started.user_code,
            "verification_uri": started.verification_uri,
        }
        if started.verification_uri_complete is not None:
            body["verification_uri_complete"] = started.verification_uri_complete
        body |= {
            "expires_at": to_iso(started.expires_at),
            "interval_seconds": started.interval_seconds,
        }
        return Answer(status=201, body=body, logged={"connection": started.connection_id})

    def complete(self, request: Request) -> Answer:
        tenant_id, body = request.tenant_id, parse_model(CompleteBody, get_json_object(request.event))
        if body.session_uri.startswith(DEVICE_PREFIX):
            polled = poll_device(
                self._deps.devices,
                tenant_id=tenant_id,
                session_uri=body.session_uri,
                user_id=body.user_id,
                invocation=request.invocation,
            )
            return (
                self._pending(polled)
                if isinstance(polled, StillPending)
                else self._established(polled, status=200)
            )
        established = complete_authorization(
            self._deps.completing,
            tenant_id=tenant_id,
            session_uri=body.session_uri,
            user_id=body.user_id,
            invocation=request.invocation,
        )
        return self._established(established, status=200)

    def list(self, request: Request) -> Answer:
        parameters = parse_model(ListParameters, request.query())
        query = ListQuery(
            user_id=parameters.user_id,
            provider_id=parameters.provider,
            account=parameters.account,
            status=parameters.status,
            refresh_before_minutes=parameters.refresh_before_minutes,
            limit=parameters.limit,
            cursor=parameters.cursor,
        )
        page = list_connections(self._deps.listing, request.tenant_id, query)
        now, prefix = self._deps.refreshing.clock.now(), self._deps.secret_prefix
        connections = [view_summary(row, secret_prefix=prefix, now=now) for row in page.connections]
        return Answer(body={"connections": connections, "cursor": page.cursor})

    def inspect(self, request: Request) -> Answer:
        row = self._deps.refreshing.store.get(get_connection_key(request))
        if row.status is ConnectionStatus.RETIRED:
            raise ConnectionNotFoundError
        return self._answer(row)

    def change(self, request: Request) -> Answer:
        key, body = get_connection_key(request), parse_model(ChangeBody, get_json_object(request.event))
        row = None
        if (body.name, body.display_name, body.policy, body.publication) != (None, None, None, None):
            row = change_connection(
                self._deps.refreshing,
                key,
                name=body.name,
                display_name=body.display_name,
                policy=body.chosen_policy(),
                publication=body.chosen_publication(),
                minimum_published_lifetime_seconds=self._deps.minimum_published_lifetime_seconds,
                invocation=request.invocation,
            )
        if body.on_hold is not None:
            row = hold_connection(
                self._deps.refreshing, key, on_hold=body.on_hold, invocation=request.invocation
            )
        return self._answer(row or self._deps.refreshing.store.get(key))

    def disconnect(self, request: Request) -> Answer:
        key = get_connection_key(request)
        return self._answer(disconnect_connection(self._deps.refreshing, key, invocation=request.invocation))

    def _pending(self, pending: StillPending) -> Answer:
        return Answer(
            status=202,
            body={"status": "pending", "retry_after": pending.retry_after_seconds},
            headers={"Retry-After": str(pending.retry_after_seconds)},
        )

    def _established(self, established: EstablishedConnection, *, status: int) -> Answer:
        row = established.connection
        body = {**self._view(row), "notices": list(established.notices)}
        return Answer(status=status, body=body, logged={"connection": row.connection_id})

    def _answer(self, row: Connection) -> Answer:
        return Answer(body=self._view(row), logged={"connection": row.connection_id})

    def _view(self, row: Connection) -> dict[str, object]:
        return view_connection(
            row, secret_prefix=self._deps.secret_prefix, now=self._deps.refreshing.clock.now()
        )


def build_connections_api(environ: Mapping[str, str]) -> Api:
    """Return the connections API for this environment. Raises ConfigurationError."""
    settings = ConnectionsApiSettings.from_env(environ)
    telemetry = Telemetry(stage=settings.stage, service="connections_api")
    refreshing = bootstrap_api.build_connecting(settings)
    starting = bootstrap_api.build_starting(settings, refreshing)
    establishing = bootstrap_api.build_establishing(settings, refreshing)
    dependencies = ConnectionsApiDependencies(
        starting=starting,
        completing=bootstrap_api.build_completing(starting, establishing),
        direct=bootstrap_api.build_direct(starting, establishing),
        devices=bootstrap_api.build_devices(settings, starting, establishing),
        importing=bootstrap_api.build_importing(establishing, starting),
        listing=ListDependencies(store=refreshing.store, sealer=refreshing.sealer, clock=refreshing.clock),
        refreshing=refreshing,
        creating_jobs=bootstrap_operations.build_creating_jobs(settings),
        minimum_published_lifetime_seconds=settings.minimum_published_lifetime_seconds,
        secret_prefix=settings.secret_prefix,
    )
    return Api(
        connection_routes(dependencies, telemetry),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=refreshing.clock,
        telemetry=telemetry,
        admission=build_admission(
            build_revocation_list(settings.table_name),
            requests_per_second=settings.client_requests_per_second,
        ),
        audit=bootstrap_operations.build_audit_trail(
            settings.table_name, retention_days=settings.audit_retention_days
        ),
    )
