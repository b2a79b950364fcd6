"""What a read from the client library's memory costs, beside Powertools' `parameters.get_secret` with a warm cache; and its import, beside boto3's."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider, get_secret
from aws_lambda_powertools.utilities.parameters.constants import DEFAULT_PROVIDERS

from bench.interleave import interleave, median_ratio
from bench.refreshing import BenchError
from bench.report import Figure, Report
from bench.sample import TENANT, connection_id_of
from evertoken.client import AsyncTokenReader, TokenReader
from local.stack import ROOT

READ_BUDGET = 1.0
IMPORT_BUDGET_MS = 10.0
UNITS, REPETITIONS, IMPORTS = 20_000, 15, 11
_PREFIX = f"evertoken/prod/tokens/{TENANT}"
_CONNECTION = connection_id_of(1)
# The reader is made too: what its first use imports belongs to its cost.
_IMPORT = f"""
import sys, time
sys.path.insert(0, "layers/evertoken")
began = time.perf_counter()
import boto3
done_boto3 = time.perf_counter()
from evertoken.client import TokenReader
TokenReader(secret_prefix={_PREFIX!r})
done_reader = time.perf_counter()
from evertoken.client import ConnectionAuth
done_auth = time.perf_counter()
print(done_boto3 - began, done_reader - done_boto3, done_auth - done_reader)
"""


class _Secrets:
    """Stands where the client of Secrets Manager stands, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self._text = json.dumps(
            {
                "access_token": "a" * 600,
                "token_type": "Bearer",
                "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
                "scope": "read",
                "generation": 1,
                "connection_id": _CONNECTION,
                "extra": {},
            }
        )

    def get_secret_value(self, **_: object) -> dict[str, Any]:
        self.calls += 1
        return {"SecretString": self._text, "ResponseMetadata": {"HTTPHeaders": {}}}


def measure() -> Report:
    """Measure both readers and Powertools in turns, and imports in processes of their own."""
    ours: Any = _Secrets()
    theirs: Any = _Secrets()
    reader = TokenReader(secret_prefix=_PREFIX, secrets_client=ours)
    async_reader = AsyncTokenReader(secret_prefix=_PREFIX, secrets_client=ours)
    DEFAULT_PROVIDERS["secrets"] = SecretsProvider(boto3_client=theirs)
    name = f"{_PREFIX}/{_CONNECTION}"

    async def await_reads() -> None:
        for _ in range(UNITS):
            await async_reader.get(_CONNECTION)

    with asyncio.Runner() as runner:
        spent = interleave(
            {
                "reader": lambda: _repeat(lambda: reader.get(_CONNECTION)),
                "async reader": lambda: runner.run(await_reads()),
                "powertools": lambda: _repeat(lambda: get_secret(name, max_age=3600)),
            },
            units=1,
            repetitions=REPETITIONS,
        )
    if (ours.calls, theirs.calls) != (2, 1):
        raise BenchError("A read that should have come from memory asked Secrets Manager.")
    figures = [
        Figure(
            name=f"cached read, {which}, CPU beside powertools",
            value=median_ratio(spent[which].cpu, spent["powertools"].cpu),
            unit="x",
            budget=READ_BUDGET,
        )
        for which in ("reader", "async reader")
    ]
    figures += [
        Figure(name=f"cached read, {which}", value=spent[which].cpu_ms * 1000 / UNITS, unit="µs")
        for which in spent
    ]
    figures.append(
        Figure(name="calls of Secrets Manager for a miss", value=_calls_of_a_miss(), unit="calls", budget=1)
    )
    return Report(
        name="client_read",
        title="a read from the client library's memory beside powertools get_secret; imports",
        figures=[*figures, *_imports()],
        notes=[
            "the import of the reader is timed after boto3's, in the same process, with compiled bytecode"
        ],
    )


def _repeat(read: Any) -> None:
    for _ in range(UNITS):
        read()


def _calls_of_a_miss() -> int:
    secrets: Any = _Secrets()
    TokenReader(secret_prefix=_PREFIX, secrets_client=secrets).get(_CONNECTION)
    calls: int = secrets.calls
    return calls


def _imports() -> list[Figure]:
    took: list[list[float]] = []
    for repetition in range(IMPORTS + 1):
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT], cwd=ROOT, capture_output=True, text=True, check=True
        )
        if repetition > 0:  # the first fills the file cache and writes bytecode
            took.append([float(one) * 1000 for one in done.stdout.split()])
    boto3, reader, auth = (statistics.median(column) for column in zip(*took, strict=True))
    return [
        Figure(name="import of the reader beside boto3's", value=reader, unit="ms", budget=IMPORT_BUDGET_MS),
        Figure(name="import of boto3", value=boto3, unit="ms"),
        Figure(name="import of ConnectionAuth, httpx included, after both", value=auth, unit="ms"),
    ]
