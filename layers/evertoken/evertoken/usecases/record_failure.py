"""What a failed request leaves behind (protocol steps 4 and 6): a cool-down, or a verdict that only the lease's holder may pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, FailureRecord
from evertoken.domain.due import due_after
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.renewal import Renewal, may_repeat_at_once
from evertoken.domain.schedule import (
    CONFIRMATION_SECONDS,
    USER_ACTION_SECONDS,
    back_off_seconds,
    clamp_retry_after,
    lifetime_seconds,
    windows_of,
)
from evertoken.usecases.ask_provider import Asked
from evertoken.usecases.refresh_attempt import Attempt, RefreshDependencies, RefreshResult, RefreshResultKind

REGISTRATION_PAUSE_SECONDS = 300
"""How long a client registration rests after the provider refused the client, before one request tries again."""
_CLIENT_ERRORS = range(400, 500)
LOST_RESPONSE = "lost_response"
"""The cause of a dead grant whose last answer never reached us."""


def record_failure(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, asked: Asked, failure: Failure
) -> RefreshResult:
    """Write down the *failure* in which the attempt ended, end its lease, and return the result.

    `not_sent`, `throttled`, `provider_down`, `client_misconfigured` and `user_action_required` never change the status. `outcome_unknown` leaves the
    attempt open, so that a later refusal is known to be a lost response. `grant_dead` is believed when no other attempt of this generation is open or
    every such one is at least a lease old; after an unanswered request of this very invocation it waits to be confirmed. A grant that can run again is
    not lost with its refresh token: only the refusal to run it ends it, and that needs no confirmation, because asking twice may lock the user out.
    """
    now = deps.clock.now()
    is_refresh = asked.renewal is Renewal.REFRESH
    closed = _spent_nothing(asked)
    retry_at = now + _at_least(attempt, _wait_seconds(deps, row, asked, failure))
    confirmation = now + _at_least(attempt, CONFIRMATION_SECONDS)
    match failure.kind:
        case _ if asked.may_still_run:
            release(deps, attempt, row, failure, retry_at, retry_at, closed=False, now=now)
        case FailureKind.OUTCOME_UNKNOWN if not is_refresh:
            # A grant that runs again spends nothing.
            release(deps, attempt, row, failure, retry_at, retry_at, closed=closed, now=now)
        case FailureKind.OUTCOME_UNKNOWN if may_repeat_at_once(attempt.ready.provider, asked.renewal):
            # The request was repeated at once already; from here on a provider in trouble is spared.
            release(deps, attempt, row, failure, retry_at, retry_at, closed=False, now=now)
        case FailureKind.OUTCOME_UNKNOWN:
            due_at = max(late(row, now), confirmation)
            release(deps, attempt, row, failure, due_at, confirmation, closed=False, now=now)
        case FailureKind.GRANT_DEAD | FailureKind.REJECTED if asked.was_unanswered:
            release(deps, attempt, row, failure, confirmation, confirmation, closed=False, now=now)
        case FailureKind.GRANT_DEAD | FailureKind.REJECTED:
            lost = is_refresh and row.open_attempts > 1
            cause = LOST_RESPONSE if lost else FailureKind.GRANT_DEAD.value
            return pass_verdict(deps, attempt, row, failure, cause=cause, requests_sent=asked.requests_sent)
        case FailureKind.CLIENT_MISCONFIGURED:
            return _rest_registration(deps, attempt, row, failure, asked, now)
        case (
            FailureKind.NOT_SENT
            | FailureKind.THROTTLED
            | FailureKind.PROVIDER_DOWN
            | FailureKind.USER_ACTION_REQUIRED
        ):
            release(deps, attempt, row, failure, retry_at, retry_at, closed=closed, now=now)
    return _result(RefreshResultKind.FAILED, row, failure, asked.requests_sent)


def late(row: Connection, now: datetime) -> datetime:
    """Return when a connection of a strict provider is tried once more: when its live token enters the mandatory window, not sooner than a minute."""
    soonest = now + timedelta(seconds=CONFIRMATION_SECONDS)
    if row.expires_at is None:
        return soonest
    mandatory = windows_of(lifetime_seconds(row.issued_at, row.expires_at)).mandatory_seconds
    return max(soonest, row.expires_at - timedelta(seconds=mandatory))


def release(
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
    """End the lease after *failure*; *closed* when the attempt has spent nothing."""
    deps.store.release_lease(
        row.key,
        owner=attempt.owner,
        failure=_record(row, failure.kind.value, failure.code, now),
        due_at=due_after(row, due_at, now),
        cooldown_until=cooldown_until,
        attempt_is_closed=closed,
        now=now,
    )


def pass_verdict(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    failure: Failure,
    *,
    cause: str,
    requests_sent: int = 0,
) -> RefreshResult:
    """Believe that the grant is over, unless the row moved meanwhile: then the winner's token is the answer (protocol step 6)."""
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
    deps.store.record_verdict(
        row.key,
        expected=row,
        owner=attempt.owner,
        failure=_record(row, cause, failure.code, now),
    )
    result = _result(RefreshResultKind.REAUTHORIZATION_REQUIRED, row, failure, requests_sent)
    return replace(result, lost_in_window=cause == LOST_RESPONSE)


