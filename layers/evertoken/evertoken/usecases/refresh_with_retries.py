"""Refresh one connection as often as the caller allows; what does not fit into the request goes on as a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import EvertokenError
from evertoken.domain.job import Job, JobKind, JobSelection, RetrySettings
from evertoken.usecases.ask_provider import has_time
from evertoken.usecases.create_job import JobDependencies, create_job
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.plan_retry import is_final, wait_seconds
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResult
from evertoken.usecases.refresh_on_demand import DemandedRefresh, refresh_on_demand


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRefresh:
    """The last attempt, whose outcome or refusal is the answer; *results* are all that were made."""

    demanded: DemandedRefresh
    results: tuple[RefreshResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuedRefresh:
    """*job* makes the attempts that are left; *results* are those that were made."""

    job: Job
    results: tuple[RefreshResult, ...]


def refresh_with_retries(
    deps: RefreshDependencies,
    creating: JobDependencies,
    key: ConnectionKey,
    *,
    retries: RetrySettings,
    invocation: Invocation,
) -> EndedRefresh | ContinuedRefresh:
    """Refresh the connection, waiting between attempts for what *retries* and the connection's cool-down ask, whichever is longer.

    When there is no time for the wait and another attempt, the attempts that are left are made by a job. A refusal that somebody has to act on is
    final at once.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        EvertokenError: the last attempt could not be made; nothing was sent.
    """
    results: list[RefreshResult] = []
    made = 0
    while True:
        made += 1
        try:
            demanded = refresh_on_demand(deps, key, invocation=invocation)
        except EvertokenError as error:
            if made == retries.attempts or is_final(error, None):
                raise
            refusal, row = error, None
        else:
            results.append(demanded.result)
            if demanded.refusal is None:
                return EndedRefresh(demanded=demanded, results=tuple(results))
            refusal, row = demanded.refusal, demanded.connection
            if made == retries.attempts or is_final(refusal, row):
                return EndedRefresh(demanded=demanded, results=tuple(results))
        wait = wait_seconds(
            retries,
            attempts_made=made,
            refusal=refusal,
            row=row,
            clock=deps.clock,
            randomness=deps.randomness,
        )
        if not has_time(deps, invocation, wait):
            job = _go_on(creating, key, retries, made, wait, invocation)
            return ContinuedRefresh(job=job, results=tuple(results))
        deps.clock.sleep(wait)


def _go_on(
    creating: JobDependencies,
    key: ConnectionKey,
    retries: RetrySettings,
    made: int,
    wait: float,
    invocation: Invocation,
) -> Job:
    return create_job(
        creating,
        tenant_id=key.tenant_id,
        kind=JobKind.REFRESH,
        selection=JobSelection(connection_ids=(key.connection_id,)),
        retries=retries,
        actor=invocation.actor,
        correlation_id=invocation.correlation_id,
        attempts_made=made,
        not_before=creating.clock.now() + timedelta(seconds=wait),
    )
