"""A client registration: our client at a provider, the operator's, and the tenants that may use it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evertoken.domain.assertion import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistration:
    """Our `client_id` at a provider, as an operator registered it.

    `tenants` names the tenants that may use it; `("*",)` admits every tenant of the operator. `client_authentication` overrides the
    provider's method when not None. `signing_key` signs its assertions. `parameters` fill the provider's templates; what they leave open, each connection fills.
    `version` rises on each change.
    `paused_until` is set while the provider refuses this client.
    """

    registration_id: str
    provider_id: str
    client_id: str
    tenants: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    client_authentication: str | None = None
    signing_key: SigningKey | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    has_secret: bool = False
    has_private_key: bool = False
    version: int = 1
    paused_until: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def admits(self, tenant_id: str) -> bool:
        """Return whether *tenant_id* may use this registration."""
        return tenant_id in self.tenants or "*" in self.tenants


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecrets:
    """What a client registration proves itself with; `private_key` is PEM (RFC 7468)."""

    client_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)


NO_SECRETS = ClientSecrets()


def client_binding(token_endpoint: str, client_id: str) -> str:
    """Return the name of the client that a grant belongs to.

    A refresh token goes only to the authorization server and client that it was issued to (RFC 6749 section 10.4), so the
    binding is stored with each connection and compared before every request.
    """
    return hashlib.sha256(f"{token_endpoint}\n{client_id}".encode()).hexdigest()[:32]
