"""Tenants: teams whose connections are apart from all others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evertoken.domain.authorization import Tenant
from evertoken.domain.errors import ConflictError, InvalidInputError, NotFoundError
from evertoken.domain.return_url import why_not_a_return_url
from evertoken.ports import ApiClientStore, Clock, TenantStore

MOST_RETURN_URLS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDependencies:
    """What keeping tenants needs; *allow_loopback* is for the local stage alone."""

    tenants: TenantStore
    clients: ApiClientStore
    clock: Clock
    allow_loopback: bool


def put_tenant(
    deps: TenantDependencies, *, tenant_id: str, name: str, return_urls: tuple[str, ...]
) -> Tenant:
    """Create the tenant, or change its name and return URLs.

    Raises:
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
    tenant = Tenant(
        tenant_id=tenant_id,
        name=name,
        return_urls=tuple(dict.fromkeys(return_urls)),
        created_at=now,
        updated_at=now,
    )
    if known is not None:
        tenant = replace(tenant, created_at=known.created_at)
    deps.tenants.put(tenant)
    return tenant


def get_tenant(deps: TenantDependencies, tenant_id: str) -> Tenant:
    """Return a tenant. Raises NotFoundError."""
    tenant = deps.tenants.find(tenant_id)
    if tenant is None:
        raise NotFoundError("No tenant has this id. List them with GET /v1/tenants.")
    return tenant


def list_tenants(deps: TenantDependencies) -> tuple[Tenant, ...]:
    """Return all tenants, by id."""
    return deps.tenants.list_all()


def delete_tenant(deps: TenantDependencies, tenant_id: str) -> None:
    """Remove a tenant that has no API clients left; its connections stay where they are, and nobody can reach them.

    Raises:
        NotFoundError: there is no such tenant.
        ConflictError: API clients of the tenant exist.
    """
    get_tenant(deps, tenant_id)
    if deps.clients.list_all(tenant_id):
        raise ConflictError(
            "This tenant has API clients. Delete them first: GET /v1/clients?tenant_id= lists them."
        )
    deps.tenants.delete(tenant_id)
