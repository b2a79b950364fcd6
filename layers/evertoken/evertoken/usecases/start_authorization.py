"""Start connecting: remember who asked for what, and say where the browser has to go (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.authorization import AUTHORIZATION_LIFETIME_SECONDS, PendingAuthorization
from evertoken.domain.connection import Sealed
from evertoken.domain.credentials import identifier_of
from evertoken.domain.errors import AuthorizationError, InvalidInputError
from evertoken.domain.grant import Grant
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import HeaderCredential
from evertoken.ports import (
    AssertionSigner,
    AuthorizationStore,
    ClientDirectory,
    Clock,
    ProviderTransport,
    Randomness,
    RegistrationStore,
    TenantStore,
    TokenSealer,
)
from evertoken.protocol.authorization_url import (
    build_authorization_request,
    build_authorization_url,
    parse_authorization_answer,
)
from evertoken.protocol.pkce import new_challenge, sends_challenge
from evertoken.usecases.authorization_session import hash_name, session_uri_of, verifier_purpose
from evertoken.usecases.choose_registration import choose_registration
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.fill_parameters import check_authorization_endpoint, fill_wished
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.send_once import send_once
from evertoken.usecases.sign_request import find_client_assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDependencies:
    """What starting needs."""

    tenants: TenantStore
    registrations: RegistrationStore
    directory: ClientDirectory
    authorizations: AuthorizationStore
    sealer: TokenSealer
    transport: ProviderTransport
    signer: AssertionSigner
    clock: Clock
    randomness: Randomness
    timing: Timing
    minimum_published_lifetime_seconds: int


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
    base_url: str,
    user_token: str | None = None,
    invocation: Invocation,
) -> StartedAuthorization:
    """Remember the authorization for ten minutes and return the provider's URL for it.

    State and verifier have 256 bits of their own each time; state and session are stored as hashes, the verifier sealed. *user_token* is the user's
    access token at a provider that gives out its authorization URL only on request; it is used for that request and not kept.

    Raises:
        InvalidInputError: the return URL is not the tenant's, or something else that was asked for cannot be; the message names it.
        UnknownRegistrationError, UnknownProviderError: see `choose_registration`.
        ProviderRefusedError, ProviderUnavailableError: the provider was asked for its authorization URL and gave none.
        SignerUnavailableError, VaultSealedError, StoreUnavailableError: nothing was started.
    """
    tenant = deps.tenants.find(wish.tenant_id)
    if tenant is None:
        raise AuthorizationError("Your tenant no longer exists. Ask an operator.")
    if return_url not in tenant.return_urls:
        raise InvalidInputError(
            "return_url: it must be one of the tenant's return URLs, exactly. An operator adds it with PUT /v1/tenants/{id}."
        )
    chosen = choose_registration(
        deps.directory,
        deps.registrations,
        wish,
        Grant.AUTHORIZATION_CODE,
        minimum_published_lifetime_seconds=deps.minimum_published_lifetime_seconds,
    )
    _check_user_token(chosen.provider, user_token)
    wished = fill_wished(chosen, wish, with_browser=True)
    ready = wished.ready
    check_authorization_endpoint(ready)

    state = deps.randomness.token(256)
    verifier = deps.randomness.token(256) if sends_challenge(ready.provider) else None
    pending = _pending(
        deps,
        wish,
        ready,
        state=state,
        verifier=verifier,
        values=wished.values,
        return_url=return_url,
        base_url=base_url,
    )
    authorization_url = _get_authorization_url(
        deps,
        ready,
        pending,
        state=state,
        verifier=verifier,
        parameters=wished.authorization,
        user_token=user_token,
        invocation=invocation,
    )
    deps.authorizations.put_pending(pending)
    return StartedAuthorization(
        connection_id=pending.connection_id,
        authorization_url=authorization_url,
        session_uri=session_uri_of(state),
        expires_at=pending.expires_at,
    )


def redirect_uri_of(base_url: str, registration_id: str) -> str:
    """Return the redirect URI of a client registration: one of its own, so that mixed-up answers are noticed (RFC 9700 section 4.4)."""
    return f"{base_url}/v1/oauth/callback/{registration_id}"


def _check_user_token(provider: Provider, user_token: str | None) -> None:
    shape = provider.requests.authorization
    header = None if shape is None else shape.authorization_header
    takes_one = header is not None and header.credential is HeaderCredential.USER_TOKEN
    if takes_one and user_token is None:
        raise InvalidInputError(
            f"user_token: {provider.name} gives its authorization URL to the user's own access token alone. Send that along."
        )
    if not takes_one and user_token is not None:
        raise InvalidInputError(
            f"user_token: {provider.name} needs none to start an authorization. Leave it out."
        )


def _get_authorization_url(
    deps: StartDependencies,
    ready: ReadyClient,
    pending: PendingAuthorization,
    *,
    state: str,
    verifier: str | None,
    parameters: Mapping[str, str],
    user_token: str | None,
    invocation: Invocation,
) -> str:
    """Return the URL that the browser is sent to: made here, or asked for where the entry says so."""
    challenge = None if verifier is None else new_challenge(verifier, ready.provider.challenge_method)
    shape = ready.provider.requests.authorization
    if shape is None:
        return build_authorization_url(
            ready,
            redirect_uri=pending.redirect_uri,
            state=state,
            challenge=challenge,
            scopes=pending.scopes,
            parameters=parameters,
        )
    request = build_authorization_request(
        ready,
        redirect_uri=pending.redirect_uri,
        state=state,
        challenge=challenge,
        scopes=pending.scopes,
        parameters=parameters,
        user_token=user_token,
        assertion=find_client_assertion(
            deps.signer, ready, shape, clock=deps.clock, randomness=deps.randomness
        ),
    )
    exchange = send_once(deps, request, invocation=invocation)
    return parse_authorization_answer(ready.provider, exchange, redirect_uri=pending.redirect_uri)


def _pending(
    deps: StartDependencies,
    wish: ConnectionWish,
    ready: ReadyClient,
    *,
    state: str,
    verifier: str | None,
    values: Mapping[str, str],
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
        parameters=dict(values),
        redirect_uri=redirect_uri_of(base_url, ready.registration.registration_id),
        return_url=return_url,
        scopes=wish.scopes_at(ready),
        account=wish.account,
        name=wish.name,
        display_name=wish.display_name,
        policy=wish.policy,
        publication=wish.publication,
        sealed_verifier=sealed,
        created_at=now,
        expires_at=now + timedelta(seconds=AUTHORIZATION_LIFETIME_SECONDS),
    )
