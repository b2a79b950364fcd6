"""Access tokens of our own API: whom they are for, and what their scopes allow."""

from __future__ import annotations

AUDIENCE = "evertoken"
"""The one audience of every access token."""

CONNECTIONS_READ = "connections:read"
"""List and inspect connections."""
CONNECTIONS_WRITE = "connections:write"
"""Start, complete, change, refresh and disconnect connections."""
TOKENS_READ = "tokens:read"
"""Read access tokens of connections."""
OPERATOR = "operator"
"""Keep providers, client registrations, tenants and API clients; reaches no connection."""

TENANT_SCOPES = (CONNECTIONS_READ, CONNECTIONS_WRITE, TOKENS_READ)
"""What a tenant's API client may be given."""
