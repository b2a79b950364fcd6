"""The routes of our own identity: access tokens, the keys that verify them, tenants and their API clients; and the health check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from evertoken import bootstrap_api
from evertoken.bootstrap import build_verifier
from evertoken.domain.access_token import OPERATOR
from evertoken.domain.authorization import ApiClient, Tenant
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.api import Api, Request, Route
from evertoken.entrypoints.body_model import Label, Model, TenantId, parse_model
from evertoken.entrypoints.client_credentials import get_token_request
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.ports import TokenSigner
from evertoken.settings import AuthApiSettings
from evertoken.usecases import manage_api_clients, manage_tenants
from evertoken.usecases.issue_token import IssueDependencies, issue_token
from evertoken.usecases.manage_api_clients import ApiClientDependencies
from evertoken.usecases.manage_tenants import TenantDependencies

KEYS_KEPT_SECONDS = 300
"""How long others may keep our public keys: a new key is published this long before it signs (security facts 2a.10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthApiDependencies:
    """What the routes need."""

    issuing: IssueDependencies
    tenants: TenantDependencies
    clients: ApiClientDependencies
    signer: TokenSigner


TenantScope = Literal[
    "connections:read", "connections:write", "tokens:read", "audit:read", "sessions:read", "sessions:write"
]


class TenantBody(Model):
    """PUT /v1/tenants/{tenant_id}."""

    name: Label
    return_urls: Annotated[list[str], Field(max_length=manage_tenants.MOST_RETURN_URLS)] = Field(
        default_factory=list
    )


class ClientBody(Model):
    """POST /v1/clients."""

    tenant_id: TenantId
    name: Label
    scopes: Annotated[list[TenantScope], Field(min_length=1)]


class ClientListParameters(Model):
    """The query of GET /v1/clients."""

    tenant_id: TenantId | None = None


class _TenantPath(Model):
    tenant_id: TenantId


def auth_routes(deps: AuthApiDependencies) -> tuple[Route, ...]:
    """Return the routes of our own identity."""
    routes = _Routes(deps)
    tenant, client = "/v1/tenants/{tenant_id}", "/v1/clients/{client_id}"
    return (
        Route(key="POST /v1/auth/token", handle=routes.issue),
        Route(key="GET /.well-known/jwks.json", handle=routes.keys),
        Route(key="GET /v1/health", handle=lambda _: Answer(body={"status": "ok"})),
        Route(key="GET /v1/tenants", handle=routes.list_tenants, scope=OPERATOR),
        Route(key=f"GET {tenant}", handle=routes.get_tenant, scope=OPERATOR),
        Route(key=f"PUT {tenant}", handle=routes.put_tenant, scope=OPERATOR, action="tenant.put"),
        Route(key=f"DELETE {tenant}", handle=routes.delete_tenant, scope=OPERATOR, action="tenant.delete"),
        Route(key="GET /v1/clients", handle=routes.list_clients, scope=OPERATOR),
        Route(key="POST /v1/clients", handle=routes.create_client, scope=OPERATOR, action="client.create"),
        Route(key=f"GET {client}", handle=routes.get_client, scope=OPERATOR),
        Route(key=f"DELETE {client}", handle=routes.delete_client, scope=OPERATOR, action="client.delete"),
    )


class _Routes:
    def __init__(self, deps: AuthApiDependencies) -> None:
        self._deps = deps

    def issue(self, request: Request) -> Answer:
        asked = get_token_request(request.event)
        issued = issue_token(
            self._deps.issuing, asked.credentials, scopes=asked.scopes, issuer=request.base_url
        )
        logged = {"issued_to": issued.client.client_id}
        if issued.client.tenant_id is not None:
            logged["issued_to_tenant"] = issued.client.tenant_id
        return Answer(
            body={
                "access_token": issued.access_token,
                "token_type": "Bearer",
                "expires_in": issued.expires_in,
                "scope": issued.scope,
            },
            headers={"Pragma": "no-cache"},
            logged=logged,
        )

    def keys(self, _: Request) -> Answer:
        headers = {"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"}
        return Answer(body=self._deps.signer.public_keys(), headers=headers)

    def list_tenants(self, _: Request) -> Answer:
        return Answer(
            body={"tenants": [_view_tenant(one) for one in manage_tenants.list_tenants(self._deps.tenants)]}
        )

    def get_tenant(self, request: Request) -> Answer:
        return Answer(
            body=_view_tenant(manage_tenants.get_tenant(self._deps.tenants, request.path["tenant_id"]))
        )

    def put_tenant(self, request: Request) -> Answer:
        tenant_id = parse_model(_TenantPath, request.path).tenant_id
        body = parse_model(TenantBody, get_json_object(request.event))
        tenant = manage_tenants.put_tenant(
            self._deps.tenants, tenant_id=tenant_id, name=body.name, return_urls=tuple(body.return_urls)
        )
        return Answer(body=_view_tenant(tenant))

    def delete_tenant(self, request: Request) -> Answer:
        manage_tenants.delete_tenant(self._deps.tenants, request.path["tenant_id"])
        return Answer(status=204)

    def list_clients(self, request: Request) -> Answer:
        parameters = parse_model(ClientListParameters, request.query())
        clients = manage_api_clients.list_api_clients(self._deps.clients, tenant_id=parameters.tenant_id)
        return Answer(body={"clients": [_view_client(one) for one in clients]})

    def create_client(self, request: Request) -> Answer:
        body = parse_model(ClientBody, get_json_object(request.event))
        created = manage_api_clients.create_api_client(
            self._deps.clients, tenant_id=body.tenant_id, name=body.name, scopes=tuple(body.scopes)
        )
        return Answer(
            status=201,
            body={**_view_client(created.client), "client_secret": created.client_secret},
            logged={"created_client": created.client.client_id},
        )

    def get_client(self, request: Request) -> Answer:
        return Answer(
            body=_view_client(
                manage_api_clients.get_api_client(self._deps.clients, request.path["client_id"])
            )
        )

    def delete_client(self, request: Request) -> Answer:
        manage_api_clients.delete_api_client(self._deps.clients, request.path["client_id"])
        return Answer(status=204)


def _view_tenant(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant_id": tenant.tenant_id,
        "name": tenant.name,
        "return_urls": list(tenant.return_urls),
        "created_at": to_iso(tenant.created_at),
        "updated_at": to_iso(tenant.updated_at),
    }


def _view_client(client: ApiClient) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "tenant_id": client.tenant_id,
        "name": client.name,
        "scopes": list(client.scopes),
        "created_at": to_iso(client.created_at),
    }


def build_auth_api(environ: Mapping[str, str]) -> Api:
    """Return the auth API for this environment. Raises ConfigurationError."""
    settings = AuthApiSettings.from_env(environ)
    issuing = bootstrap_api.build_issuing(settings)
    dependencies = AuthApiDependencies(
        issuing=issuing,
        tenants=bootstrap_api.build_tenants(settings),
        clients=bootstrap_api.build_api_clients(settings),
        signer=issuing.signer,
    )
    return Api(
        auth_routes(dependencies),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=issuing.clock,
        telemetry=Telemetry(stage=settings.stage, service="auth_api"),
    )
