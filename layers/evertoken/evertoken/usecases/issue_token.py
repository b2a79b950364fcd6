"""Issue an access token of our own API to a client that has proven itself (RFC 9068); here with its secret (RFC 6749 section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from evertoken.domain.access_token import AUDIENCE
from evertoken.domain.authorization import ApiClient
from evertoken.domain.credentials import secret_matches
from evertoken.domain.errors import AuthenticationError, AuthorizationError, InvalidInputError
from evertoken.ports import ApiClientStore, Clock, Randomness, TenantStore, TokenSigner
from evertoken.usecases.manage_api_clients import API_CLIENT_PREFIX

_NOBODY = "0" * 64
"""The hash that is compared when no client has the id, so that both refusals take the same time."""


class OperatorCredential(Protocol):
    """The operator's credential."""

    def get(self) -> ApiClient:
        """Return the operator's client. Raises StoreUnavailableError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDependencies:
    """What issuing needs."""

    clients: ApiClientStore
    tenants: TenantStore
    operator: OperatorCredential
    signer: TokenSigner
    clock: Clock
    randomness: Randomness
    lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """What a client proves itself with."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedAccessToken:
    """An access token, whom it was issued to, and for how long."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
    client: ApiClient


def issue_token(
    deps: IssueDependencies, credentials: ClientCredentials, *, scopes: tuple[str, ...] | None, issuer: str
) -> IssuedAccessToken:
    """Return an access token for the scopes asked for, or for all that the client has.

    Raises:
        AuthenticationError: no client has this id and secret; always the same message.
        AuthorizationError, InvalidInputError, StoreUnavailableError: as `issue_to` raises them.
    """
    client = _find_client(deps, credentials.client_id)
    expected = _NOBODY if client is None or client.secret_hash is None else client.secret_hash
    if not secret_matches(credentials.client_secret, expected) or client is None:
        raise AuthenticationError("The client is unknown, or its secret is wrong.")
    return issue_to(deps, client, scopes=scopes, issuer=issuer)


def issue_to(
    deps: IssueDependencies, client: ApiClient, *, scopes: tuple[str, ...] | None, issuer: str
) -> IssuedAccessToken:
    """Return an access token for a client that has proven itself, however it did: the one place where tokens of the API are made.

    Raises:
        AuthorizationError: its tenant is suspended, or gone.
        InvalidInputError: a scope was asked for that the client does not have.
        StoreUnavailableError: the tenant or the key cannot be had now.
    """
    if client.tenant_id is not None:
        tenant = deps.tenants.find(client.tenant_id)
        if tenant is None or tenant.is_suspended:
            raise AuthorizationError("This client's tenant is suspended. Ask whoever runs this installation.")
    granted = client.scopes if scopes is None else scopes
    if not granted or not set(granted) <= set(client.scopes):
        raise InvalidInputError(
            f"scope: this client may ask for {' '.join(client.scopes)}, or leave scope out."
        )
    issued_at = int(deps.clock.now().timestamp())
    scope = " ".join(sorted(set(granted)))
    claims: dict[str, object] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": client.client_id,
        "client_id": client.client_id,
        "scope": scope,
        "iat": issued_at,
        "exp": issued_at + deps.lifetime_seconds,
        "jti": deps.randomness.token(128),
    }
    if client.tenant_id is not None:
        claims["tenant"] = client.tenant_id
    token = deps.signer.sign(claims)
    return IssuedAccessToken(access_token=token, expires_in=deps.lifetime_seconds, scope=scope, client=client)


def _find_client(deps: IssueDependencies, client_id: str) -> ApiClient | None:
    """Return the client; one read at most, because nobody has proven anything yet. The ids that we make tell tenants' clients apart."""
    if client_id.startswith(API_CLIENT_PREFIX):
        return deps.clients.find(client_id)
    operator = deps.operator.get()
    return operator if client_id == operator.client_id else None
