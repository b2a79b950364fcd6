"""What a failed attempt leaves behind (protocol steps 4 and 6): a cool-down, or a verdict that only the lease's holder may pass."""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, FailureRecord
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.schedule import (
    CONFIRMATION_SECONDS,
    back_off_seconds,
    clamp_retry_after,
    lifetime_seconds,
    windows_of,
)
from evertoken.usecases.refresh_attempt import Attempt, RefreshDependencies, RefreshResult, RefreshResultKind

REGISTRATION_PAUSE_SECONDS = 300
"""How long a client registration rests after the provider refused the client, before one request tries again."""
CLIENT_CHANGED_SECONDS = 3600
"""How often a connection whose client changed is looked at, in case the operator changes it back."""
LOST_RESPONSE = "lost_response"
"""The cause of a dead grant whose last answer never reached us."""


def record_failure(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    kind: RefreshResultKind,
    *,
    failure: Failure | None = None,
    requests_sent: int = 0,
    unanswered_before: bool = False,
) -> RefreshResult:
    """Write down how the attempt ended, end its lease, and return the result.

    `not_sent`, `throttled`, `provider_down` and `client_misconfigured` never change the status. `outcome_unknown` leaves the attempt open, so that a
    later refusal is known to be a lost response. `grant_dead` is believed when no other attempt of this generation is open or every such one is
    at least a lease old; after an unanswered request of this very invocation it waits to be confirmed.
    """
    now = deps.clock.now()
    result = RefreshResult(
        kind=kind, connection=row, failure=failure, provider_id=row.provider_id, requests_sent=requests_sent
    )
    if failure is None:
        return _without_request(deps, attempt, row, result, now)
    match failure.kind:
        case FailureKind.OUTCOME_UNKNOWN if attempt.ready.provider.rotation.may_repeat_at_once:
            # The request was repeated at once already; from here on a provider in trouble is spared.
            retry_at = now + timedelta(seconds=_wait_seconds(deps, row, failure))
            _release(deps, attempt, row, failure, retry_at, retry_at, closed=False, now=now)
        case FailureKind.OUTCOME_UNKNOWN:
            cooldown_until = now + timedelta(seconds=CONFIRMATION_SECONDS)
            _release(deps, attempt, row, failure, late(row, now), cooldown_until, closed=False, now=now)
        case FailureKind.GRANT_DEAD | FailureKind.REJECTED if unanswered_before:
            retry_at = now + timedelta(seconds=CONFIRMATION_SECONDS)
            _release(deps, attempt, row, failure, retry_at, retry_at, closed=False, now=now)
        case FailureKind.GRANT_DEAD | FailureKind.REJECTED:
            return _pass_verdict(deps, attempt, row, failure, requests_sent)
        case FailureKind.CLIENT_MISCONFIGURED:
            until = now + timedelta(seconds=REGISTRATION_PAUSE_SECONDS)
            paused = deps.directory.pause(attempt.ready, until=until, now=now)
            # No cool-down of its own: when the registration is put right, this connection resumes with the others.
            _release(deps, attempt, row, failure, until, None, closed=True, now=now)
            return RefreshResult(
                kind=RefreshResultKind.REGISTRATION_PAUSED,
                connection=row,
                failure=failure,
                provider_id=row.provider_id,
                paused_registration=paused,
                requests_sent=requests_sent,
            )
        case FailureKind.NOT_SENT | FailureKind.THROTTLED | FailureKind.PROVIDER_DOWN:
            retry_at = now + timedelta(seconds=_wait_seconds(deps, row, failure))
            _release(deps, attempt, row, failure, retry_at, retry_at, closed=True, now=now)
    return result


def late(row: Connection, now: datetime) -> datetime:
    """Return when a connection of a strict provider is tried once more: when its live token enters the mandatory window, not sooner than a minute."""
    soonest = now + timedelta(seconds=CONFIRMATION_SECONDS)
    if row.expires_at is None:
        return soonest
    mandatory = windows_of(lifetime_seconds(row.issued_at, row.expires_at)).mandatory_seconds
    return max(soonest, row.expires_at - timedelta(seconds=mandatory))


def _without_request(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, result: RefreshResult, now: datetime
) -> RefreshResult:
    match result.kind:
        case RefreshResultKind.NO_REFRESH_TOKEN if row.lives_for(now) > 0:
            failure = Failure(kind=FailureKind.NOT_SENT, code="no_refresh_token")
            _release(deps, attempt, row, failure, row.expires_at, None, closed=True, now=now)
        case RefreshResultKind.NO_REFRESH_TOKEN:
            return _pass_verdict(
                deps, attempt, row, Failure(kind=FailureKind.GRANT_DEAD, code="no_refresh_token"), 0
            )
        case RefreshResultKind.CLIENT_CHANGED:
            retry_at = now + timedelta(seconds=CLIENT_CHANGED_SECONDS)
            failure = Failure(kind=FailureKind.CLIENT_MISCONFIGURED, code="client_changed")
            _release(deps, attempt, row, failure, retry_at, None, closed=True, now=now)
        case RefreshResultKind.DEFERRED:
            deps.store.release_lease(
                row.key,
                owner=attempt.owner,
                failure=row.failure,
                due_at=late(row, now),
                cooldown_until=None,
                attempt_is_closed=True,
                now=now,
            )
        case _:
            raise AssertionError(f"{result.kind} is not an end without a request")
    return result


def _release(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    failure: Failure,
    due_at: datetime | None,
    cooldown_until: datetime | None,
    *,
    closed: bool,
    now: datetime,
) -> None:
    deps.store.release_lease(
        row.key,
        owner=attempt.owner,
        failure=_record(row, failure.kind.value, failure.code, now),
        due_at=due_at,
        cooldown_until=cooldown_until,
        attempt_is_closed=closed,
        now=now,
    )


def _pass_verdict(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, failure: Failure, requests_sent: int
) -> RefreshResult:
    """Believe the refusal, unless the row moved meanwhile: then the winner's token is the answer (protocol step 6)."""
    lost = row.open_attempts > 1
    now = deps.clock.now()
    current = deps.store.find(row.key)
    moved = current is None or (current.epoch, current.generation) != (row.epoch, row.generation)
    if moved:
        return RefreshResult(
            kind=RefreshResultKind.SUPERSEDED,
            connection=current,
            provider_id=row.provider_id,
            requests_sent=requests_sent,
        )
    cause = LOST_RESPONSE if lost else failure.kind.value
    deps.store.record_verdict(
        row.key,
        expected=row,
        owner=attempt.owner,
        failure=_record(row, cause, failure.code, now),
    )
    return RefreshResult(
        kind=RefreshResultKind.REAUTHORIZATION_REQUIRED,
        connection=row,
        failure=failure,
        provider_id=row.provider_id,
        lost_in_window=lost,
        requests_sent=requests_sent,
    )


def _wait_seconds(deps: RefreshDependencies, row: Connection, failure: Failure) -> float:
    count = 1 + (row.failure.count if row.failure else 0)
    wait = back_off_seconds(count, jitter=deps.randomness.fraction())
    if failure.retry_after_seconds is not None:
        wait = max(wait, clamp_retry_after(failure.retry_after_seconds))
    return wait


def _record(row: Connection, cause: str, code: str, now: datetime) -> FailureRecord:
    count = 1 + (row.failure.count if row.failure else 0)
    return FailureRecord(cause=cause, code=code, count=count, failed_at=now)
