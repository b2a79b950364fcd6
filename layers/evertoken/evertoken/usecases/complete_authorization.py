"""Complete connecting: the tenant's backend names the user who came back, and only then is the code redeemed, once (DESIGN section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.domain.authorization import ReturnedAuthorization
from evertoken.domain.errors import (
    ClientChangedError,
    ConnectExpiredError,
    InvalidInputError,
    UnknownRegistrationError,
)
from evertoken.domain.http import HttpExchange, HttpRequest, NotSent
from evertoken.domain.outcome import Failure, Issued
from evertoken.domain.provider_shapes import Operation
from evertoken.domain.ready_client import ReadyClient
from evertoken.ports import AuthorizationStore, ClientDirectory
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import build_code_exchange, build_following_exchange
from evertoken.usecases.authorization_session import SESSION_PREFIX, code_purpose, hash_name, verifier_purpose
from evertoken.usecases.establish_connection import (
    EstablishDependencies,
    EstablishedConnection,
    establish_connection,
    prepare_target,
)
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.start_authorization import ConnectionWish

CONNECT_TRIES = 2
"""How often a request is made of which nothing can have reached the provider."""


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
        StoreUnavailableError, VaultSealedError, PublisherUnavailableError, ConflictError: start again.
    """
    if not session_uri.startswith(SESSION_PREFIX):
        raise InvalidInputError("session_uri: it is not one that POST /v1/connections gave.")
    returned = deps.authorizations.take_returned(hash_name(session_uri), tenant_id=tenant_id, user_id=user_id)
    if returned is None or returned.expires_at <= deps.establishing.clock.now():
        raise ConnectExpiredError(
            "No returned authorization waits under this session: it was used, or more than two minutes passed, or the user "
            "has not come back. Start again with POST /v1/connections."
        )
    ready = _get_same_client(deps, returned)
    pending = returned.pending
    wish = ConnectionWish(
        tenant_id=tenant_id,
        provider_id=pending.provider_id,
        registration_id=pending.registration_id,
        user_id=user_id,
        account=pending.account,
        name=pending.name,
        scopes=pending.scopes,
        policy=pending.policy,
        publication=pending.publication,
    )
    code, verifier = _open(deps, returned)
    target = prepare_target(deps.establishing, ready, wish, connection_id=pending.connection_id)
    issued = _redeem(deps.establishing, ready, returned, code=code, verifier=verifier, invocation=invocation)
    return establish_connection(deps.establishing, ready, target, issued, invocation=invocation)


def _get_same_client(deps: CompleteDependencies, returned: ReturnedAuthorization) -> ReadyClient:
    pending = returned.pending
    try:
        ready = deps.directory.get_ready(pending.registration_id)
    except UnknownRegistrationError:
        ready = None
    if ready is None or ready.binding != pending.binding or not ready.registration.admits(pending.tenant_id):
        raise ClientChangedError(
            "The provider or the client registration was changed since this authorization was started. Start again."
        )
    return ready


def _open(deps: CompleteDependencies, returned: ReturnedAuthorization) -> tuple[str, str | None]:
    sealer, pending = deps.establishing.sealer, returned.pending
    code = sealer.open(pending.tenant_id, code_purpose(pending.session_hash), returned.sealed_code).decode()
    if pending.sealed_verifier is None:
        return code, None
    purpose = verifier_purpose(pending.state_hash)
    return code, sealer.open(pending.tenant_id, purpose, pending.sealed_verifier).decode()


def _redeem(
    deps: EstablishDependencies,
    ready: ReadyClient,
    returned: ReturnedAuthorization,
    *,
    code: str,
    verifier: str | None,
    invocation: Invocation,
) -> Issued:
    """Return what the provider issued for the code, after the further exchanges that its entry knows."""
    redirect_uri = returned.pending.redirect_uri
    request: HttpRequest | None = build_code_exchange(
        ready, code=code, redirect_uri=redirect_uri, verifier=verifier
    )
    operation, step, issued = Operation.CODE_EXCHANGE, 0, None
    while request is not None:
        sent_at = deps.clock.now()
        outcome = parse_token_answer(
            ready.provider,
            operation,
            send_once(deps, request, invocation=invocation),
            sent_at=sent_at,
            requested_scopes=returned.pending.scopes,
        )
        if isinstance(outcome, Failure):
            raise explain_exchange(outcome)
        issued = (
            outcome if issued is None else Issued(token_set=outcome.token_set.following(issued.token_set))
        )
        request = build_following_exchange(ready, step, issued.token_set)
        operation, step = Operation.FOLLOWING_EXCHANGE, step + 1
    assert issued is not None
    return issued


def send_once(deps: EstablishDependencies, request: HttpRequest, *, invocation: Invocation) -> HttpExchange:
    """Send the request so that it reaches the provider at most once: it is repeated only when nothing of it was sent.

    The time that storing the answer needs is kept back.
    """
    exchange: HttpExchange = NotSent(reason="not_tried")
    for _ in range(CONNECT_TRIES):
        left = invocation.remaining_seconds(deps.clock) - deps.timing.commit_budget_seconds
        if left <= 0:
            break
        exchange = deps.transport.send(request, timeout_seconds=min(deps.timing.http_total_seconds, left))
        if not isinstance(exchange, NotSent):
            break
    return exchange
