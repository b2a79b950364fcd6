"""Execution environments of the refresher as processes of this machine: each has its own interpreter, clients and batch, as on Lambda."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

from bench.canned_aws import CannedAws, InProcessAws, install
from bench.provider_process import RunningProvider
from bench.refreshing import ENVIRON, BenchError
from bench.sample import Sample, hint_of
from evertoken.adapters.sqs_messages import encode_hint
from evertoken.domain.connection import Connection
from evertoken.entrypoints.refresher import RefresherEntrypoint, build_refresher

BATCH = 10
"""Messages of one invocation, as template.yaml has it."""


@dataclass(slots=True, kw_only=True)
class Context:
    """As much of Lambda's context as the entrypoints read."""

    aws_request_id: str = "bench"
    remaining_seconds: float = 45.0

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still run."""
        return int(self.remaining_seconds * 1000)


@dataclass(slots=True, kw_only=True)
class Environment:
    """One warm refresher and the batch that it is given again and again."""

    entrypoint: RefresherEntrypoint
    aws: InProcessAws
    event: dict[str, Any]

    def run(self, batches: int) -> None:
        """Work through the batch *batches* times. Raises BenchError: a token was not refreshed."""
        puts_before = self.aws.calls["PutSecretValue"]
        for _ in range(batches):
            answer = self.entrypoint.handle(self.event, Context())
            if answer["batchItemFailures"]:
                raise BenchError("The refresher gave hints back.")
        if self.aws.calls["PutSecretValue"] - puts_before != batches * len(self.event["Records"]):
            raise BenchError("Not every hint led to a publication.")


def hint_event(rows: Sequence[Connection]) -> dict[str, Any]:
    """Return the event of a batch of hints at *rows*."""
    return batch_event([encode_hint(hint_of(row)) for row in rows])


def batch_event(bodies: Sequence[str]) -> dict[str, Any]:
    """Return the event of a batch of messages of the hint queue."""
    arn = f"arn:aws:sqs:us-east-1:000000000000:{ENVIRON['HINT_QUEUE_URL'].rpartition('/')[2]}"
    return {
        "Records": [
            {"messageId": str(number), "eventSourceARN": arn, "body": body}
            for number, body in enumerate(bodies)
        ]
    }


def build_environment(provider: RunningProvider, *, latency_seconds: float) -> Environment:
    """Return a refresher in this process, wired by its own composition root, and ten due connections."""
    sample = Sample(token_endpoint=provider.token_endpoint)
    rows = [sample.connection(number, token) for number, token in enumerate(provider.refresh_tokens[:BATCH])]
    aws = InProcessAws(canned=CannedAws(sample, rows), latency_seconds=latency_seconds)
    install(aws)
    return Environment(entrypoint=build_refresher(ENVIRON), aws=aws, event=hint_event(rows))


class EnvironmentFleet:
    """Several environments that work at the same time."""

    def __init__(self, pipes: list[Pipe]) -> None:
        self._pipes = pipes

    def run(self, batches: int) -> None:
        """Let every environment work through its batch *batches* times. Raises BenchError."""
        for pipe in self._pipes:
            pipe.send(batches)
        for pipe in self._pipes:
            if pipe.recv() != "done":
                raise BenchError("An environment failed.")


@contextmanager
def running_fleet(
    size: int, provider: RunningProvider, *, latency_seconds: float
) -> Iterator[EnvironmentFleet]:
    """Run *size* environments until the block ends."""
    spawning = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pipes: list[Pipe] = []
        for _ in range(size):
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=_serve, args=(theirs, provider, latency_seconds), daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join)
            stack.callback(ours.close)
            pipes.append(ours)
        fleet = EnvironmentFleet(pipes)
        fleet.run(1)
        yield fleet


def _serve(pipe: Pipe, provider: RunningProvider, latency_seconds: float) -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123  # a device
        environment = build_environment(provider, latency_seconds=latency_seconds)
        with contextlib.suppress(EOFError):
            while True:
                batches = pipe.recv()
                environment.run(batches)
                pipe.send("done")
