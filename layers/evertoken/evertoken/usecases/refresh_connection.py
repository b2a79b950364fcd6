"""The refresh protocol (DESIGN section 3): the only path to a token endpoint for a stored connection.

Every trigger enters at step 0. The numbers in the comments are the steps of the protocol; `docs/protocol.md` draws them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import PublisherUnavailableError, StoreUnavailableError
from evertoken.domain.hint import Hint
from evertoken.domain.outcome import Failure, FailureKind, Issued, Outcome
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.schedule import forced_floor_seconds, lifetime_seconds, windows_of
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import CommitAccepted, CommitSuperseded, LeaseGranted, LeaseRefused
from evertoken.protocol.token_answer import Operation, parse_token_answer
from evertoken.protocol.token_request import build_client_credentials, build_refresh
from evertoken.usecases.commit_token_set import Rescued, commit_token_set, drop_token_set, is_renewable
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.record_failure import record_failure
from evertoken.usecases.refresh_attempt import (
    Attempt,
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)

HINT_SLACK_SECONDS = 2
"""A hint that arrives this early is on time: queue delays are whole seconds."""
LEASE_PAUSE_SECONDS = 0.1
"""How long a lease write that was not acknowledged waits for its one repetition."""


def refresh_connection(
    deps: RefreshDependencies,
    key: ConnectionKey,
    *,
    reason: RefreshReason,
    invocation: Invocation,
    row: Connection | None = None,
    seen_generation: int | None = None,
    min_lifetime_seconds: float = 0.0,
) -> RefreshResult:
    """Refresh the connection once, unless it is not needed, not allowed, or somebody else is at it.

    *row* spares step 0 its read when the caller has just read the row consistently: the lease write decides whether it is still true.
    *seen_generation* is the newest that the caller knows: anything newer is returned without a request.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        StoreUnavailableError, VaultSealedError, UnknownRegistrationError: nothing was sent.
    """
    if row is None:
        row = deps.store.get(key)  # 0
    settled = _needs_no_refresh(deps, row, reason, seen_generation, min_lifetime_seconds)
    if settled is not None:
        return settled
    return _attempt(
        deps,
        key,
        epoch=row.epoch,
        generation=row.generation,
        registration_id=row.registration_id,
        key_id=row.sealed.key_id if row.sealed else "",
        due_by=None,
        invocation=invocation,
    )


def refresh_from_hint(deps: RefreshDependencies, hint: Hint, *, invocation: Invocation) -> RefreshResult:
    """Refresh the connection that *hint* names, if its row agrees: the lease write returns the row and spares the read."""
    slack = timedelta(seconds=HINT_SLACK_SECONDS)
    return _attempt(
        deps,
        hint.key,
        epoch=hint.epoch,
        generation=hint.generation,
        registration_id=hint.registration_id,
        key_id=hint.key_id,
        due_by=None if hint.asked else deps.clock.now() + slack,
        invocation=invocation,
    )


def _needs_no_refresh(
    deps: RefreshDependencies,
    row: Connection,
    reason: RefreshReason,
    seen_generation: int | None,
    min_lifetime_seconds: float,
) -> RefreshResult | None:
    now = deps.clock.now()
    if row.status is not ConnectionStatus.ACTIVE or row.on_hold:
        return RefreshResult(kind=RefreshResultKind.NOT_ACTIVE, connection=row, provider_id=row.provider_id)
    if seen_generation is not None and row.generation > seen_generation and row.lives_for(now) > 0:
        return RefreshResult(kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id)
    lifetime = lifetime_seconds(row.issued_at, row.expires_at)
    if reason is RefreshReason.READ:
        bar = max(windows_of(lifetime).mandatory_seconds, min_lifetime_seconds)
        if row.lives_for(now) > bar:
            return RefreshResult(
                kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id
            )
    if row.issued_at is not None and row.lives_for(now) > 0:
        # The floor protects the provider from every demand, a life that none of its tokens has included.
        age = (now - row.issued_at).total_seconds()
        if age < forced_floor_seconds(lifetime):
            return RefreshResult(
                kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id
            )
    return None


def _attempt(
    deps: RefreshDependencies,
    key: ConnectionKey,
    *,
    epoch: int,
    generation: int,
    registration_id: str,
    key_id: str,
    due_by: datetime | None,
    invocation: Invocation,
) -> RefreshResult:
    now = deps.clock.now()
    ready = deps.directory.get_ready(registration_id)  # 1: nothing fallible after this
    deps.sealer.make_ready(key.tenant_id, key_id)
    provider_id = ready.provider.provider_id
    paused_until = ready.registration.paused_until
    if paused_until is not None and paused_until > now:
        due_at = paused_until + timedelta(seconds=30 * deps.randomness.fraction())
        deps.store.postpone(key, epoch=epoch, generation=generation, due_at=due_at, now=now)
        return RefreshResult(kind=RefreshResultKind.REGISTRATION_PAUSED, provider_id=provider_id)
    if not _has_time(deps, invocation):
        return RefreshResult(kind=RefreshResultKind.NO_TIME, provider_id=provider_id)

    owner = deps.randomness.token(128)
    until = invocation.started_at + timedelta(seconds=deps.timing.lease_seconds)

    def acquire() -> LeaseGranted | LeaseRefused:
        return deps.store.acquire_lease(
            key, epoch=epoch, generation=generation, owner=owner, now=now, until=until, due_by=due_by
        )

    try:
        lease = acquire()  # 2: the write-ahead intent
    except StoreUnavailableError:
        deps.clock.sleep(LEASE_PAUSE_SECONDS * (0.5 + deps.randomness.fraction()))
        lease = (
            acquire()
        )  # a write that took effect recognises itself: else the connection would wait for its own lease
    if isinstance(lease, LeaseRefused):
        return _refused(lease.connection, epoch, generation, now, provider_id)
    attempt = Attempt(owner=owner, started_at=now, ready=ready, invocation=invocation)
    return _run(deps, attempt, lease.connection)


def _refused(
    row: Connection | None, epoch: int, generation: int, now: datetime, provider_id: str
) -> RefreshResult:
    if row is None:
        kind = RefreshResultKind.GONE
    elif row.status is not ConnectionStatus.ACTIVE or row.on_hold:
        kind = RefreshResultKind.NOT_ACTIVE
    elif (row.epoch, row.generation) != (epoch, generation):
        kind = RefreshResultKind.NOT_NEEDED
    elif row.is_leased(now):
        kind = RefreshResultKind.IN_FLIGHT
    elif row.cooldown_until is not None and row.cooldown_until > now:
        kind = RefreshResultKind.COOLING_DOWN
    else:
        kind = RefreshResultKind.NOT_NEEDED
    return RefreshResult(kind=kind, connection=row, provider_id=provider_id)


def _run(deps: RefreshDependencies, attempt: Attempt, row: Connection) -> RefreshResult:
    provider = attempt.ready.provider
    if row.binding != attempt.ready.binding:
        return record_failure(deps, attempt, row, RefreshResultKind.CLIENT_CHANGED)
    if row.sealed is None:
        return record_failure(deps, attempt, row, RefreshResultKind.NO_REFRESH_TOKEN)
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
    previous = decode_token_set(deps.sealer.open(row.tenant_id, purpose, row.sealed))
    if not is_renewable(provider, previous):
        return record_failure(deps, attempt, row, RefreshResultKind.NO_REFRESH_TOKEN)
    if (
        row.open_attempts > 1
        and not provider.rotation.may_repeat_at_once
        and _is_early(row, attempt.started_at)
    ):
        return record_failure(deps, attempt, row, RefreshResultKind.DEFERRED)

    requests_sent = 0
    outcome: Outcome = Failure(kind=FailureKind.NOT_SENT, code="no_time")
    unanswered_before = False
    while _has_time(deps, attempt.invocation):  # 3
        sent_at = deps.clock.now()
        outcome = _request(deps, attempt, row, previous, sent_at)  # 4
        requests_sent += 1
        if not (isinstance(outcome, Failure) and outcome.kind is FailureKind.OUTCOME_UNKNOWN):
            break
        if unanswered_before or not provider.rotation.may_repeat_at_once:
            break
        unanswered_before = True
        deps.clock.sleep(1 + deps.randomness.fraction())

    if isinstance(outcome, Failure):
        return record_failure(
            deps,
            attempt,
            row,
            RefreshResultKind.FAILED,
            failure=outcome,
            requests_sent=requests_sent,
            unanswered_before=unanswered_before,
        )
    return _keep(deps, attempt, row, previous, outcome, requests_sent)


def _request(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, previous: TokenSet, sent_at: datetime
) -> Outcome:
    provider = attempt.ready.provider
    if provider.refresh_credential is RefreshCredential.CLIENT_CREDENTIALS:
        scopes = tuple(previous.scope.split())
        request, operation = build_client_credentials(attempt.ready, scopes), Operation.CLIENT_CREDENTIALS
    else:
        request, operation = build_refresh(attempt.ready, previous), Operation.REFRESH
    budget = attempt.invocation.remaining_seconds(deps.clock) - deps.timing.commit_budget_seconds
    exchange = deps.transport.send(request, timeout_seconds=min(deps.timing.http_total_seconds, budget))
    return parse_token_answer(
        provider, operation, exchange, sent_at=sent_at, requested_scopes=tuple(row.scope.split())
    )


def _keep(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    previous: TokenSet,
    issued: Issued,
    requests_sent: int,
) -> RefreshResult:
    token_set = issued.token_set.following(previous)
    provider_id = row.provider_id
    result = commit_token_set(  # 5
        deps.committing,
        row,
        token_set,
        provider=attempt.ready.provider,
        owner=attempt.owner,
        give_up_at=attempt.invocation.ends_at,
    )
    if isinstance(result, Rescued):
        return RefreshResult(
            kind=RefreshResultKind.RESCUED,
            connection=row,
            provider_id=provider_id,
            requests_sent=requests_sent,
        )
    if isinstance(result, CommitSuperseded):
        drop_token_set(deps.committing, row.key, row.epoch, row.generation, token_set, result.connection)
        return RefreshResult(
            kind=RefreshResultKind.SUPERSEDED,
            connection=result.connection,
            provider_id=provider_id,
            requests_sent=requests_sent,
        )
    owed = not _publish(deps, result, attempt.owner, token_set)  # 7
    return RefreshResult(
        kind=RefreshResultKind.REFRESHED,
        connection=result.connection,
        token_set=token_set,
        provider_id=provider_id,
        publication_is_owed=owed,
        requests_sent=requests_sent,
    )


def _publish(deps: RefreshDependencies, committed: CommitAccepted, owner: str, token_set: TokenSet) -> bool:
    """Publish what was committed; a publication that fails stays owed and the row says so, so it is no failure of the refresh."""
    try:
        publish_connection(deps.publishing, committed.connection, owner=owner, token_set=token_set)
    except (PublisherUnavailableError, StoreUnavailableError):
        return False
    return True


def _has_time(deps: RefreshDependencies, invocation: Invocation) -> bool:
    needed = deps.timing.http_total_seconds + deps.timing.commit_budget_seconds
    return invocation.remaining_seconds(deps.clock) >= needed


def _is_early(row: Connection, now: datetime) -> bool:
    return row.lives_for(now) > windows_of(lifetime_seconds(row.issued_at, row.expires_at)).mandatory_seconds
