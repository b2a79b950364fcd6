"""The routes of operating connections: batches, jobs, schedules, statistics, audit and ledgers."""

from __future__ import annotations

from collections.abc import Mapping

from evertoken.adapters.system import SystemClock
from evertoken.bootstrap import build_verifier
from evertoken.entrypoints.api import Api
from evertoken.entrypoints.audit_routes import audit_routes
from evertoken.entrypoints.job_routes import job_routes
from evertoken.entrypoints.ledger_routes import ledger_routes
from evertoken.entrypoints.schedule_routes import schedule_routes
from evertoken.entrypoints.statistics_routes import statistics_routes
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import OperationsApiSettings

CURSOR_KEY_OWNER = "-cursors"
"""Whose data key seals the cursors of these lists: nobody's, so that this function can open no tenant's token sets."""


def build_operations_api(environ: Mapping[str, str]) -> Api:
    """Return the operations API for this environment. Raises ConfigurationError."""
    settings = OperationsApiSettings.from_env(environ)
    return Api(
        job_routes() + schedule_routes() + statistics_routes() + audit_routes() + ledger_routes(),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=SystemClock(),
        telemetry=Telemetry(stage=settings.stage, service="operations_api"),
    )
