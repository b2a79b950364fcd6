"""What a read of a fresh token costs in token_reader, beside one bare consistent GetItem and one AES-GCM decryption."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.api_token import ApiKey, read_event
from bench.canned_aws import TABLE, CannedAws, InProcessAws, install
from bench.environments import Context
from bench.interleave import interleave, median_ratio
from bench.refreshing import ENVIRON, BenchError
from bench.report import Figure, Report
from bench.sample import Sample
from evertoken.adapters.aws_clients import dynamodb_client
from evertoken.adapters.dynamodb_keys import connection_key
from evertoken.entrypoints.token_reader import build_token_reader

BUDGET = 2.0
UNITS, REPETITIONS = 60, 21


@dataclass(frozen=True, slots=True)
class Reads:
    """A token_reader in this process with AWS answered in it, and the floor beside it."""

    ours: Callable[[], None]
    floor: Callable[[], None]
    aws: InProcessAws


def build_reads() -> Reads:
    """Return the work of both sides; what ours logs goes to what standard output is now."""
    sample, key = Sample(token_endpoint="http://127.0.0.1:9/token"), ApiKey()
    row = sample.connection(1, "refresh-token", issued_seconds_ago=60)
    aws = InProcessAws(canned=CannedAws(sample, [row], public_key=key.public_der))
    install(aws)
    reader = build_token_reader(ENVIRON)
    event = read_event(row.connection_id, key.sign())
    client, row_key = dynamodb_client(), connection_key(row.key)
    cipher = AESGCM(sample.data_key)
    bound = f"evertoken|{row.tenant_id}|token-set|{row.connection_id}|{row.epoch}|{row.generation}".encode()

    def ours() -> None:
        if reader.handle(event, Context())["statusCode"] != 200:
            raise BenchError("The read was refused.")

    def floor() -> None:
        item: dict[str, Any] = client.get_item(TableName=TABLE, Key=row_key, ConsistentRead=True)["Item"]
        sealed = item["sealed"]["B"]
        cipher.decrypt(sealed[1:13], sealed[13:], bound)

    return Reads(ours=ours, floor=floor, aws=aws)


def count_log_bytes() -> int:
    """Return what one read in a warm environment writes to its log."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        reads = build_reads()
        reads.ours()
        before = said.tell()
        reads.ours()
    return said.tell() - before


def measure() -> Report:
    """Measure processor time in process, AWS answered at once: verification of the caller, read, decryption, answer, log line."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  # a device
        reads = build_reads()
        spent = interleave({"ours": reads.ours, "floor": reads.floor}, units=UNITS, repetitions=REPETITIONS)
    if reads.aws.calls["Decrypt"] != 1 or reads.aws.calls["GetPublicKey"] != 1:
        raise BenchError("A read asked KMS again.")
    return Report(
        name="read",
        title="one read of a fresh token by token_reader beside GetItem + decrypt",
        figures=[
            Figure(
                name="CPU beside the floor",
                value=median_ratio(spent["ours"].cpu, spent["floor"].cpu),
                unit="x",
                budget=BUDGET,
            ),
            Figure(name="CPU of one read", value=spent["ours"].cpu_ms, unit="ms"),
            Figure(name="CPU of the floor", value=spent["floor"].cpu_ms, unit="ms"),
        ],
    )
