"""Start connecting: remember who asked for what, and say where the browser has to go (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.authorization import AUTHORIZATION_LIFETIME_SECONDS, PendingAuthorization
from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed
from evertoken.domain.credentials import identifier_of
from evertoken.domain.errors import AuthorizationError, InvalidInputError
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.ports import (
    AuthorizationStore,
    ClientDirectory,
    Clock,
    Randomness,
    RegistrationStore,
    TenantStore,
    TokenSealer,
)
from evertoken.protocol.authorization_url import build_authorization_url
from evertoken.protocol.pkce import new_challenge, sends_challenge
from evertoken.usecases.authorization_session import hash_name, session_uri_of, verifier_purpose
from evertoken.usecases.choose_registration import choose_registration


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDependencies:
    """What starting needs."""

    tenants: TenantStore
    registrations: RegistrationStore
    directory: ClientDirectory
    authorizations: AuthorizationStore
    sealer: TokenSealer
    clock: Clock
    randomness: Randomness
    minimum_published_lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionWish:
    """What a tenant's backend asks for. Nones leave the choice to us: `policy`, `publication`, `scopes`, `registration_id`."""

    tenant_id: str
    provider_id: str
    registration_id: str | None = None
    user_id: str
    account: str | None = None
    name: str = ""
    scopes: tuple[str, ...] | None = None
    policy: RefreshPolicy | None = None
    publication: PublicationMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAuthorization:
    """Where to send the browser, and the session to complete when it has come back."""

    connection_id: str
    authorization_url: str = field(repr=False)
    session_uri: str = field(repr=False)
    expires_at: datetime


def start_authorization(
    deps: StartDependencies,
    wish: ConnectionWish,
    *,
    return_url: str,
    parameters: Mapping[str, str],
    base_url: str,
) -> StartedAuthorization:
    """Remember the authorization for ten minutes and return the provider's URL for it.

    State and verifier have 256 bits of their own each time; state and session are stored as hashes, the verifier sealed.

    Raises:
        InvalidInputError: the return URL is not the tenant's, or something else that was asked for cannot be; the message names it.
        UnknownRegistrationError, UnknownProviderError: see `choose_registration`.
        VaultSealedError, StoreUnavailableError: nothing was started.
    """
    tenant = deps.tenants.find(wish.tenant_id)
    if tenant is None:
        raise AuthorizationError("Your tenant no longer exists. Ask an operator.")
    if return_url not in tenant.return_urls:
        raise InvalidInputError(
            "return_url: it must be one of the tenant's return URLs, exactly. An operator adds it with PUT /v1/tenants/{id}."
        )
    ready = choose_registration(
        deps.directory,
        deps.registrations,
        tenant_id=wish.tenant_id,
        provider_id=wish.provider_id,
        registration_id=wish.registration_id,
    )
    check_publication(ready.provider, wish, deps.minimum_published_lifetime_seconds)

    state = deps.randomness.token(256)
    session_uri = session_uri_of(state)
    verifier = deps.randomness.token(256) if sends_challenge(ready.provider) else None
    pending = _pending(
        deps, wish, ready, state=state, verifier=verifier, return_url=return_url, base_url=base_url
    )
    authorization_url = build_authorization_url(
        ready,
        redirect_uri=pending.redirect_uri,
        state=state,
        challenge=None if verifier is None else new_challenge(verifier),
        scopes=pending.scopes,
        parameters=parameters,
    )
    deps.authorizations.put_pending(pending)
    return StartedAuthorization(
        connection_id=pending.connection_id,
        authorization_url=authorization_url,
        session_uri=session_uri,
        expires_at=pending.expires_at,
    )


def redirect_uri_of(base_url: str, registration_id: str) -> str:
    """Return the redirect URI of a client registration: one of its own, so that mixed-up answers are noticed (RFC 9700 section 4.4)."""
    return f"{base_url}/v1/oauth/callback/{registration_id}"


def check_publication(provider: Provider, wish: ConnectionWish, minimum_seconds: int) -> None:
    """Refuse to promise a publication that the provider's tokens are known to live too short for. Raises InvalidInputError."""
    lifetime = known_lifetime_seconds(provider)
    if (
        wish.publication is PublicationMode.SECRETS_MANAGER
        and lifetime is not None
        and lifetime < minimum_seconds
    ):
        raise InvalidInputError(
            f"publication: this provider's tokens live {lifetime} s, and tokens that live under {minimum_seconds} s are served by the API "
            "only. Ask for api_only, or leave publication out."
        )


def known_lifetime_seconds(provider: Provider) -> int | None:
    """Return how long the provider's entry says that access tokens live; None when it does not know, or they do not expire."""
    return None if provider.access_token_lifetime_is_assumed else provider.access_token_lifetime_seconds


def _pending(
    deps: StartDependencies,
    wish: ConnectionWish,
    ready: ReadyClient,
    *,
    state: str,
    verifier: str | None,
    return_url: str,
    base_url: str,
) -> PendingAuthorization:
    now = deps.clock.now()
    state_hash = hash_name(state)
    sealed: Sealed | None = None
    if verifier is not None:
        sealed = deps.sealer.seal(wish.tenant_id, verifier_purpose(state_hash), verifier.encode())
    return PendingAuthorization(
        state_hash=state_hash,
        session_hash=hash_name(session_uri_of(state)),
        tenant_id=wish.tenant_id,
        user_id=wish.user_id,
        connection_id=identifier_of("con_", deps.randomness.token(256)),
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        redirect_uri=redirect_uri_of(base_url, ready.registration.registration_id),
        return_url=return_url,
        scopes=ready.registration.scopes if wish.scopes is None else wish.scopes,
        account=wish.account,
        name=wish.name,
        policy=wish.policy,
        publication=wish.publication,
        sealed_verifier=sealed,
        created_at=now,
        expires_at=now + timedelta(seconds=AUTHORIZATION_LIFETIME_SECONDS),
    )
