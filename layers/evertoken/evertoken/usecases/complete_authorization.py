"""Complete connecting: the tenant's backend names the user who came back, and only then is the code redeemed, once (DESIGN section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evertoken.domain.authorization import BegunAuthorization, PendingAuthorization, ReturnedAuthorization
from evertoken.domain.errors import (
    ClientChangedError,
    ConnectExpiredError,
    InvalidInputError,
    UnknownRegistrationError,
)
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.http import HttpRequest
from evertoken.domain.outcome import Failure, Issued
from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import Operation
from evertoken.ports import AuthorizationStore, ClientDirectory
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import build_code_exchange, build_following_exchange
from evertoken.usecases.authorization_session import (
    SESSION_PREFIX,
    code_purpose,
    hash_name,
    split_code,
    verifier_purpose,
)
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.establish_connection import EstablishedConnection, establish_connection
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.fill_parameters import check_url, fill_known, take_callback_values
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_target import EstablishDependencies, KnownValues, prepare_target
from evertoken.usecases.send_once import send_once
from evertoken.usecases.sign_request import find_client_assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteDependencies:
    """What completing needs."""

    authorizations: AuthorizationStore
    directory: ClientDirectory
    establishing: EstablishDependencies


def complete_authorization(
    deps: CompleteDependencies, *, tenant_id: str, session_uri: str, user_id: str, invocation: Invocation
) -> EstablishedConnection:
    """Redeem the returned code for the user who began, and store and publish the connection.

    The session is used up before anything else, so that the code is posted at most once whatever happens.

    Raises:
        ConnectExpiredError: nothing waits under this session (any more).
        UserMismatchError: another user began; the session stays for a few more tries.
        ClientChangedError: the provider or the client is another one than at the start; the code was not sent.
        ProviderRefusedError, ProviderUnavailableError: there is no token set; start again.
        SignerUnavailableError, StoreUnavailableError, VaultSealedError, PublisherUnavailableError, ConflictError: start again.
    """
    if not session_uri.startswith(SESSION_PREFIX):
        raise InvalidInputError("session_uri: it is not one that POST /v1/connections gave.")
    returned = deps.authorizations.take_returned(hash_name(session_uri), tenant_id=tenant_id, user_id=user_id)
    if returned is None or returned.expires_at <= deps.establishing.clock.now():
        raise ConnectExpiredError(
            "No returned authorization waits under this session: it was used, or more than two minutes passed, or the user "
            "has not come back. Start again with POST /v1/connections."
        )
    pending, kept = returned.pending, dict(returned.extra)
    client = get_same_client(deps.directory, pending)
    values = {**pending.parameters, **take_callback_values(client.provider, kept)}
    ready = fill_known(client, values)
    check_url(ready, ready.provider.requests.code_exchange)
    code, state, verifier = _open(deps, returned)
    known = KnownValues(parameters=values, kept=kept)
    assertions = _sign(deps.establishing, ready)
    target = prepare_target(
        deps.establishing, ready, wish_of(pending), connection_id=pending.connection_id, known=known
    )
    redemption = _Redemption(
        ready=ready,
        pending=pending,
        code=code,
        state=state,
        verifier=verifier,
        known=known,
        assertions=assertions,
    )
    issued = _redeem(deps.establishing, redemption, invocation=invocation)
    return establish_connection(deps.establishing, client, target, issued, invocation=invocation)


def wish_of(begun: BegunAuthorization) -> ConnectionWish:
    """Return what was asked for when the authorization began."""
    return ConnectionWish(
        tenant_id=begun.tenant_id,
        provider_id=begun.provider_id,
        registration_id=begun.registration_id,
        user_id=begun.user_id,
        account=begun.account,
        name=begun.name,
        display_name=begun.display_name,
        scopes=begun.scopes,
        policy=begun.policy,
        publication=begun.publication,
    )


def get_same_client(directory: ClientDirectory, begun: BegunAuthorization) -> ReadyClient:
    """Return the client that the authorization began with. Raises ClientChangedError: it, or its provider, is another one now."""
    changed = ClientChangedError(
        "The provider or the client registration was changed since this authorization was started. Start again."
    )
    try:
        ready = directory.get_ready(begun.registration_id)
        binding = fill_known(ready, begun.parameters).binding
    except (UnknownRegistrationError, InvalidInputError):
        raise changed from None
    if binding != begun.binding or not ready.registration.admits(begun.tenant_id):
        raise changed
    return ready


def _open(deps: CompleteDependencies, returned: ReturnedAuthorization) -> tuple[str, str, str | None]:
    """Return code, state and verifier."""
    sealer, pending = deps.establishing.sealer, returned.pending
    content = sealer.open(pending.tenant_id, code_purpose(pending.session_hash), returned.sealed_code)
    code, state = split_code(content.decode())
    if pending.sealed_verifier is None:
        return code, state, None
    purpose = verifier_purpose(pending.state_hash)
    return code, state, sealer.open(pending.tenant_id, purpose, pending.sealed_verifier).decode()


def _sign(deps: EstablishDependencies, ready: ReadyClient) -> tuple[str | None, ...]:
    """Return the assertion of each exchange, all made before the first is sent: afterwards the code is spent. Raises SignerUnavailableError."""
    requests = ready.provider.requests
    return tuple(
        find_client_assertion(deps.signer, ready, shape, clock=deps.clock, randomness=deps.randomness)
        for shape in (requests.code_exchange, *requests.following_exchanges)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Redemption:
    """What a code is redeemed with."""

    ready: ReadyClient
    pending: PendingAuthorization
    code: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str | None = field(repr=False)
    known: KnownValues
    assertions: tuple[str | None, ...] = field(repr=False)


def _redeem(deps: EstablishDependencies, redemption: _Redemption, *, invocation: Invocation) -> Issued:
    """Return what the provider issued for the code, after the further exchanges that its entry knows."""
    ready, pending, known = redemption.ready, redemption.pending, redemption.known
    granted_at = deps.clock.now()
    request: HttpRequest | None = build_code_exchange(
        ready,
        code=redemption.code,
        redirect_uri=pending.redirect_uri,
        verifier=redemption.verifier,
        state=redemption.state,
        values={**known.kept, **known.parameters},
        assertion=redemption.assertions[0],
    )
    operation, step, issued = Operation.CODE_EXCHANGE, 0, None
    while request is not None:
        sent_at = deps.clock.now()
        outcome = parse_token_answer(
            ready.provider,
            operation,
            send_once(deps, request, invocation=invocation),
            sent_at=sent_at,
            requested_scopes=pending.scopes,
        )
        if isinstance(outcome, Failure):
            raise explain_exchange(outcome)
        issued = (
            outcome if issued is None else Issued(token_set=outcome.token_set.following(issued.token_set))
        )
        operation, step, request = Operation.FOLLOWING_EXCHANGE, step + 1, None
        if step < len(redemption.assertions):
            request = build_following_exchange(
                ready, step - 1, issued.token_set, assertion=redemption.assertions[step]
            )
    assert issued is not None
    context = GrantContext(
        grant=Grant.AUTHORIZATION_CODE,
        granted_at=granted_at,
        parameters=known.parameters,
        redirect_uri=pending.redirect_uri,
    )
    # What the provider answered itself is believed before what a browser brought.
    extra = {**_kept_for_good(ready.provider, known.kept), **issued.token_set.extra}
    return replace(issued, token_set=replace(issued.token_set, extra=extra, context=context))


def _kept_for_good(provider: Provider, kept: Mapping[str, str]) -> dict[str, str]:
    """Return what of a callback stays with the token set: what the entry keeps, and the account."""
    names = set(provider.callback.keeps)
    if provider.account.origin is AccountOrigin.CALLBACK and provider.account.member is not None:
        names.add(provider.account.member)
    return {name: value for name, value in kept.items() if name in names}
