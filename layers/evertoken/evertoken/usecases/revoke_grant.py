"""Tell the provider that a disconnected grant is over (RFC 7009, or the provider's own way), until it has understood."""

from __future__ import annotations

from datetime import timedelta

from evertoken.domain.change import REVOCATION_LIMIT_ATTEMPTS
from evertoken.domain.connection import Connection, PendingRevocation
from evertoken.domain.errors import EvertokenError, SigningKeyError
from evertoken.domain.http import HttpRequest
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.schedule import RETIRE_AFTER_SECONDS, back_off_seconds, clamp_retry_after
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from evertoken.protocol.token_request import build_revocation
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import RefreshDependencies
from evertoken.usecases.sign_request import find_client_assertion


def revoke_grant(
    deps: RefreshDependencies, row: Connection, pending: PendingRevocation, *, invocation: Invocation
) -> bool:
    """Send one revocation request and write down how it ended; return whether nothing is left to revoke.

    An answer that says "try later" (503, 429), no answer, or a client that cannot be made ready keeps the revocation and its due instant moves on. A
    provider without a revocation endpoint, or a token that it no longer knows, counts as done (RFC 7009 section 2.2).
    """
    now = deps.clock.now()
    try:
        ready = deps.directory.get_ready(row.registration_id)
        purpose = token_set_purpose(row.connection_id, pending.epoch, pending.generation)
        token_set = decode_token_set(deps.sealer.open(row.tenant_id, purpose, pending.sealed))
        ready = ready.for_grant(token_set.context.parameters)
        request = _build(deps, ready, token_set)
    except EvertokenError as error:
        # A key that an operator has to put right may be put right before the tries are used up.
        done = not error.retryable and not isinstance(error, SigningKeyError)
        return _finish(deps, row, pending, done=done, retry_after_seconds=None)
    if request is None or row.binding != ready.binding:
        return _finish(deps, row, pending, done=True, retry_after_seconds=None)
    budget = invocation.remaining_seconds(deps.clock) - deps.timing.commit_budget_seconds
    if budget < 1:
        return False
    exchange = deps.transport.send(request, timeout_seconds=min(deps.timing.http_total_seconds, budget))
    answer = parse_revocation_answer(exchange, now, ready.provider)
    done = answer.status is not RevocationStatus.RETRY
    return _finish(deps, row, pending, done=done, retry_after_seconds=answer.retry_after_seconds)


def _build(deps: RefreshDependencies, ready: ReadyClient, token_set: TokenSet) -> HttpRequest | None:
    shape = ready.provider.requests.revocation
    if shape.url is None and ready.provider.revocation_endpoint is None:
        return None
    assertion = find_client_assertion(deps.signer, ready, shape, clock=deps.clock, randomness=deps.randomness)
    return build_revocation(ready, token_set, assertion=assertion)


def _finish(
    deps: RefreshDependencies,
    row: Connection,
    pending: PendingRevocation,
    *,
    done: bool,
    retry_after_seconds: int | None,
) -> bool:
    now = deps.clock.now()
    done = done or pending.attempts + 1 >= REVOCATION_LIMIT_ATTEMPTS
    if done:
        due_at = (row.disconnected_at or now) + timedelta(seconds=RETIRE_AFTER_SECONDS)
    else:
        wait = back_off_seconds(pending.attempts + 1, jitter=deps.randomness.fraction())
        due_at = now + timedelta(seconds=max(wait, clamp_retry_after(retry_after_seconds or 1)))
    deps.store.finish_revocation(
        row.key, epoch=row.epoch, revoked=pending, due_at=due_at, retry=not done, now=now
    )
    return done
