"""Cold starts of the built functions under AWS's own runtime client, beside a function that imports boto3 and makes the clients.

Both sides run in the same bare environment (awslambdaric and boto3) with compiled bytecode. Two answers are timed from the spawn: one
without any AWS call (a caller without a token, a hint that is none), and a real one (a token is read, a token is refreshed), where the other
side makes the same AWS calls and the same POST.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.api_token import ApiKey, read_event
from bench.bare_function import write_bare_function
from bench.canned_aws import CannedAws, InProcessAws, install
from bench.canned_server import serving
from bench.environments import Context, batch_event, hint_event
from bench.interleave import median_ratio
from bench.provider_process import RunningProvider, running_provider
from bench.refreshing import ENVIRON, BenchError, Recorded, build, record_refresh
from bench.report import Figure, Report
from bench.sample import Sample
from evertoken.entrypoints.token_reader import build_token_reader
from local import deploy
from local.stack import LocalStack
from tests.support.lambda_function import BuiltFunction
from tests.support.lambda_sandbox import LambdaSandbox

STARTS = 10
BUDGET = 1.5
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One kind of cold start: ours and the floor's function, the event of each, and what ours must have answered."""

    name: str
    ours: BuiltFunction
    ours_event: dict[str, Any]
    floor: BuiltFunction
    floor_event: dict[str, Any]
    is_right: Callable[[Any], bool]


def measure() -> Report:
    """Measure medians of ten starts, ours and the floor's in turn."""
    with (
        running_provider(grants=1) as provider,
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
    ):
        world = _World(provider)
        with serving(world.canned) as endpoint:
            starts = world.starts(Path(scratch), endpoint)
            figures = [figure for start in starts for figure in _measure(start)]
    return Report(
        name="cold_start",
        title=f"spawn to first answer, median of {STARTS}, beside import boto3 + clients",
        figures=figures,
        notes=["both sides speak http to AWS on loopback: no TLS handshake, no download of code"],
    )


class _World:
    """The canned AWS, and what the real work asks of it."""

    def __init__(self, provider: RunningProvider) -> None:
        sample = Sample(token_endpoint=provider.token_endpoint)
        self._due = sample.connection(1, provider.refresh_tokens[0])
        self._fresh = sample.connection(2, "refresh-token", issued_seconds_ago=60)
        key = ApiKey()
        self._access_token = key.sign()
        self.canned = CannedAws(sample, [self._due, self._fresh], public_key=key.public_der)

    def starts(self, scratch: Path, endpoint: str) -> list[Start]:
        """Return what is measured; *scratch* holds the functions."""
        environment = {**ENVIRON, **CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
        built = {
            name: replace(function, environment=environment)
            for name, function in _copy_built(scratch).items()
        }
        reader, refresher = built["token_reader"], built["refresher"]
        bare_reader = _bare(scratch / "bare_reader", self._record_read(), environment)
        bare_refresher = _bare(scratch / "bare_refresher", self._record_refresh(), environment)
        read = read_event(self._fresh.connection_id, self._access_token)
        refused = read_event(self._fresh.connection_id, "no.access.token")
        return [
            Start(
                name="token_reader, caller refused",
                ours=reader,
                ours_event=refused,
                floor=bare_reader,
                floor_event={},
                is_right=lambda answer: answer["statusCode"] == 401,
            ),
            Start(
                name="token_reader, token read",
                ours=reader,
                ours_event=read,
                floor=bare_reader,
                floor_event={"work": True},
                is_right=lambda answer: answer["statusCode"] == 200,
            ),
            Start(
                name="refresher, nothing to do",
                ours=refresher,
                ours_event=batch_event(["no hint"]),
                floor=bare_refresher,
                floor_event={},
                is_right=_took_all,
            ),
            Start(
                name="refresher, token refreshed",
                ours=refresher,
                ours_event=hint_event([self._due]),
                floor=bare_refresher,
                floor_event={"work": True},
                is_right=_took_all,
            ),
        ]

    def _record_read(self) -> Recorded:
        aws = InProcessAws(canned=self.canned, parameters=[])
        install(aws)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  # a device
            reader = build_token_reader(ENVIRON)
            reader.handle(read_event(self._fresh.connection_id, self._access_token), Context())
        assert aws.parameters is not None
        return Recorded(calls=aws.parameters, request=None)

    def _record_refresh(self) -> Recorded:
        aws = InProcessAws(canned=self.canned)
        install(aws)
        return record_refresh(build(), self._due, aws)


def _measure(start: Start) -> list[Figure]:
    ours: list[float] = []
    floor: list[float] = []
    for repetition in range(STARTS + 1):
        mine = _time(start.ours, start.ours_event, start.is_right)
        other = _time(start.floor, start.floor_event, lambda answer: answer is not None)
        if repetition > 0:  # the first start of each also fills the file cache
            ours.append(mine)
            floor.append(other)
    return [
        Figure(
            name=f"{start.name}: beside the floor", value=median_ratio(ours, floor), unit="x", budget=BUDGET
        ),
        Figure(name=f"{start.name}: ours", value=statistics.median(ours), unit="ms"),
        Figure(name=f"{start.name}: floor", value=statistics.median(floor), unit="ms"),
    ]


def _time(function: BuiltFunction, event: dict[str, Any], is_right: Callable[[Any], bool]) -> float:
    with LambdaSandbox(function, timeout_seconds=45) as sandbox:
        began = time.perf_counter()
        result = sandbox.invoke(event)
        took = (time.perf_counter() - began) * 1000
    if result.error_type is not None or not is_right(result.payload):
        raise BenchError(f"{function.name} answered otherwise: {result.error_type}")
    return took


def _copy_built(scratch: Path) -> dict[str, BuiltFunction]:
    """Build if need be, and return copies of the two functions and their layer: a build meanwhile must not pull them away."""
    deploy.ensure_built(LocalStack())
    layer = scratch / "layer"
    shutil.copytree(deploy.BUILD / "EvertokenLayer", layer)
    copies = {}
    for name, logical_id in (("token_reader", "TokenReaderFunction"), ("refresher", "RefresherFunction")):
        code = scratch / name
        shutil.copytree(deploy.BUILD / logical_id, code)
        copies[name] = BuiltFunction(
            name=logical_id, code=code, layer=layer, handler="handler.handler", timeout_seconds=45
        )
    return copies


def _bare(directory: Path, recorded: Recorded, environment: Mapping[str, str]) -> BuiltFunction:
    directory.mkdir()
    write_bare_function(directory, recorded)
    return BuiltFunction(
        name=directory.name,
        code=directory,
        layer=directory / "none",
        handler="handler.handler",
        timeout_seconds=45,
        environment=environment,
    )


def _took_all(answer: Any) -> bool:
    return bool(answer == {"batchItemFailures": []})
