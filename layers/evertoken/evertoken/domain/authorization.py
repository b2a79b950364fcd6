"""An authorization under way: begun by a tenant's backend, returned by the browser or decided on another device, completed by the backend again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed

if TYPE_CHECKING:
    from evertoken.domain.external_identity import OidcBinding

AUTHORIZATION_LIFETIME_SECONDS = 600
"""How long a user has to consent (DESIGN section 6)."""
DEVICE_LIFETIME_SECONDS = 840
"""How long a device is waited for at most: less than a row may wait for its first token set (`CONNECTING_LIFETIME_SECONDS`)."""
CODE_LIFETIME_SECONDS = 120
"""How long a returned code waits, sealed, for its completion."""
COMPLETION_TRIES = 5
"""How often a session may be completed with a wrong user before it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunAuthorization:
    """What is remembered of every authorization under way: who asked for what, of which client. `session_hash` finds it at completion.

    `binding` is the snapshot of token endpoint and client, so that a change of the provider meanwhile is noticed. `parameters` fill what the client
    registration left open of the provider's templates.
    """

    session_hash: str
    tenant_id: str
    user_id: str
    connection_id: str
    provider_id: str
    registration_id: str
    binding: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...]
    account: str | None
    name: str
    display_name: str = ""
    policy: RefreshPolicy | None
    publication: PublicationMode | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAuthorization(BegunAuthorization):
    """What start remembers of a browser's way out: one use, found by the hash of `state`.

    `sealed_verifier` is the PKCE verifier (None where the provider takes none).
    """

    state_hash: str
    redirect_uri: str
    return_url: str
    sealed_verifier: Sealed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedAuthorization:
    """What the callback leaves for the completion: the pending authorization, and the code, sealed, for two minutes."""

    pending: PendingAuthorization
    sealed_code: Sealed
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    returned_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDevice(BegunAuthorization):
    """A device authorization whose user has not decided yet (RFC 8628): it is asked about until they have, and never sooner than `next_poll_at`.

    `interval_seconds` is how far apart the questions are. `is_prepared` once there is a row, and a secret, for the connection.
    """

    sealed_device_code: Sealed
    interval_seconds: int
    next_poll_at: datetime
    is_prepared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A team whose connections are apart from all others; `return_urls` is the exact list of where a browser may be sent back to.

    A suspended tenant gets no token, and those that it has are refused; its connections are kept fresh as before.
    """

    tenant_id: str
    name: str
    return_urls: tuple[str, ...]
    is_suspended: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """A program of a tenant (or of the operator, when `tenant_id` is None) that gets tokens by proving itself in one of three ways.

    `secret_hash` is there where it has a secret of ours, `role_arn` where it is an IAM role, `oidc` where it is known by another issuer's tokens.
    """

    client_id: str
    tenant_id: str | None
    name: str
    scopes: tuple[str, ...]
    secret_hash: str | None = field(default=None, repr=False)
    role_arn: str | None = None
    oidc: OidcBinding | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a verified token says is calling; the tenant of every operation comes from here and from nowhere else."""

    client_id: str
    tenant_id: str | None
    scopes: frozenset[str]
    issued_at: datetime
    """When the token was, in whole seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The API clients and tenants that may not pass any more although their tokens are good, by id.

    A tenant has the instant from which on it may pass again, or None while it may not: what was issued before that instant stays refused.
    """

    clients: frozenset[str]
    tenants: Mapping[str, datetime | None]

    def refuses_tenant(self, tenant_id: str, *, issued_at: datetime) -> bool:
        """Return whether a token or session of the tenant that began at *issued_at*, a whole second, is refused."""
        if tenant_id not in self.tenants:
            return False
        lifted_at = self.tenants[tenant_id]
        return lifted_at is None or issued_at < lifted_at.replace(microsecond=0)
