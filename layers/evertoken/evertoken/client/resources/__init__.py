"""The routes of the API, by group; each group is written once and comes blocking and awaited."""

from __future__ import annotations

from evertoken.client.resources.access_tokens import AccessTokens, AsyncAccessTokens
from evertoken.client.resources.api_clients import ApiClients, AsyncApiClients
from evertoken.client.resources.audit import AsyncAudit, Audit
from evertoken.client.resources.connections import AsyncConnections, Connections
from evertoken.client.resources.jobs import AsyncJobs, Jobs
from evertoken.client.resources.providers import AsyncProviders, Providers
from evertoken.client.resources.registrations import AsyncRegistrations, Registrations
from evertoken.client.resources.schedules import AsyncSchedules, Schedules
from evertoken.client.resources.service import AsyncService, Service
from evertoken.client.resources.sessions import AsyncSessions, Sessions
from evertoken.client.resources.statistics import AsyncStatistics, Statistics
from evertoken.client.resources.tenants import AsyncTenants, Tenants

__all__ = (
    "AccessTokens",
    "ApiClients",
    "AsyncAccessTokens",
    "AsyncApiClients",
    "AsyncAudit",
    "AsyncConnections",
    "AsyncJobs",
    "AsyncProviders",
    "AsyncRegistrations",
    "AsyncSchedules",
    "AsyncService",
    "AsyncSessions",
    "AsyncStatistics",
    "AsyncTenants",
    "Audit",
    "Connections",
    "Jobs",
    "Providers",
    "Registrations",
    "Schedules",
    "Service",
    "Sessions",
    "Statistics",
    "Tenants",
)
