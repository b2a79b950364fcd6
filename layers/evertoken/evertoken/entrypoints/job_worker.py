"""Messages of the job queue: what has to wait is made invisible until its time and reported as not done, so that it keeps its count of deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evertoken.adapters.job_messages import parse_job_message
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.job import JobExpansion, JobStepDue, ScheduleTick
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.usecases.begin_scheduled_job import begin_scheduled_job
from evertoken.usecases.expand_job import expand_job
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.job_work import JobWorkDependencies, Postponed
from evertoken.usecases.run_job_step import run_job_step


class JobWorker:
    """Works on one message at a time; safe for many threads."""

    def __init__(self, dependencies: JobWorkDependencies, telemetry: Telemetry) -> None:
        self._deps = dependencies
        self._telemetry = telemetry

    def work(self, record: Mapping[str, Any], invocation: Invocation) -> bool:
        """Return whether the message is done with. Raises EvertokenError: it is to be delivered again when that is retryable."""
        deliveries = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
        message = parse_job_message(record["body"])
        match message:
            case None:
                self._telemetry.log("malformed_job_message", length=len(record["body"]))
                self._telemetry.count("MalformedMessages", 1)
                return True
            case JobExpansion():
                postponed = expand_job(self._deps, message, deliveries=deliveries)
            case JobStepDue():
                postponed = self._run(message, deliveries, invocation)
            case ScheduleTick():
                self._begin(message, record["messageId"])
                postponed = None
        if postponed is None:
            return True
        self._deps.queue.postpone(record["receiptHandle"], seconds=postponed.seconds)
        return False

    def _begin(self, tick: ScheduleTick, message_id: str) -> None:
        job = begin_scheduled_job(self._deps.ticking, tick, message_id=message_id)
        self._telemetry.log(
            "schedule_tick",
            tenant_id=tick.tenant_id,
            schedule_id=tick.schedule_id,
            job_id=None if job is None else job.job_id,
        )

    def _run(self, message: JobStepDue, deliveries: int, invocation: Invocation) -> Postponed | None:
        run = run_job_step(self._deps, message, deliveries=deliveries, invocation=invocation)
        step = run.step
        if step is None:
            return run.postponed
        if run.result is not None:
            key = ConnectionKey(tenant_id=step.tenant_id, connection_id=step.connection_id)
            self._telemetry.refresh(run.result, key, trigger="job")
        self._telemetry.log(
            "job_step",
            tenant_id=step.tenant_id,
            job_id=step.job_id,
            position=step.position,
            status=step.status.value,
            code=step.code or None,
            attempts=step.attempts,
            correlation_id=run.correlation_id,
        )
        return run.postponed
