"""API clients: the programs of a tenant that call our API with credentials of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from evertoken.domain.access_token import TENANT_SCOPES
from evertoken.domain.authorization import ApiClient
from evertoken.domain.credentials import hash_secret, identifier_of
from evertoken.domain.errors import InvalidInputError, NotFoundError
from evertoken.ports import ApiClientStore, Clock, Randomness, TenantStore

API_CLIENT_PREFIX = "cli_"
"""What every API client's id begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClientDependencies:
    """What keeping API clients needs."""

    clients: ApiClientStore
    tenants: TenantStore
    clock: Clock
    randomness: Randomness


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedApiClient:
    """A new API client and its secret, which is shown this once and stored nowhere."""

    client: ApiClient
    client_secret: str = field(repr=False)


def create_api_client(
    deps: ApiClientDependencies, *, tenant_id: str, name: str, scopes: tuple[str, ...]
) -> CreatedApiClient:
    """Create an API client of a tenant with a 256-bit secret.

    Raises:
        InvalidInputError: the tenant does not exist, or a scope is not one that a tenant may have.
    """
    if deps.tenants.find(tenant_id) is None:
        raise InvalidInputError("tenant_id: no tenant has this id. Create it with PUT /v1/tenants/{id}.")
    if not scopes or not set(scopes) <= set(TENANT_SCOPES):
        raise InvalidInputError(f"scopes: name one or more of {', '.join(TENANT_SCOPES)}.")
    secret = "evs_" + deps.randomness.token(256)
    client = ApiClient(
        client_id=identifier_of(API_CLIENT_PREFIX, deps.randomness.token(256)),
        tenant_id=tenant_id,
        name=name,
        scopes=tuple(scope for scope in TENANT_SCOPES if scope in scopes),
        secret_hash=hash_secret(secret),
        created_at=deps.clock.now(),
    )
    deps.clients.put(client)
    return CreatedApiClient(client=client, client_secret=secret)


def get_api_client(deps: ApiClientDependencies, client_id: str) -> ApiClient:
    """Return an API client. Raises NotFoundError."""
    client = deps.clients.find(client_id)
    if client is None:
        raise NotFoundError("No API client has this id. List them with GET /v1/clients.")
    return client


def list_api_clients(deps: ApiClientDependencies, *, tenant_id: str | None) -> tuple[ApiClient, ...]:
    """Return the API clients of a tenant, or all."""
    return deps.clients.list_all(tenant_id)


def delete_api_client(deps: ApiClientDependencies, client_id: str) -> None:
    """Remove an API client: it gets no further token, and those that it has end within their lifetime. Raises NotFoundError."""
    if not deps.clients.delete(client_id):
        raise NotFoundError("No API client has this id. List them with GET /v1/clients.")
