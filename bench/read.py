"""What a read of a fresh token costs in token_reader, beside one bare consistent GetItem and one AES-GCM decryption."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

from bench.api_token import ApiKey, read_event
from bench.canned_aws import TABLE, CannedAws, InProcessAws, install
from bench.environments import Context
from bench.interleave import interleave, median_ratio
from bench.refreshing import ENVIRON, BenchError
from bench.report import Figure, Report
from bench.sample import Sample
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from evertoken.adapters.aws_clients import dynamodb_client
from evertoken.adapters.dynamodb_keys import connection_key
from evertoken.domain.connection import Connection
from evertoken.entrypoints.token_reader import build_token_reader

BUDGET = 2.0
UNITS, REPETITIONS = 60, 21


def measure() -> Report:
    """Measure processor time in process, AWS answered at once: verification of the caller, read, decryption, answer, log line."""
    sample, key = Sample(token_endpoint="http://127.0.0.1:9/token"), ApiKey()
    row = sample.connection(1, "refresh-token", issued_seconds_ago=60)
    aws = InProcessAws(canned=CannedAws(sample, [row], public_key=key.public_der))
    install(aws)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        reader = build_token_reader(ENVIRON)
        event = read_event(row.connection_id, key.sign())

        def ours() -> None:
            if reader.handle(event, Context())["statusCode"] != 200:
                raise BenchError("The read was refused.")

        spent = interleave(
            {"ours": ours, "floor": _build_floor(sample, row)}, units=UNITS, repetitions=REPETITIONS
        )
    calls = dict(aws.calls)
    if calls["Decrypt"] != 1 or calls["GetPublicKey"] != 1:
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


def _build_floor(sample: Sample, row: Connection) -> Callable[[], None]:
    client, key = dynamodb_client(), connection_key(row.key)
    cipher = AESGCM(sample.data_key)
    purpose = f"evertoken|{row.tenant_id}|token-set|{row.connection_id}|{row.epoch}|{row.generation}".encode()

    def work() -> None:
        item: dict[str, Any] = client.get_item(TableName=TABLE, Key=key, ConsistentRead=True)["Item"]
        sealed = item["sealed"]["B"]
        cipher.decrypt(sealed[1:13], sealed[13:], purpose)

    return work
