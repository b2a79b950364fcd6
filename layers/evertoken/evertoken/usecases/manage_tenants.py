"""Tenants: teams whose connections are apart from all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from evertoken.domain.authorization import Tenant
from evertoken.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StoreUnavailableError,
)
from evertoken.domain.return_url import why_not_a_return_url
from evertoken.ports import ApiClientStore, Clock, RevocationStore, TenantStore
from evertoken.usecases.manage_api_clients import REVOCATION_MARGIN_SECONDS

MOST_RETURN_URLS = 50
NO_SUCH_TENANT = "No tenant has this id. List them with GET /v1/tenants."


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDependencies:
    """What keeping tenants needs; tokens of clients and sessions live *longest_token_seconds* at most, and *allow_loopback* is for the local stage alone."""

    tenants: TenantStore
    clients: ApiClientStore
    revocations: RevocationStore
    clock: Clock
    longest_token_seconds: int
    allow_loopback: bool


def put_tenant(
    deps: TenantDependencies,
    *,
    tenant_id: str,
    name: str,
    return_urls: tuple[str, ...],
    is_suspended: bool | None = None,
) -> Tenant:
    """Create the tenant, or change its name and return URLs, suspend it or lift that; None leaves it suspended or not as it is.

    A suspended tenant gets no further token when this returns; the tokens of its clients and sessions are refused within a minute. They stay refused when
    that is lifted, or a deleted tenant's id is used again: what was issued before passes no more.

    Raises:
        StoreUnavailableError: whether it is suspended may not be known everywhere, or it was changed meanwhile; repeat it.
        InvalidInputError: a return URL is not an absolute https URL that can be compared exactly.
    """
    if len(return_urls) > MOST_RETURN_URLS:
        raise InvalidInputError(f"return_urls: at most {MOST_RETURN_URLS}.")
    for position, url in enumerate(return_urls):
        fault = why_not_a_return_url(url, allow_loopback=deps.allow_loopback)
        if fault is not None:
            raise InvalidInputError(f"return_urls.{position}: {fault}")
    now = deps.clock.now()
    known = deps.tenants.find(tenant_id)
    was_suspended = known is not None and known.is_suspended
    tenant = Tenant(
        tenant_id=tenant_id,
        name=name,
        return_urls=tuple(dict.fromkeys(return_urls)),
        is_suspended=was_suspended if is_suspended is None else is_suspended,
        created_at=now if known is None else known.created_at,
        updated_at=now,
    )
    if not deps.tenants.put(tenant, replacing=known):
        # Somebody suspended it, perhaps, and this call has not seen that.
        raise StoreUnavailableError("This tenant was changed at the same moment. Send the change again.")
    # Written whatever was known before: whoever repeats this after a failure finishes it.
    if tenant.is_suspended:
        deps.revocations.revoke_tenant(tenant_id, now=now, until=None)
    else:
        deps.revocations.lift_tenant(tenant_id, now=now, until=now + _longest_life(deps))
    return tenant


def get_tenant(deps: TenantDependencies, tenant_id: str) -> Tenant:
    """Return a tenant. Raises NotFoundError."""
    tenant = deps.tenants.find(tenant_id)
    if tenant is None:
        raise NotFoundError(NO_SUCH_TENANT)
    return tenant


def list_tenants(deps: TenantDependencies) -> tuple[Tenant, ...]:
    """Return all tenants, by id."""
    return deps.tenants.list_all()


def delete_tenant(deps: TenantDependencies, tenant_id: str) -> None:
    """Remove a tenant that has no API clients left; its connections stay where they are, and nobody can reach them.

    It is revoked before it is gone: the tokens of its users' sessions are refused within a minute.

    Raises:
        NotFoundError: there is no such tenant.
        ConflictError: API clients of the tenant exist.
    """
    get_tenant(deps, tenant_id)
    if deps.clients.list_all(tenant_id):
        raise ConflictError(
            "This tenant has API clients. Delete them first: GET /v1/clients?tenant_id= lists them."
        )
    now = deps.clock.now()
    deps.revocations.revoke_tenant(tenant_id, now=now, until=now + _longest_life(deps))
    deps.tenants.delete(tenant_id)


def _longest_life(deps: TenantDependencies) -> timedelta:
    return timedelta(seconds=deps.longest_token_seconds + REVOCATION_MARGIN_SECONDS)
