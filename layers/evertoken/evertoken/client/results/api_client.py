"""API clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc(ApiResult):
    """Which tokens of which issuer are the client's; `subject` None means any."""

    issuer: str
    audience: str
    audience_claim: str
    subject: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretClient(ApiResult):
    """An API client with a secret, which is never shown again."""

    client_id: str
    tenant_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedSecretClient(SecretClient):
    """A new API client with its secret, shown this once."""

    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleClient(ApiResult):
    """An API client that is an IAM role."""

    client_id: str
    tenant_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    kind: str
    role_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient(ApiResult):
    """An API client that external tokens are exchanged for."""

    client_id: str
    tenant_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    kind: str
    oidc: Oidc


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientList(ApiResult):
    """API clients, by id."""

    clients: tuple[SecretClient | RoleClient | OidcClient, ...]
