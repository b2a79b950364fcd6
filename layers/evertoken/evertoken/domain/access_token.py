"""Access tokens of our own API: whom they are for, and what their scopes allow."""

from __future__ import annotations

AUDIENCE = "evertoken"
"""The one audience of every access token."""

CONNECTIONS_READ = "connections:read"
"""List and inspect connections, their ledgers, jobs, schedules and statistics."""
CONNECTIONS_WRITE = "connections:write"
"""Start, complete, import, change, refresh, schedule and disconnect connections."""
TOKENS_READ = "tokens:read"
"""Read access tokens of connections."""
AUDIT_READ = "audit:read"
"""Read who did what."""
SESSIONS_READ = "sessions:read"
"""List and read the sessions of users."""
SESSIONS_WRITE = "sessions:write"
"""Open, change and end sessions of users."""
OPERATOR = "operator"
"""Keep providers, client registrations, tenants and API clients; reaches no connection."""

TENANT_SCOPES = (
    CONNECTIONS_READ,
    CONNECTIONS_WRITE,
    TOKENS_READ,
    AUDIT_READ,
    SESSIONS_READ,
    SESSIONS_WRITE,
)
"""What a tenant's API client may be given."""
