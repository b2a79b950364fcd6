"""Ask the provider for a new token set (protocol steps 3 and 4): the one place from which a stored connection's requests leave.

An attempt sends one request. There are two exceptions: an unknown outcome is repeated once where that puts nothing at risk, and a grant that can run
again is run again, once, when its refresh was refused or stayed unanswered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evertoken.domain.connection import Connection
from evertoken.domain.errors import InvalidInputError, SignerUnavailableError
from evertoken.domain.http import HttpRequest
from evertoken.domain.outcome import Failure, FailureKind, Issued, Outcome
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.renewal import Renewal, find_fallback, may_repeat_at_once
from evertoken.domain.request_shape import Operation
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import build_refresh
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import Attempt, RefreshDependencies
from evertoken.usecases.run_grant import build_run_again, renewed_grant
from evertoken.usecases.sign_request import find_client_assertion

RANDOM_BITS = 128
"""What `{random}` in a request is filled with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the provider made of an attempt's requests.

    `renewal` is what `outcome` answers. `was_unanswered`: the same request went unanswered before. `spent_refresh`: a refresh failed before the grant
    was run again, so that the refresh token is dead or may be spent. `may_still_run`: running the grant again is left to another attempt, because
    there was no time, or because of the provider's limits. `was_login`: *outcome* answers a session login.
    """

    outcome: Outcome
    renewal: Renewal
    requests_sent: int = 0
    was_unanswered: bool = False
    spent_refresh: bool = False
    may_still_run: bool = False
    was_login: bool = False


def ask_provider(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, previous: TokenSet, renewal: Renewal
) -> Asked:
    """Send what *renewal* needs, and what may follow it; a token set that was issued is complete.

    Raises:
        NoRefreshTokenError: the provider's entry wants something in the refresh that *previous* does not hold; nothing was sent.
    """
    provider = attempt.ready.provider
    outcome: Outcome = Failure(kind=FailureKind.NOT_SENT, code="no_time")
    sent: list[Renewal] = []
    last, following, pause = renewal, renewal, 0.0
    was_unanswered = False
    operation = Operation.REFRESH
    while following is not Renewal.NONE and has_time(deps, attempt.invocation, pause):  # 3
        if pause:
            deps.clock.sleep(pause)
        last, was_unanswered = following, following in sent
        try:
            request, operation = _build(deps, attempt.ready, previous, last)
        except (SignerUnavailableError, InvalidInputError) as error:
            outcome, following = _unsigned(error), Renewal.NONE
            break
        outcome = _send(deps, attempt, row, previous, request, operation)  # 4
        sent.append(last)
        following = _find_following(provider, previous, sent, outcome)
        wait = 1 + deps.randomness.fraction() if following is Renewal.REFRESH else 0.0
        pause = max(provider.minimum_interval_seconds, wait)
    return Asked(
        outcome=outcome,
        renewal=last,
        requests_sent=len(sent),
        was_unanswered=was_unanswered,
        spent_refresh=last is Renewal.RUN_AGAIN and Renewal.REFRESH in sent,
        may_still_run=following is not Renewal.NONE
        and isinstance(outcome, Failure)
        and find_fallback(provider, previous, outcome) is not None,
        was_login=operation is Operation.SESSION_LOGIN,
    )


def has_time(deps: RefreshDependencies, invocation: Invocation, pause_seconds: float = 0.0) -> bool:
    """Return whether a request and the commit of its answer fit into the rest of *invocation*, after a pause."""
    needed = pause_seconds + deps.timing.http_total_seconds + deps.timing.commit_budget_seconds
    return invocation.remaining_seconds(deps.clock) >= needed


def _find_following(provider: Provider, previous: TokenSet, sent: list[Renewal], outcome: Outcome) -> Renewal:
    """Return what may be asked next in the same attempt; NONE when *outcome* is the end of it."""
    if isinstance(outcome, Issued) or sent[-1] is not Renewal.REFRESH:
        return Renewal.NONE
    is_unknown = outcome.kind is FailureKind.OUTCOME_UNKNOWN
    if is_unknown and len(sent) == 1 and may_repeat_at_once(provider, Renewal.REFRESH):
        return Renewal.REFRESH
    return find_fallback(provider, previous, outcome) or Renewal.NONE


def _send(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    previous: TokenSet,
    request: HttpRequest,
    operation: Operation,
) -> Outcome:
    budget = attempt.invocation.remaining_seconds(deps.clock) - deps.timing.commit_budget_seconds
    sent_at = deps.clock.now()
    exchange = deps.transport.send(request, timeout_seconds=min(deps.timing.http_total_seconds, budget))
    provider = attempt.ready.provider
    requested = tuple(row.scope.split())
    outcome = parse_token_answer(provider, operation, exchange, sent_at=sent_at, requested_scopes=requested)
    if isinstance(outcome, Failure):
        return outcome
    token_set = outcome.token_set
    if operation is Operation.REFRESH:
        return replace(outcome, token_set=token_set.following(previous))
    return replace(outcome, token_set=renewed_grant(provider, token_set, previous))


def _unsigned(error: SignerUnavailableError | InvalidInputError) -> Failure:
    """What only an operator can put right, a key or the registration, is like a client that the provider refuses: its registration rests."""
    if isinstance(error, InvalidInputError):
        return Failure(kind=FailureKind.CLIENT_MISCONFIGURED, code="registration_incomplete")
    kind = FailureKind.NOT_SENT if error.retryable else FailureKind.CLIENT_MISCONFIGURED
    return Failure(kind=kind, code=error.code.lower())


def _build(
    deps: RefreshDependencies, ready: ReadyClient, previous: TokenSet, renewal: Renewal
) -> tuple[HttpRequest, Operation]:
    signer, clock, randomness = deps.signer, deps.clock, deps.randomness
    if renewal is Renewal.RUN_AGAIN:
        return build_run_again(ready, previous, signer=signer, clock=clock, randomness=randomness)
    shape = ready.provider.requests.refresh
    assertion = find_client_assertion(signer, ready, shape, clock=clock, randomness=randomness)
    request = build_refresh(
        ready, previous, assertion=assertion, randomness_token=randomness.token(RANDOM_BITS)
    )
    return request, Operation.REFRESH
