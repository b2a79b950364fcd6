"""What a connection costs in a month by the public price list: counted calls, write units and log bytes times bench/prices.py.

What cannot be counted here is assumed, and stands in `Assumptions`.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench import prices
from bench.billing import read_units
from bench.counted import Counted, count_refresh
from bench.environments import BATCH
from bench.provider_process import running_provider
from bench.read import count_log_bytes
from bench.report import Figure, Report
from bench.sample import LIFETIME_SECONDS, SHARDS, connection_id_of
from evertoken.domain.connection import PublicationMode, RefreshPolicy
from evertoken.domain.schedule import plan_refresh

HOUR_SECONDS, MONTH_HOURS = 3600, 730
GIGABYTE = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What the budget's row gives (connections, reads) and what is guessed; change it here."""

    connections: int = 100_000
    reads_an_hour: float = 10.0
    token_set_bytes: int = 3 * 1024
    readers: int = 4
    """Environments that share a connection's reads, each with a cache of its own until the token expires."""
    batch_seconds: float = 0.9
    """A refresher's batch of ten: provider and AWS, most of it waiting."""
    read_seconds: float = 0.025
    memory_gigabytes: float = 0.5
    key_cache_misses: float = 0.02
    """Part of the refreshes whose data key has to be decrypted by KMS again."""
    platform_log_bytes: int = 350
    """START, END and REPORT of an invocation."""
    metrics: int = 15
    alarms: int = 13
    kms_keys: int = 2


MODEL_FIGURES = {
    "the cost model's design of this kind, cached": 0.0061,
    "... read through the HTTP API": 0.018,
}
"""What the cost model that preceded this design had for 100,000 connections with tokens of an hour, in $ a connection-month."""


def measure() -> Report:
    """Count, and add up for both publication modes, with reads that a client caches and reads that all arrive."""
    figures: list[Figure] = []
    notes: list[str] = []
    usual, smaller = Assumptions(), Assumptions(token_set_bytes=1024)
    period = refresh_period_seconds()
    read_log_bytes = count_log_bytes()
    with running_provider(grants=1) as provider:
        for publication in (PublicationMode.API_ONLY, PublicationMode.SECRETS_MANAGER):
            for assumed, is_cached in ((usual, True), (usual, False), (smaller, True)):
                counted = count_refresh(provider, publication, token_set_bytes=assumed.token_set_bytes)
                lines = monthly_lines(
                    publication,
                    counted,
                    assumed,
                    period=period,
                    read_log_bytes=read_log_bytes,
                    is_cached=is_cached,
                )
                reads = "reads cached by clients" if is_cached else "every read arrives"
                name = f"{publication.value}, token sets of {assumed.token_set_bytes / 1024:g} KB, {reads}"
                value = sum(lines.values()) / assumed.connections
                figures.append(Figure(name=name, value=value, unit="$/connection-month"))
                parts = ", ".join(f"{line} {cost:,.0f}" for line, cost in lines.items() if cost >= 0.5)
                notes.append(f"{name}, $ a month for {assumed.connections:,}: {parts}")
                if is_cached:
                    notes.append(_describe(publication, counted, assumed))
    notes.append(
        f"mean time between two refreshes of a token of an hour: {period:.0f} s; one read logs {read_log_bytes} bytes"
    )
    figures += [
        Figure(name=name, value=value, unit="$/connection-month") for name, value in MODEL_FIGURES.items()
    ]
    return Report(
        name="cost",
        title=f"list price for {usual.connections:,} connections with tokens of an hour, {usual.reads_an_hour:g} reads an hour",
        figures=figures,
        notes=notes,
    )


def _describe(publication: PublicationMode, counted: Counted, assumed: Assumptions) -> str:
    units = ", ".join(f"{where} {number}" for where, number in sorted(counted.write_units.items()))
    calls = ", ".join(f"{number} {call}" for call, number in sorted(counted.calls.items()))
    size = f"{assumed.token_set_bytes / 1024:g} KB"
    return f"one refresh, {publication.value}, {size}: {calls}; write units: {units}; log {counted.log_bytes} bytes"


