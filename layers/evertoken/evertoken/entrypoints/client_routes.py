"""The routes of tenants and their API clients, which operators keep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from evertoken.domain.access_token import OPERATOR
from evertoken.domain.authorization import ApiClient, Tenant
from evertoken.domain.errors import NotFoundError
from evertoken.domain.external_identity import AudienceClaim, OidcBinding
from evertoken.domain.instants import to_iso
from evertoken.domain.issuer import LONGEST_ISSUER
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import Label, Model, TenantId, parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.json_body import get_json_object
from evertoken.usecases import manage_api_clients, manage_tenants
from evertoken.usecases.manage_api_clients import NO_SUCH_CLIENT, ApiClientDependencies
from evertoken.usecases.manage_tenants import NO_SUCH_TENANT, TenantDependencies

LONGEST_ROLE_ARN = 640
"""A role's path has 512 characters at most, its name 64 (IAM API reference, CreateRole, read 2026-11-21)."""
TenantScope = Literal[
    "connections:read", "connections:write", "tokens:read", "audit:read", "sessions:read", "sessions:write"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRouteDependencies:
    """What the routes need."""

    tenants: TenantDependencies
    clients: ApiClientDependencies


class TenantBody(Model):
    """PUT /v1/tenants/{tenant_id}. Without `suspended` it stays as it is."""

    name: Label
    return_urls: Annotated[list[str], Field(max_length=manage_tenants.MOST_RETURN_URLS)] = Field(
        default_factory=list
    )
    suspended: bool | None = None


class OidcBody(Model):
    """The tokens of an external issuer that a client proves itself with."""

    issuer: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ISSUER)]
    audience: Label
    audience_claim: Literal["aud", "client_id", "azp"] = "aud"
    subject: Label | None = None


class ClientBody(Model):
    """POST /v1/clients: a client with a secret, or bound to a role, or to an external issuer's tokens."""

    tenant_id: TenantId
    name: Label
    scopes: Annotated[list[TenantScope], Field(min_length=1)]
    role_arn: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ROLE_ARN)] | None = None
    oidc: OidcBody | None = None


class ClientListParameters(Model):
    """The query of GET /v1/clients."""

    tenant_id: TenantId | None = None


class _TenantPath(Model):
    tenant_id: TenantId


_TENANT_ID, _CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}"), re.compile(r"cli_[a-z2-7]{26}")


def client_routes(deps: ClientRouteDependencies) -> tuple[Route, ...]:
    """Return the routes of tenants and API clients."""
    routes = _Routes(deps)
    tenant, client = "/v1/tenants/{tenant_id}", "/v1/clients/{client_id}"
    return (
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
    def __init__(self, deps: ClientRouteDependencies) -> None:
        self._tenants = deps.tenants
        self._clients = deps.clients

    def list_tenants(self, _: Request) -> Answer:
        tenants = manage_tenants.list_tenants(self._tenants)
        return Answer(body={"tenants": [_view_tenant(one) for one in tenants]})

    def get_tenant(self, request: Request) -> Answer:
        return Answer(body=_view_tenant(manage_tenants.get_tenant(self._tenants, _tenant_id(request))))

    def put_tenant(self, request: Request) -> Answer:
        tenant_id = parse_model(_TenantPath, request.path).tenant_id
        body = parse_model(TenantBody, get_json_object(request.event))
        tenant = manage_tenants.put_tenant(
            self._tenants,
            tenant_id=tenant_id,
            name=body.name,
            return_urls=tuple(body.return_urls),
            is_suspended=body.suspended,
        )
        return Answer(body=_view_tenant(tenant))

    def delete_tenant(self, request: Request) -> Answer:
        manage_tenants.delete_tenant(self._tenants, _tenant_id(request))
        return Answer(status=204)

    def list_clients(self, request: Request) -> Answer:
        parameters = parse_model(ClientListParameters, request.query())
        clients = manage_api_clients.list_api_clients(self._clients, tenant_id=parameters.tenant_id)
        return Answer(body={"clients": [_view_client(one) for one in clients]})

    def create_client(self, request: Request) -> Answer:
        body = parse_model(ClientBody, get_json_object(request.event))
        created = manage_api_clients.create_api_client(
            self._clients,
            tenant_id=body.tenant_id,
            name=body.name,
            scopes=tuple(body.scopes),
            role_arn=body.role_arn,
            oidc=None if body.oidc is None else _binding(body.oidc),
        )
        view = _view_client(created.client)
        if created.client_secret is not None:
            view["client_secret"] = created.client_secret
        return Answer(status=201, body=view, logged={"created_client": created.client.client_id})

    def get_client(self, request: Request) -> Answer:
        client = manage_api_clients.get_api_client(self._clients, _client_id(request))
        return Answer(body=_view_client(client))

    def delete_client(self, request: Request) -> Answer:
        manage_api_clients.delete_api_client(self._clients, _client_id(request))
        return Answer(status=204)


def _tenant_id(request: Request) -> str:
    """Return an id that could be one: no other is a key of the table, which may be no longer than a kilobyte. Raises NotFoundError."""
    tenant_id = request.path["tenant_id"]
    if _TENANT_ID.fullmatch(tenant_id) is None:
        raise NotFoundError(NO_SUCH_TENANT)
    return tenant_id


def _client_id(request: Request) -> str:
    client_id = request.path["client_id"]
    if _CLIENT_ID.fullmatch(client_id) is None:
        raise NotFoundError(NO_SUCH_CLIENT)
    return client_id


def _binding(body: OidcBody) -> OidcBinding:
    return OidcBinding(
        issuer=body.issuer,
        audience=body.audience,
        audience_claim=AudienceClaim(body.audience_claim),
        subject=body.subject,
    )


def _view_tenant(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant_id": tenant.tenant_id,
        "name": tenant.name,
        "return_urls": list(tenant.return_urls),
        "suspended": tenant.is_suspended,
        "created_at": to_iso(tenant.created_at),
        "updated_at": to_iso(tenant.updated_at),
    }


def _view_client(client: ApiClient) -> dict[str, Any]:
    """Return a client as operators see it: how it proves itself, and never with what."""
    return {
        "client_id": client.client_id,
        "tenant_id": client.tenant_id,
        "name": client.name,
        "scopes": list(client.scopes),
        **_view_proof(client),
        "created_at": to_iso(client.created_at),
    }


def _view_proof(client: ApiClient) -> dict[str, Any]:
    if client.role_arn is not None:
        return {"kind": "role", "role_arn": client.role_arn}
    if client.oidc is None:
        return {"kind": "secret"}
    oidc: dict[str, Any] = {
        "issuer": client.oidc.issuer,
        "audience": client.oidc.audience,
        "audience_claim": str(client.oidc.audience_claim),
        "subject": client.oidc.subject,
    }
    return {"kind": "oidc", "oidc": oidc}
