"""Log lines and metrics: identifiers, closed codes and numbers only. Powertools writes them; nothing here takes a request, an answer or a row."""

from __future__ import annotations

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConfigurationError, EvertokenError, VaultSealedError
from evertoken.entrypoints.request_log import where_from
from evertoken.usecases.refresh_attempt import RefreshResult, RefreshResultKind

Field = str | int | float | bool | None


class Telemetry:
    """What a function tells about its work.

    Metrics have the stage as their only dimension: what CloudWatch bills is each combination, and alarms watch exactly that one. Who and what it
    was stands in the log line beside.
    """

    def __init__(self, *, stage: str, service: str) -> None:
        self.logger = Logger(service=service, log_uncaught_exceptions=False)
        self._metrics = EphemeralMetrics(namespace="Evertoken")
        self._metrics.set_default_dimensions(stage=stage)

    def log(self, event: str, **fields: Field) -> None:
        """Write one line."""
        self.logger.info(event, extra=fields)

    def error(self, error: EvertokenError) -> None:
        """Count an error of ours that an operator has to see to: a key or a secret that cannot be had, or a wrong deployment."""
        if isinstance(error, VaultSealedError | ConfigurationError):
            self.count("ConfigurationFault", 1)

    def defect(self, error: BaseException) -> None:
        """Write down an error that nobody foresaw, by its type and place: its text may hold anything."""
        self.logger.error("defect", extra={"fault": where_from(error)})
        self.count("Defects", 1)

    def count(self, name: str, value: int) -> None:
        """Add to a counter."""
        self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)

    def seconds(self, name: str, value: float) -> None:
        """Record a duration."""
        self._metrics.add_metric(name=name, unit=MetricUnit.Seconds, value=value)

    def refresh(self, result: RefreshResult, key: ConnectionKey, *, trigger: str) -> None:
        """Write down how an attempt ended."""
        failure = result.failure
        self.log(
            "refresh",
            outcome=result.kind.value,
            trigger=trigger,
            tenant_id=key.tenant_id,
            connection_id=key.connection_id,
            provider=result.provider_id,
            generation=result.connection.generation if result.connection else None,
            failure=failure.kind.value if failure else None,
            failure_code=failure.code if failure else None,
            trace_id=failure.trace_id if failure else None,
            requests=result.requests_sent,
        )
        if result.requests_sent or result.failure:
            self.count("Refreshed" if result.kind is RefreshResultKind.REFRESHED else "RefreshFailed", 1)
        if result.paused_registration:
            self.count("RegistrationPaused", 1)
        if result.lost_in_window:
            self.count("LostInWindow", 1)
        if result.kind is RefreshResultKind.RESCUED:
            self.count("Rescued", 1)
        if result.publication_is_owed:
            self.count("PublicationsOwed", 1)

    def flush(self) -> None:
        """Write the metrics of this invocation."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()