def refresh_period_seconds() -> float:
    """Return the mean time from issue to the planned refresh, over many connections."""
    issued_at = datetime(2026, 11, 21, tzinfo=UTC)
    plans = [
        plan_refresh(
            connection_id=connection_id_of(number),
            policy=RefreshPolicy.SCHEDULED,
            issued_at=issued_at,
            expires_at=issued_at + timedelta(seconds=LIFETIME_SECONDS),
            refresh_token_expires_at=None,
            renewable=True,
            minimum_age_seconds=0,
            late=False,
        )
        for number in range(2_000)
    ]
    return statistics.fmean((plan - issued_at).total_seconds() for plan in plans if plan is not None)


def monthly_lines(
    publication: PublicationMode,
    counted: Counted,
    assumed: Assumptions,
    *,
    period: float,
    read_log_bytes: int,
    is_cached: bool,
) -> dict[str, float]:
    """Return the bill of a month by line, in dollars."""
    n = assumed.connections
    refreshes = n * MONTH_HOURS * HOUR_SECONDS / period
    reads = n * assumed.reads_an_hour * MONTH_HOURS * (_miss_ratio(assumed, period) if is_cached else 1.0)
    is_published = publication is PublicationMode.SECRETS_MANAGER
    reads_by_api = 0.0 if is_published else reads
    scans = MONTH_HOURS * 60
    scan_units = max(SHARDS / 2, read_units(int(n * 60 / period * counted.due_entry_bytes), consistent=False))
    invocations = refreshes / BATCH
    gigabyte_seconds = assumed.memory_gigabytes * (
        invocations * assumed.batch_seconds + reads_by_api * assumed.read_seconds
    )
    stored = n * counted.stored_bytes / GIGABYTE
    log_bytes = refreshes * (counted.log_bytes + assumed.platform_log_bytes / BATCH)
    log_bytes += reads_by_api * (read_log_bytes + assumed.platform_log_bytes)
    secret_calls = refreshes * counted.calls["PutSecretValue"] + (reads if is_published else 0.0)
    return {
        "secrets": n * prices.SECRET_MONTH if is_published else 0.0,
        "Secrets Manager calls": secret_calls * prices.SECRETS_MANAGER_CALL,
        "DynamoDB writes": refreshes * counted.write_units.total() * prices.WRITE_UNIT,
        "DynamoDB reads": (scans * scan_units + reads_by_api * counted.read_units) * prices.READ_UNIT,
        "DynamoDB storage": stored * (prices.TABLE_GIGABYTE_MONTH + prices.BACKUP_GIGABYTE_MONTH),
        "KMS": assumed.kms_keys * prices.KMS_KEY_MONTH
        + refreshes * assumed.key_cache_misses * prices.KMS_CALL,
        "SQS": refreshes / BATCH * (3 * prices.SQS_REQUEST + prices.FAIR_QUEUE_REQUEST),
        "Lambda": prices.tiered(gigabyte_seconds, prices.LAMBDA_GIGABYTE_SECOND)
        + (invocations + reads_by_api + scans) * prices.LAMBDA_REQUEST,
        "HTTP API": prices.tiered(reads_by_api, prices.HTTP_API_REQUEST),
        "logs": prices.tiered(log_bytes / GIGABYTE, prices.LOG_GIGABYTE),
        "metrics, alarms, schedule": assumed.metrics * prices.METRIC_MONTH
        + assumed.alarms * prices.ALARM_MONTH
        + scans * prices.SCHEDULE_INVOCATION,
    }


def _miss_ratio(assumed: Assumptions, period: float) -> float:
    """Return the part of the reads that no cache answers: reads arrive at random, one cache a reader, kept until the token's refresh."""
    return 1 / (1 + assumed.reads_an_hour / assumed.readers * period / HOUR_SECONDS)
