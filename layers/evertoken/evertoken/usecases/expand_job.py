"""Find out which connections a job is about, and begin its steps; done again, it comes to the same steps."""

from __future__ import annotations

from evertoken.domain.job import JobExpansion, JobStatus, JobStep, JobStepDue, StepStatus
from evertoken.usecases.choose_targets import choose_targets
from evertoken.usecases.job_work import JobWorkDependencies, Postponed, trim_jobs

ITEM_DELIVERIES = 20
"""How often a message waits for the item of its job, which is written after it."""
ITEM_PAUSE_SECONDS = 2
"""How long it waits each time: longer in all than the function that creates jobs may run."""


def expand_job(deps: JobWorkDependencies, expansion: JobExpansion, *, deliveries: int) -> Postponed | None:
    """Write the job's steps and send a message for each that waits; return whether the message has to come back.

    Raises:
        StoreUnavailableError: worth another delivery.
    """
    tenant_id, job_id = expansion.tenant_id, expansion.job_id
    job = deps.jobs.find(tenant_id, job_id)
    if job is None:
        return Postponed(seconds=ITEM_PAUSE_SECONDS) if deliveries < ITEM_DELIVERIES else None
    if job.status is JobStatus.WAITING:
        selection = deps.jobs.find_selection(tenant_id, job_id)
        if selection is None:
            return None
        store, clock = deps.refreshing.store, deps.refreshing.clock
        targets, is_truncated = choose_targets(store, clock, tenant_id, selection)
        targets, is_truncated = deps.jobs.fix_targets(job, targets, is_truncated=is_truncated)
        steps = [
            JobStep(
                tenant_id=tenant_id,
                job_id=job_id,
                position=position,
                connection_id=target.connection_id,
                provider_id=target.provider_id,
                account=target.account,
                attempts=job.attempts_made,
                next_attempt_at=job.not_before,
            )
            for position, target in enumerate(targets)
        ]
        job = deps.jobs.begin(job, steps, is_truncated=is_truncated, now=clock.now())
    if job.has_ended:
        trim_jobs(deps.jobs, tenant_id)
        return None
    waiting = [one for one in deps.jobs.list_steps(tenant_id, job_id) if one.status is StepStatus.WAITING]
    deps.queue.send(
        JobStepDue(tenant_id=tenant_id, job_id=job_id, position=step.position) for step in waiting
    )
    return None
