"""Tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant(ApiResult):
    """A team whose connections are apart from all others."""

    tenant_id: str
    name: str
    return_urls: tuple[str, ...]
    suspended: bool
    """Its programs and users get no token, and those that they have are refused."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantList(ApiResult):
    """All tenants, by id."""

    tenants: tuple[Tenant, ...]
