"""Connect without a browser: where the client itself is the resource owner (RFC 6749 section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evertoken.domain.credentials import identifier_of
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.outcome import Failure
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.provider_shapes import Operation
from evertoken.ports import ClientDirectory, RegistrationStore
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import build_client_credentials
from evertoken.usecases.choose_registration import choose_registration
from evertoken.usecases.complete_authorization import send_once
from evertoken.usecases.establish_connection import (
    EstablishDependencies,
    EstablishedConnection,
    establish_connection,
    prepare_target,
)
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.start_authorization import ConnectionWish, check_publication


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsDependencies:
    """What it needs."""

    registrations: RegistrationStore
    directory: ClientDirectory
    establishing: EstablishDependencies


def connect_client_credentials(
    deps: ClientCredentialsDependencies, wish: ConnectionWish, *, invocation: Invocation
) -> EstablishedConnection:
    """Get a token for the client itself and return the connection at once.

    Raises:
        InvalidInputError: the provider's entry does not renew tokens by this grant, or something asked for cannot be.
        ProviderRefusedError, ProviderUnavailableError: there is no token.
        UnknownRegistrationError, StoreUnavailableError, VaultSealedError, PublisherUnavailableError: nothing was asked of the provider.
    """
    establishing = deps.establishing
    ready = choose_registration(
        deps.directory,
        deps.registrations,
        tenant_id=wish.tenant_id,
        provider_id=wish.provider_id,
        registration_id=wish.registration_id,
    )
    provider = ready.provider
    if (
        not provider.supports("client_credentials")
        or provider.refresh_credential is not RefreshCredential.CLIENT_CREDENTIALS
    ):
        raise InvalidInputError(
            "grant: this provider's entry does not renew tokens by client_credentials. Use a provider whose refresh credential is "
            "client_credentials, or leave grant out."
        )
    check_publication(provider, wish, establishing.minimum_published_lifetime_seconds)
    scopes = ready.registration.scopes if wish.scopes is None else wish.scopes
    target = prepare_target(
        establishing,
        ready,
        replace(wish, scopes=scopes),
        connection_id=identifier_of("con_", establishing.randomness.token(256)),
    )
    sent_at = establishing.clock.now()
    exchange = send_once(establishing, build_client_credentials(ready, scopes), invocation=invocation)
    outcome = parse_token_answer(
        provider, Operation.CLIENT_CREDENTIALS, exchange, sent_at=sent_at, requested_scopes=scopes
    )
    if isinstance(outcome, Failure):
        raise explain_exchange(outcome)
    return establish_connection(establishing, ready, target, outcome, invocation=invocation)
