"""Batches of the hint queue, the rescue queue and the job queue: every message by itself, and only what is worth another delivery is returned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from evertoken.adapters.sqs_messages import parse_hint, parse_rescued
from evertoken.bootstrap import build_job_work, build_refreshing
from evertoken.domain.errors import EvertokenError
from evertoken.entrypoints.invocation import LambdaContext, invocation_of
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import RefresherSettings
from evertoken.usecases.adopt_rescued import adopt_rescued
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResultKind

if TYPE_CHECKING:
    from evertoken.entrypoints.job_worker import JobWorker

WORTH_ANOTHER_DELIVERY = frozenset({RefreshResultKind.NO_TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class RefresherEntrypoint:
    """The refresher as Lambda calls it."""

    dependencies: RefreshDependencies
    telemetry: Telemetry
    rescue_queue_name: str
    job_queue_name: str
    open_job_worker: Callable[[], JobWorker]
    """Makes the worker of jobs, once: hints are many and jobs are few, so what they alone need is not loaded for hints."""
    parallel: int = 10

    def handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
        """Work through one batch and name the messages to deliver again; no thread outlives the call."""
        deps = self.dependencies
        invocation = invocation_of(
            context, function_timeout_seconds=deps.timing.function_timeout_seconds, clock=deps.clock
        )
        records = event.get("Records", [])
        with ThreadPoolExecutor(max_workers=max(1, min(self.parallel, len(records)))) as pool:
            done = list(pool.map(lambda record: self._attend(record, invocation), records))
        failed = [record["messageId"] for record, is_done in zip(records, done, strict=True) if not is_done]
        self.telemetry.log("batch", messages=len(records), failed=len(failed))
        self.telemetry.flush()
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _attend(self, record: dict[str, Any], invocation: Invocation) -> bool:
        """Return whether the message is done with. A defect is logged by its kind alone and delivered again, until it is in the dead letter queue."""
        queue_name = str(record.get("eventSourceARN", "")).rpartition(":")[2]
        is_rescue = queue_name == self.rescue_queue_name
        try:
            if queue_name == self.job_queue_name:
                return self.open_job_worker().work(record, invocation)
            return self._adopt(record["body"]) if is_rescue else self._refresh(record["body"], invocation)
        except EvertokenError as error:
            self.telemetry.log("not_attended", code=error.code)
            self.telemetry.error(error)
            return not error.retryable and not is_rescue
        except Exception as error:  # noqa: BLE001  # the last line before Lambda: one bad message must not fail its batch
            self.telemetry.defect(error)
            return False

    def _refresh(self, body: str, invocation: Invocation) -> bool:
        hint = parse_hint(body)
        if hint is None:
            self.telemetry.log("malformed_hint", length=len(body))
            self.telemetry.count("MalformedMessages", 1)
            return True
        invocation = replace(invocation, correlation_id=hint.correlation_id)
        result = attend_connection(self.dependencies, hint, invocation=invocation)
        self.telemetry.refresh(result, hint.key, trigger="schedule" if not hint.asked else "read")
        return result.kind not in WORTH_ANOTHER_DELIVERY

    def _adopt(self, body: str) -> bool:
        rescued = parse_rescued(body)
        if rescued is None:
            self.telemetry.log("malformed_rescue", length=len(body))
            return False  # it may hold the only copy of a grant: it goes to the dead letter queue, where a person looks
        adopted = adopt_rescued(self.dependencies, rescued)
        self.telemetry.log(
            "rescued",
            connection_id=rescued.key.connection_id,
            tenant_id=rescued.key.tenant_id,
            adopted=adopted,
        )
        return True


def build_refresher(environ: Mapping[str, str]) -> RefresherEntrypoint:
    """Return the refresher for this environment. Raises ConfigurationError."""
    settings = RefresherSettings.from_env(environ)
    telemetry = Telemetry(stage=settings.stage, service="refresher")
    refreshing = build_refreshing(settings, http_total_seconds=25, commit_budget_seconds=10)

    @cache
    def open_job_worker() -> JobWorker:
        from evertoken.entrypoints.job_worker import JobWorker

        return JobWorker(build_job_work(settings, refreshing), telemetry)

    return RefresherEntrypoint(
        dependencies=refreshing,
        telemetry=telemetry,
        rescue_queue_name=settings.rescue_queue_url.rpartition("/")[2],
        job_queue_name=settings.job_queue_url.rpartition("/")[2],
        open_job_worker=open_job_worker,
    )