def _rest_registration(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    failure: Failure,
    asked: Asked,
    now: datetime,
) -> RefreshResult:
    until = now + timedelta(seconds=REGISTRATION_PAUSE_SECONDS)
    paused = deps.directory.pause(attempt.ready, until=until, now=now)
    # No cool-down of its own beyond the provider's limits: when the registration is put right, this connection resumes with the others.
    interval = _at_least(attempt, 0)
    cooldown_until = now + interval if interval and asked.requests_sent else None
    closed = _spent_nothing(asked)
    release(deps, attempt, row, failure, max(until, now + interval), cooldown_until, closed=closed, now=now)
    result = _result(RefreshResultKind.REGISTRATION_PAUSED, row, failure, asked.requests_sent)
    return replace(result, paused_registration=paused)


def _result(kind: RefreshResultKind, row: Connection, failure: Failure, requests_sent: int) -> RefreshResult:
    return RefreshResult(
        kind=kind, connection=row, failure=failure, provider_id=row.provider_id, requests_sent=requests_sent
    )


def _wait_seconds(deps: RefreshDependencies, row: Connection, asked: Asked, failure: Failure) -> float:
    count = 1 + (row.failure.count if row.failure else 0)
    wait = back_off_seconds(count, jitter=deps.randomness.fraction())
    if failure.retry_after_seconds is not None:
        wait = max(wait, clamp_retry_after(failure.retry_after_seconds))
    # A login that was refused for a reason that nobody knows: to repeat it soon could lock the account.
    is_refused_login = asked.was_login and (failure.status or 0) in _CLIENT_ERRORS
    waits_for_user = failure.kind is FailureKind.USER_ACTION_REQUIRED
    if waits_for_user or (is_refused_login and failure.kind is FailureKind.PROVIDER_DOWN):
        wait = max(wait, USER_ACTION_SECONDS)
    return wait


def _spent_nothing(asked: Asked) -> bool:
    """Return whether no request of the attempt may have spent the refresh token, whatever the last of them came to."""
    return not asked.spent_refresh and not asked.was_unanswered


def _at_least(attempt: Attempt, seconds: float) -> timedelta:
    """Return a pause of *seconds*, or as long as the provider's limits demand."""
    return timedelta(seconds=max(seconds, attempt.ready.provider.minimum_interval_seconds))


def _record(row: Connection, cause: str, code: str, now: datetime) -> FailureRecord:
    count = 1 + (row.failure.count if row.failure else 0)
    return FailureRecord(cause=cause, code=code, count=count, failed_at=now)
