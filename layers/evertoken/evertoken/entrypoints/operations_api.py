"""The routes of operating connections: batches, jobs, schedules, statistics, audit and ledgers."""

from __future__ import annotations

from collections.abc import Mapping

from evertoken import bootstrap_operations
from evertoken.adapters.system import SystemClock
from evertoken.bootstrap import build_admission, build_revocation_list, build_verifier
from evertoken.entrypoints.api import Api
from evertoken.entrypoints.audit_routes import audit_routes
from evertoken.entrypoints.job_routes import job_routes
from evertoken.entrypoints.ledger_routes import ledger_routes
from evertoken.entrypoints.schedule_routes import schedule_routes
from evertoken.entrypoints.statistics_routes import statistics_routes
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import OperationsApiSettings


def build_operations_api(environ: Mapping[str, str]) -> Api:
    """Return the operations API for this environment. Raises ConfigurationError."""
    settings = OperationsApiSettings.from_env(environ)
    return Api(
        job_routes(bootstrap_operations.build_creating_jobs(settings))
        + schedule_routes(bootstrap_operations.build_scheduling(settings))
        + statistics_routes(bootstrap_operations.build_statistics(settings))
        + audit_routes(bootstrap_operations.build_auditing(settings))
        + ledger_routes(bootstrap_operations.build_ledger_reading(settings)),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=SystemClock(),
        telemetry=Telemetry(stage=settings.stage, service="operations_api"),
        admission=build_admission(
            build_revocation_list(settings.table_name),
            requests_per_second=settings.client_requests_per_second,
        ),
        audit=bootstrap_operations.build_audit_trail(
            settings.table_name, retention_days=settings.audit_retention_days
        ),
    )
