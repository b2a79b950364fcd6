"""An authorization under way: begun by a tenant's backend, returned by the browser, completed by the backend again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed

AUTHORIZATION_LIFETIME_SECONDS = 600
"""How long a user has to consent (DESIGN section 6)."""
CODE_LIFETIME_SECONDS = 120
"""How long a returned code waits, sealed, for its completion."""
COMPLETION_TRIES = 5
"""How often a session may be completed with a wrong user before it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAuthorization:
    """What start remembers: one use, found by the hash of `state`.

    `binding` is the snapshot of token endpoint and client, so that a change of the provider between start and callback is noticed.
    `sealed_verifier` is the PKCE verifier (None where the provider takes none); `session_hash` finds the session at completion.
    """

    state_hash: str
    session_hash: str
    tenant_id: str
    user_id: str
    connection_id: str
    provider_id: str
    registration_id: str
    binding: str
    redirect_uri: str
    return_url: str
    scopes: tuple[str, ...]
    account: str | None
    name: str
    policy: RefreshPolicy | None
    publication: PublicationMode | None
    sealed_verifier: Sealed | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedAuthorization:
    """What the callback leaves for the completion: the pending authorization, and the code, sealed, for two minutes."""

    pending: PendingAuthorization
    sealed_code: Sealed
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    returned_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A team whose connections are apart from all others; `return_urls` is the exact list of where a browser may be sent back to."""

    tenant_id: str
    name: str
    return_urls: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """A program of a tenant (or of the operator, when `tenant_id` is None) that gets tokens with its own credentials."""

    client_id: str
    tenant_id: str | None
    name: str
    scopes: tuple[str, ...]
    secret_hash: str = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a verified token says is calling; the tenant of every operation comes from here and from nowhere else."""

    client_id: str
    tenant_id: str | None
    scopes: frozenset[str]
