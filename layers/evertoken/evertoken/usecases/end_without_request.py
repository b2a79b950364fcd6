"""How an attempt ends that sends nothing, because the row, the token set or the registration says that it cannot help."""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection
from evertoken.domain.due import due_after
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.usecases.record_failure import late, pass_verdict, release
from evertoken.usecases.refresh_attempt import Attempt, RefreshDependencies, RefreshResult, RefreshResultKind

CLIENT_CHANGED_SECONDS = 3600
"""How often a connection whose client changed is looked at, in case the operator changes it back."""
EXPIRED = "expired"
"""The cause of a grant that is over because its token expired and the provider renews no expired one."""


def end_client_changed(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, code: str
) -> RefreshResult:
    """The grant is not this client's, or what it was given for does not fit the provider's entry any more: an operator may put that back."""
    now = deps.clock.now()
    failure = Failure(kind=FailureKind.CLIENT_MISCONFIGURED, code=code)
    retry_at = now + timedelta(seconds=CLIENT_CHANGED_SECONDS)
    release(deps, attempt, row, failure, retry_at, None, closed=True, now=now)
    return _result(RefreshResultKind.CLIENT_CHANGED, row)


def end_no_refresh_token(deps: RefreshDependencies, attempt: Attempt, row: Connection) -> RefreshResult:
    """Nothing renews this token: it is served until it expires, and then a person has to connect again."""
    now = deps.clock.now()
    code = "no_refresh_token"
    if row.lives_for(now) <= 0:
        failure = Failure(kind=FailureKind.GRANT_DEAD, code=code)
        return pass_verdict(deps, attempt, row, failure, cause=failure.kind.value)
    failure = Failure(kind=FailureKind.NOT_SENT, code=code)
    release(deps, attempt, row, failure, row.expires_at, None, closed=True, now=now)
    return _result(RefreshResultKind.NO_REFRESH_TOKEN, row)


def end_expired(deps: RefreshDependencies, attempt: Attempt, row: Connection) -> RefreshResult:
    """The provider renews no expired token, and this one is: a request could only be refused."""
    failure = Failure(kind=FailureKind.GRANT_DEAD, code=EXPIRED)
    return pass_verdict(deps, attempt, row, failure, cause=EXPIRED)


def end_deferred(deps: RefreshDependencies, attempt: Attempt, row: Connection) -> RefreshResult:
    """An earlier request is unanswered, and the provider punishes repeats: the next try is late."""
    now = deps.clock.now()
    _give_back(deps, attempt, row, late(row, now), now)
    return _result(RefreshResultKind.DEFERRED, row)


def end_too_young(
    deps: RefreshDependencies, attempt: Attempt, row: Connection, earliest: datetime
) -> RefreshResult:
    """The provider would refuse to renew a token of this age, or count one request too many."""
    due_at = None if row.refresh_at is None else max(row.refresh_at, earliest)
    _give_back(deps, attempt, row, due_at, deps.clock.now())
    return _result(RefreshResultKind.NOT_NEEDED, row)


def _give_back(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    due_at: datetime | None,
    now: datetime,
) -> None:
    deps.store.release_lease(
        row.key,
        owner=attempt.owner,
        failure=row.failure,
        due_at=due_after(row, due_at, now),
        cooldown_until=None,
        attempt_is_closed=True,
        now=now,
    )


def _result(kind: RefreshResultKind, row: Connection) -> RefreshResult:
    return RefreshResult(kind=kind, connection=row, provider_id=row.provider_id)
