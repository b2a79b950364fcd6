"""Connect without a browser: what is given to a provider gives a token set at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evertoken.domain.credentials import identifier_of
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.http import HttpRequest
from evertoken.domain.outcome import Failure
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import Operation, RequestShape
from evertoken.ports import ClientDirectory, RegistrationStore
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_jwt_bearer,
    build_session_login,
    build_token_exchange,
    build_user_token,
)
from evertoken.usecases.choose_registration import check_grant, choose_registration
from evertoken.usecases.connection_wish import ConnectionWish, check_publication
from evertoken.usecases.establish_connection import EstablishedConnection, establish_connection
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.fill_parameters import check_url, fill_known, resolve_parameters, split_parameters
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_target import EstablishDependencies, KnownValues, prepare_target
from evertoken.usecases.send_once import send_once
from evertoken.usecases.sign_request import find_client_assertion, make_grant_assertion


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
        tenant_id=wish.tenant_id,
        provider_id=wish.provider_id,
        registration_id=wish.registration_id,
    )
    check_grant(client.provider, direct.grant)
    check_publication(client.provider, wish, establishing.minimum_published_lifetime_seconds)
    given = split_parameters(client.provider, wish.parameters, with_browser=False)
    values = resolve_parameters(client.provider, given.template)
    ready = fill_known(client, values)
    scopes = wish.scopes_at(ready)
    request, operation = _build(establishing, ready, direct, scopes)
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


def _build(
    deps: EstablishDependencies, ready: ReadyClient, direct: DirectGrant, scopes: tuple[str, ...]
) -> tuple[HttpRequest, Operation]:
    """Return the request of the grant. Raises SignerUnavailableError, InvalidInputError."""
    shapes, given = ready.provider.requests, direct.given

    def sign(shape: RequestShape) -> str | None:
        check_url(ready, shape)
        return find_client_assertion(deps.signer, ready, shape, clock=deps.clock, randomness=deps.randomness)

    match direct.grant:
        case Grant.CLIENT_CREDENTIALS:
            assertion = sign(shapes.client_credentials)
            return build_client_credentials(ready, scopes, assertion=assertion), Operation.CLIENT_CREDENTIALS
        case Grant.USER_TOKEN:
            assertion = sign(shapes.user_token)
            request = build_user_token(ready, given["user_token"], scopes, assertion=assertion)
            return request, Operation.USER_TOKEN
        case Grant.SESSION_LOGIN:
            assertion = sign(shapes.session_login)
            return build_session_login(ready, given, assertion=assertion), Operation.SESSION_LOGIN
        case Grant.TOKEN_EXCHANGE:
            request = build_token_exchange(
                ready,
                subject_token=given["subject_token"],
                subject_token_type=given["subject_token_type"],
                scopes=scopes,
                assertion=sign(shapes.token_exchange),
            )
            return request, Operation.TOKEN_EXCHANGE
        case Grant.JWT_BEARER:
            assertion = sign(shapes.jwt_bearer)
            grant_assertion = make_grant_assertion(
                deps.signer,
                ready,
                subject=given["subject"],
                scopes=scopes,
                clock=deps.clock,
                randomness=deps.randomness,
            )
            request = build_jwt_bearer(ready, scopes, grant_assertion=grant_assertion, assertion=assertion)
            return request, Operation.JWT_BEARER
        case _:
            raise ValueError(f"{direct.grant} needs a browser or a device")
