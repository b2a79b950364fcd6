"""Connect without a browser: what is given to a provider gives a token set at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evertoken.domain.credentials import identifier_of
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.outcome import Failure
from evertoken.domain.request_shape import Operation
from evertoken.ports import ClientDirectory, RegistrationStore
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.usecases.choose_registration import choose_registration
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.establish_connection import EstablishedConnection, establish_connection
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.fill_parameters import check_url, fill_wished
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_target import EstablishDependencies, KnownValues, prepare_target
from evertoken.usecases.run_grant import build_grant
from evertoken.usecases.send_once import send_once


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDependencies:
    """What it needs."""

    registrations: RegistrationStore
    directory: ClientDirectory
    establishing: EstablishDependencies


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectGrant:
    """A grant that runs without a browser, and what it is run with.

    `given` holds, by grant: nothing (client_credentials); `user_token`; `username` and `password` (session_login); `subject_token` and
    `subject_token_type` (token_exchange); `subject` (jwt_bearer).
    """

    grant: Grant
    given: Mapping[str, str] = field(default_factory=dict, repr=False)


def connect_directly(
    deps: DirectDependencies, wish: ConnectionWish, direct: DirectGrant, *, invocation: Invocation
) -> EstablishedConnection:
    """Run the grant once and return the connection at once.

    What a grant that can run again is run with is sealed with its token set; of the others nothing that was given is kept.

    Raises:
        InvalidInputError: the provider's entry does not offer the grant, or something asked for cannot be.
        ProviderRefusedError, ProviderUnavailableError: there is no token set, and nothing was kept.
        UnknownRegistrationError, SignerUnavailableError, StoreUnavailableError, VaultSealedError, PublisherUnavailableError: nothing was
            asked of the provider.
    """
    establishing = deps.establishing
    client = choose_registration(
        deps.directory,
        deps.registrations,
        wish,
        direct.grant,
        minimum_published_lifetime_seconds=establishing.minimum_published_lifetime_seconds,
    )
    wished = fill_wished(client, wish, with_browser=False)
    ready, values = wished.ready, wished.values
    scopes = wish.scopes_at(ready)
    check_url(ready, ready.provider.requests.of(Operation(direct.grant.value)))
    request, operation = build_grant(
        ready,
        direct.grant,
        direct.given,
        scopes,
        signer=establishing.signer,
        clock=establishing.clock,
        randomness=establishing.randomness,
    )
    target = prepare_target(
        establishing,
        ready,
        replace(wish, scopes=scopes),
        connection_id=identifier_of("con_", establishing.randomness.token(256)),
        known=KnownValues(parameters=values),
    )
    sent_at = establishing.clock.now()
    exchange = send_once(establishing, request, invocation=invocation)
    outcome = parse_token_answer(
        ready.provider, operation, exchange, sent_at=sent_at, requested_scopes=scopes
    )
    if isinstance(outcome, Failure):
        raise explain_exchange(outcome)
    context = GrantContext(
        grant=direct.grant,
        granted_at=sent_at,
        parameters=values,
        credentials=direct.given if direct.grant.can_run_again else {},
        scopes=scopes if direct.grant.can_run_again else None,
    )
    issued = replace(outcome, token_set=replace(outcome.token_set, context=context))
    return establish_connection(establishing, client, target, issued, invocation=invocation)
