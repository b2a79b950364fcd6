"""API clients: the programs of a tenant that call our API with credentials of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from evertoken.domain.access_token import TENANT_SCOPES
from evertoken.domain.authorization import ApiClient
from evertoken.domain.credentials import hash_secret, identifier_of
from evertoken.domain.errors import InvalidInputError, NotFoundError
from evertoken.domain.external_identity import OidcBinding, parse_role_arn
from evertoken.domain.issuer import why_not_an_issuer
from evertoken.ports import ApiClientStore, Clock, Randomness, RevocationStore, TenantStore

API_CLIENT_PREFIX = "cli_"
"""What every API client's id begins with."""
NO_SUCH_CLIENT = "No API client has this id. List them with GET /v1/clients."
REVOCATION_MARGIN_SECONDS = 300
"""How much longer than its last token a revocation lives: a token that is being signed now is refused too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClientDependencies:
    """What keeping API clients needs; tokens live *lifetime_seconds*, and *allow_loopback* is for the local stage alone."""

    clients: ApiClientStore
    tenants: TenantStore
    revocations: RevocationStore
    clock: Clock
    randomness: Randomness
    lifetime_seconds: int
    allow_loopback: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedApiClient:
    """A new API client and its secret, which is shown this once and stored nowhere; None where it proves itself otherwise."""

    client: ApiClient
    client_secret: str | None = field(repr=False)


def create_api_client(
    deps: ApiClientDependencies,
    *,
    tenant_id: str,
    name: str,
    scopes: tuple[str, ...],
    role_arn: str | None = None,
    oidc: OidcBinding | None = None,
) -> CreatedApiClient:
    """Create an API client of a tenant: bound to an IAM role, to an external issuer's tokens, or with a 256-bit secret.

    Raises:
        InvalidInputError: the tenant does not exist, a scope is not one that a tenant may have, or there is no such role or issuer.
        ConflictError: another client is bound to the same.
    """
    if deps.tenants.find(tenant_id) is None:
        raise InvalidInputError("tenant_id: no tenant has this id. Create it with PUT /v1/tenants/{id}.")
    if not scopes or not set(scopes) <= set(TENANT_SCOPES):
        raise InvalidInputError(f"scopes: name one or more of {', '.join(TENANT_SCOPES)}.")
    _check_binding(deps, role_arn, oidc)
    is_bound = role_arn is not None or oidc is not None
    secret = None if is_bound else "evs_" + deps.randomness.token(256)
    client = ApiClient(
        client_id=identifier_of(API_CLIENT_PREFIX, deps.randomness.token(256)),
        tenant_id=tenant_id,
        name=name,
        scopes=tuple(scope for scope in TENANT_SCOPES if scope in scopes),
        secret_hash=None if secret is None else hash_secret(secret),
        role_arn=role_arn,
        oidc=oidc,
        created_at=deps.clock.now(),
    )
    deps.clients.put(client)
    return CreatedApiClient(client=client, client_secret=secret)


def _check_binding(deps: ApiClientDependencies, role_arn: str | None, oidc: OidcBinding | None) -> None:
    if role_arn is not None and oidc is not None:
        raise InvalidInputError(
            "role_arn, oidc: a client proves itself in one way. Make one client for each."
        )
    if role_arn is not None and parse_role_arn(role_arn) is None:
        raise InvalidInputError(
            "role_arn: must be a role's ARN, such as arn:aws:iam::123456789012:role/reports; not the arn:aws:sts of a session."
        )
    problem = None if oidc is None else why_not_an_issuer(oidc.issuer, allow_loopback=deps.allow_loopback)
    if problem is not None:
        raise InvalidInputError(f"oidc.issuer {problem}")


def get_api_client(deps: ApiClientDependencies, client_id: str) -> ApiClient:
    """Return an API client. Raises NotFoundError."""
    client = deps.clients.find(client_id)
    if client is None:
        raise NotFoundError(NO_SUCH_CLIENT)
    return client


def list_api_clients(deps: ApiClientDependencies, *, tenant_id: str | None) -> tuple[ApiClient, ...]:
    """Return the API clients of a tenant, or all."""
    return deps.clients.list_all(tenant_id)


def delete_api_client(deps: ApiClientDependencies, client_id: str) -> None:
    """Remove an API client: it gets no further token, and those that it has are refused within a minute.

    It is revoked before it is gone, so that whoever repeats this after a failure finishes it.

    Raises:
        NotFoundError: there is no such client.
        StoreUnavailableError: it may still pass; repeat it.
    """
    get_api_client(deps, client_id)
    lifetime = timedelta(seconds=deps.lifetime_seconds + REVOCATION_MARGIN_SECONDS)
    deps.revocations.revoke_client(client_id, until=deps.clock.now() + lifetime)
    deps.clients.delete(client_id)
