"""Refreshes a second through the refresher's entrypoint, beside the design that this product replaces."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from bench.environments import BATCH, running_fleet
from bench.provider_process import running_provider
from bench.report import Figure, Report
from bench.seed_design import WORKERS, run_seed_design

PROVIDER_SECONDS = 0.05
AWS_SECONDS = 0.005
ENVIRONMENTS = 10
"""RefresherConcurrency as template.yaml has it by default."""
REPETITIONS = 7
BUDGET = 5.0


def measure() -> Report:
    """Measure tokens a second with AWS answered in process after five milliseconds and a provider that takes fifty."""
    with (
        running_provider(grants=BATCH, latency_seconds=PROVIDER_SECONDS) as provider,
        running_fleet(1, provider, latency_seconds=AWS_SECONDS) as one,
        running_fleet(ENVIRONMENTS, provider, latency_seconds=AWS_SECONDS) as fleet,
    ):
        seed_jobs = 60
        contenders = {
            "seed": (
                seed_jobs,
                lambda: run_seed_design(provider, jobs=seed_jobs, latency_seconds=AWS_SECONDS),
            ),
            "one": (10 * BATCH, lambda: one.run(10)),
            "fleet": (5 * ENVIRONMENTS * BATCH, lambda: fleet.run(5)),
        }
        rates = _measure_rates(contenders)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ratios = [ours / seed for ours, seed in zip(rates["fleet"], rates["seed"], strict=True)]
    return Report(
        name="throughput",
        title="refreshes a second at 50 ms provider latency, AWS in process after 5 ms",
        figures=[
            Figure(
                name=f"{ENVIRONMENTS} environments beside the queue's design",
                value=statistics.median(ratios),
                unit="x",
                budget=BUDGET,
                at_least=True,
            ),
            Figure(
                name="one environment beside the queue's design",
                value=medians["one"] / medians["seed"],
                unit="x",
            ),
            Figure(
                name=f"{ENVIRONMENTS} environments (the default deployment)",
                value=medians["fleet"],
                unit="/s",
            ),
            Figure(name=f"one environment ({BATCH} threads)", value=medians["one"], unit="/s"),
            Figure(name=f"the queue's design ({WORKERS} workers)", value=medians["seed"], unit="/s"),
        ],
        notes=[
            f"{ENVIRONMENTS} environments are {ENVIRONMENTS} processes on this machine's cores; on Lambda each has its own",
            "the queue's design is modelled in Python, in its favour: see bench/seed_design.py",
        ],
    )


def _measure_rates(contenders: Mapping[str, tuple[int, Callable[[], None]]]) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(REPETITIONS):
        for name, (tokens, work) in contenders.items():
            began = time.perf_counter()
            work()
            rates[name].append(tokens / (time.perf_counter() - began))
    return rates
