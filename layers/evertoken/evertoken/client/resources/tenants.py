"""Tenants: teams whose connections are apart from all others."""

from __future__ import annotations

from collections.abc import Sequence

from evertoken.client.api_call import ApiCall, given
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.resources.kept import delete_call, get_call, list_call, put_call
from evertoken.client.results import Tenant, TenantList

_ALL = "/v1/tenants"


class TenantRoutes(Routes):
    """Operators only."""

    @route
    def list(self) -> ApiCall[TenantList]:
        """Return all tenants."""
        return list_call("tenants", _ALL, TenantList)

    @route
    def get(self, tenant_id: str) -> ApiCall[Tenant]:
        """Return one tenant."""
        return get_call("tenants", _ALL, tenant_id, answers_with(Tenant))

    @route
    def put(
        self,
        tenant_id: str,
        *,
        name: str,
        return_urls: Sequence[str] | None = None,
        suspended: bool | None = None,
    ) -> ApiCall[Tenant]:
        """Add or change a tenant; without *suspended* that stays as it is, without *return_urls* it has none."""
        body = given(name=name, return_urls=return_urls, suspended=suspended)
        return put_call("tenants", _ALL, tenant_id, Tenant, body)

    @route
    def delete(self, tenant_id: str) -> ApiCall[None]:
        """Remove a tenant that has no API client."""
        return delete_call("tenants", _ALL, tenant_id)


class Tenants(TenantRoutes, Blocking):
    """Tenants, blocking."""


class AsyncTenants(TenantRoutes, Awaiting):
    """Tenants, awaited."""
