"""What a scan reads: it must grow with what is due, not with what is stored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bench.report import Figure, Report
from bench.sample import SHARDS, Sample, connection_id_of
from bench.stack import StackUnavailableError, running_stack
from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.adapters.dynamodb_items import to_item
from evertoken.domain.connection import Connection
from evertoken.ports import ConnectionStore
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.scan_due import ScanDependencies, scan_due
from local.deploy import build_session
from local.stack import LocalStack
from tests.contract.template_table import create_table
from tests.fakes.clock import FakeClock
from tests.fakes.connection_rows import FakeRows
from tests.fakes.queue import FakeHintQueue
from tests.fakes.scan_cursor import FakeScanCursor

DUE = 500
SMALL, MIDDLE, LARGE = 1_000, 20_000, 1_000_000
BUDGET = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What one scan found and what it read."""

    candidates: int
    read: float


def measure() -> Report:
    """Scan tables of different sizes in which equally many connections are due."""
    on_fake = {rows: _scan_fake(rows) for rows in (SMALL, MIDDLE, LARGE)}
    small = on_fake[SMALL].read / on_fake[SMALL].candidates
    figures = [
        Figure(
            name=f"read units per due connection, {LARGE:,} beside {SMALL:,} rows (fake that bills)",
            value=on_fake[LARGE].read / on_fake[LARGE].candidates / small,
            unit="x",
            budget=BUDGET,
        ),
        *(
            Figure(
                name=f"read units of one scan, {rows:,} rows, {DUE} due (fake)",
                value=scanned.read,
                unit="RRU",
            )
            for rows, scanned in on_fake.items()
        ),
    ]
    skipped: list[str] = []
    try:
        with running_stack() as stack:
            deployed = {rows: _scan_emulator(stack, rows) for rows in (SMALL, MIDDLE)}
    except StackUnavailableError as error:
        skipped.append(f"Query calls on the deployed stack: {error}")
    else:
        per_due = {rows: scanned.read / scanned.candidates for rows, scanned in deployed.items()}
        figures.append(
            Figure(
                name=f"ScannedCount per due connection, {MIDDLE:,} beside {SMALL:,} rows (emulator)",
                value=per_due[MIDDLE] / per_due[SMALL],
                unit="x",
                budget=BUDGET,
            )
        )
        figures.extend(
            Figure(
                name=f"ScannedCount of one scan, {rows:,} rows, {DUE} due (emulator)",
                value=scanned.read,
                unit="entries",
            )
            for rows, scanned in deployed.items()
        )
    return Report(
        name="scan",
        title="what a scan reads",
        figures=figures,
        notes=[
            f"{SHARDS} shards; an empty shard costs half a unit as well, so a scan never reads less than {SHARDS / 2:g}"
        ],
        skipped=skipped,
    )


def _rows(count: int, now: datetime) -> Iterator[Connection]:
    """Yield *count* connections: the first DUE, the same in every table, are due now, the others at some later time within the hour."""
    pattern = Sample(token_endpoint="http://127.0.0.1:9/token", now=now).connection(0, "refresh-token")
    for number in range(count):
        later = timedelta(seconds=200 + number % 3_000)
        due_at = now - timedelta(seconds=1) if number < DUE else now + later
        yield replace(
            pattern,
            connection_id=connection_id_of(number),
            refresh_at=due_at,
            due_at=due_at,
            updated_at=now,
        )


def _scan(store: ConnectionStore, clock: FakeClock) -> int:
    queue = FakeHintQueue(clock)
    deps = ScanDependencies(
        store=store, cursor=FakeScanCursor(), queue=queue, clock=clock, shards=SHARDS, parallel=1
    )
    result = scan_due(deps, invocation=Invocation(started_at=clock.now(), ends_at=clock.monotonic() + 55))
    assert result.candidates == result.hints == len(queue.queue.bodies_sent) == DUE
    return result.candidates


def _scan_fake(rows: int) -> Scanned:
    clock = FakeClock()
    store: Any = FakeRows(clock, shards=SHARDS)
    for row in _rows(rows, clock.now()):
        store.index.put(row, row.updated_at)  # the index alone: a million whole rows say nothing more
    return Scanned(candidates=_scan(store, clock), read=store.index.read_units)


def _scan_emulator(stack: LocalStack, rows: int) -> Scanned:
    clock, table = FakeClock(), f"bench-scan-{rows}"
    client = build_session().client("dynamodb", endpoint_url=stack.endpoint)
    create_table(client, table)
    page: list[Any] = []
    for number, row in enumerate(_rows(rows, clock.now()), start=1):
        page.append({"PutRequest": {"Item": to_item(row, SHARDS)}})
        if len(page) == 25 or number == rows:
            answer = client.batch_write_item(RequestItems={table: page})
            assert not answer.get("UnprocessedItems")
            page = []
    scanned: list[int] = []
    client.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: scanned.append(parsed["ScannedCount"])
    )
    candidates = _scan(DynamoDBConnections(client, table, shards=SHARDS), clock)
    client.delete_table(TableName=table)
    assert len(scanned) >= SHARDS
    return Scanned(candidates=candidates, read=math.fsum(scanned))
