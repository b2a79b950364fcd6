"""Take the next attempt of one step of a job; the store says what was done already, so that a message may come as often as it likes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError, EvertokenError, TokenUnavailableError
from evertoken.domain.job import CANCELLED, Job, JobKind, JobStep, JobStepDue, StepStatus
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.job_work import JobWorkDependencies, Postponed, trim_jobs
from evertoken.usecases.plan_retry import is_final, wait_seconds
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResult, RefreshResultKind
from evertoken.usecases.refresh_on_demand import DemandedRefresh, DemandOutcome, refresh_on_demand

LAST_DELIVERY = 45
"""A message that came so often ends its step, before the queue takes it for a dead letter after 50."""
IN_FLIGHT_SECONDS = 2
"""How long a step waits for somebody else's attempt before it looks again."""
NO_TIME_SECONDS = 1
"""How long it waits where the invocation was too far gone for an attempt: neither is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """What became of a message: the *step* as it is left, *postponed* when the message has to come back, the attempt's *result* when there was one."""

    step: JobStep | None = None
    postponed: Postponed | None = None
    result: RefreshResult | None = None
    correlation_id: str = ""


def run_job_step(
    deps: JobWorkDependencies, message: JobStepDue, *, deliveries: int, invocation: Invocation
) -> StepRun:
    """Refresh the step's connection in the name of whoever asked for the job, and end the step, or put it off until its next attempt.

    A token that is newer than the job is what was asked for: a step whose end was not written down sends nothing again. A step of a schedule
    that is gone ends without a request.

    Raises:
        StoreUnavailableError: worth another delivery.
    """
    step = deps.jobs.find_step(message.tenant_id, message.job_id, message.position)
    job = None if step is None else deps.jobs.find(message.tenant_id, message.job_id)
    if step is None or job is None:
        return StepRun()
    invocation = replace(invocation, actor=job.actor, correlation_id=job.correlation_id)
    run = _run(deps, job, step, deliveries, invocation)
    return replace(run, correlation_id=job.correlation_id)


def _run(
    deps: JobWorkDependencies, job: Job, step: JobStep, deliveries: int, invocation: Invocation
) -> StepRun:
    if step.status is not StepStatus.WAITING:
        return _end(deps, step)
    if job.schedule_id is not None and deps.schedules.find(job.tenant_id, job.schedule_id) is None:
        return _end(deps, _failed(step, CANCELLED, "The schedule was cancelled before this refresh."))
    if deliveries >= LAST_DELIVERY:
        return _end(deps, _refused(step, TokenUnavailableError("The refresh came to no end. Try again.")))
    if step.next_attempt_at is not None and step.next_attempt_at > deps.refreshing.clock.now():
        return _wait(deps, step, step.next_attempt_at)
    if not step.connection_id:
        return _end(deps, _refused(step, ConnectionNotFoundError()))
    try:
        demanded = refresh_on_demand(
            deps.refreshing,
            ConnectionKey(tenant_id=step.tenant_id, connection_id=step.connection_id),
            reason=RefreshReason.MANUAL if job.kind is JobKind.REFRESH else RefreshReason.JOB,
            issued_after=job.created_at,
            invocation=invocation,
        )
    except EvertokenError as error:
        return _fail(deps, job, step, error, None)
    return replace(_settle(deps, job, step, demanded), result=demanded.result)


def _settle(deps: JobWorkDependencies, job: Job, step: JobStep, demanded: DemandedRefresh) -> StepRun:
    row = demanded.connection
    if demanded.outcome is DemandOutcome.IN_FLIGHT:
        return StepRun(step=step, postponed=Postponed(seconds=IN_FLIGHT_SECONDS))
    if demanded.result.kind is RefreshResultKind.NO_TIME:
        return StepRun(step=step, postponed=Postponed(seconds=NO_TIME_SECONDS))
    step = replace(step, provider_id=row.provider_id, account=row.account, expires_at=row.expires_at)
    if demanded.refusal is not None:
        return _fail(deps, job, step, demanded.refusal, row)
    assert demanded.outcome is not None
    outcome, made = demanded.outcome.value, step.attempts + 1
    return _end(deps, replace(step, status=StepStatus.SUCCEEDED, attempts=made, outcome=outcome))


def _fail(
    deps: JobWorkDependencies, job: Job, step: JobStep, refusal: EvertokenError, row: Connection | None
) -> StepRun:
    """Put the step off until its next attempt, or end it when there is none."""
    made = step.attempts + 1
    if made >= job.retries.attempts or is_final(refusal, row):
        return _end(deps, _refused(replace(step, attempts=made), refusal))
    clock = deps.refreshing.clock
    wait = wait_seconds(
        job.retries,
        attempts_made=made,
        refusal=refusal,
        row=row,
        clock=clock,
        randomness=deps.refreshing.randomness,
    )
    next_attempt_at = clock.now() + timedelta(seconds=wait)
    deps.jobs.count_attempt(step, next_attempt_at=next_attempt_at)
    return _wait(deps, replace(step, attempts=made), next_attempt_at)


def _wait(deps: JobWorkDependencies, step: JobStep, moment: datetime) -> StepRun:
    seconds = math.ceil((moment - deps.refreshing.clock.now()).total_seconds())
    return StepRun(step=step, postponed=Postponed(seconds=max(1, seconds)))


def _end(deps: JobWorkDependencies, step: JobStep) -> StepRun:
    job = deps.jobs.finish_step(step, now=deps.refreshing.clock.now())
    if job is not None and job.has_ended:
        if job.schedule_id is not None:
            # Else each delayed refresh would be read with every list of schedules for a week.
            deps.schedules.forget_spent(job.tenant_id, job.schedule_id, job_id=job.job_id)
        trim_jobs(deps.jobs, job.tenant_id)
    return StepRun(step=step)


def _refused(step: JobStep, refusal: EvertokenError) -> JobStep:
    return _failed(step, refusal.code, refusal.message)


def _failed(step: JobStep, code: str, message: str) -> JobStep:
    return replace(step, status=StepStatus.FAILED, code=code, message=message)
