"""Refreshes a second on a deployed local stack (queue, functions, roles and table as deployed), beside the design that is replaced."""

from __future__ import annotations

import statistics
import time

from bench.deployed import DeployedRefreshes
from bench.provider_process import running_provider
from bench.report import Figure, Report
from bench.seed_design import WORKERS, run_seed_design
from bench.stack import StackUnavailableError, running_stack
from bench.throughput import AWS_SECONDS, PROVIDER_SECONDS

BUDGET = 1.5
HINTS = 300
REPETITIONS = 3
SEED_JOBS = 60


def measure() -> Report:
    """Measure from the first hint sent to the last publication acknowledged."""
    title = "refreshes a second on the deployed local stack, 50 ms provider latency"
    try:
        with (
            running_stack() as stack,
            running_provider(grants=10, latency_seconds=PROVIDER_SECONDS) as provider,
        ):
            deployed = DeployedRefreshes.of(stack, provider)
            deployed.refresh(deployed.connect(range(40), provider))  # the functions are warm from here on
            ours: list[float] = []
            seed: list[float] = []
            for repetition in range(1, REPETITIONS + 1):
                began = time.perf_counter()
                run_seed_design(provider, jobs=SEED_JOBS, latency_seconds=AWS_SECONDS)
                seed.append(SEED_JOBS / (time.perf_counter() - began))
                numbers = range(repetition * 1_000, repetition * 1_000 + HINTS)
                ours.append(HINTS / deployed.refresh(deployed.connect(numbers, provider)))
    except StackUnavailableError as error:
        return Report(name="throughput_deployed", title=title, figures=[], skipped=[str(error)])
    return Report(
        name="throughput_deployed",
        title=title,
        figures=[
            Figure(
                name="beside the queue's design",
                value=statistics.median(mine / other for mine, other in zip(ours, seed, strict=True)),
                unit="x",
                budget=BUDGET,
                at_least=True,
            ),
            Figure(name="the deployed local stack", value=statistics.median(ours), unit="/s"),
            Figure(name=f"the queue's design ({WORKERS} workers)", value=statistics.median(seed), unit="/s"),
        ],
        notes=[
            "the emulator plays all of AWS in one Python process on the same cores: this measures the emulator as much as the product",
            "the queue's design has a database that answers after 5 ms and a queue that costs nothing: see bench/seed_design.py",
        ],
    )
