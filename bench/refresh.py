"""What a refresh costs beside the floor: the same AWS calls by bare clients and one POST of the same bytes, nothing else."""

from __future__ import annotations

from bench.canned_aws import CannedAws, InProcessAws, install
from bench.interleave import interleave, median_ratio
from bench.provider_process import running_provider
from bench.refreshing import build, build_floor, refresh
from bench.report import Figure, Report
from bench.sample import Sample

BUDGET = 1.3
UNITS, REPETITIONS = 40, 15
LATENCY_SECONDS = 0.005


def measure() -> Report:
    """Measure processor time with AWS answered at once, and elapsed time with AWS answered after five milliseconds."""
    with running_provider(grants=1) as provider:
        sample = Sample(token_endpoint=provider.token_endpoint)
        row = sample.connection(1, provider.refresh_tokens[0])
        aws = InProcessAws(canned=CannedAws(sample, [row]))
        install(aws)
        deps = build()
        floor = build_floor(deps, row, aws)
        contenders = {"ours": lambda: refresh(deps, row), "floor": floor}
        at_once = interleave(contenders, units=UNITS, repetitions=REPETITIONS)
        aws.latency_seconds = LATENCY_SECONDS
        delayed = interleave(contenders, units=UNITS // 4, repetitions=REPETITIONS)
    ours, bare = at_once["ours"], at_once["floor"]
    return Report(
        name="refresh",
        title="one refresh from a hint beside the floor",
        figures=[
            Figure(
                name="CPU beside the floor", value=median_ratio(ours.cpu, bare.cpu), unit="x", budget=BUDGET
            ),
            Figure(
                name="wall beside the floor, AWS after 5 ms",
                value=median_ratio(delayed["ours"].wall, delayed["floor"].wall),
                unit="x",
                budget=BUDGET,
            ),
            Figure(
                name="wall beside the floor, AWS at once", value=median_ratio(ours.wall, bare.wall), unit="x"
            ),
            Figure(name="CPU of one refresh", value=ours.cpu_ms, unit="ms"),
            Figure(name="CPU of the floor", value=bare.cpu_ms, unit="ms"),
            Figure(name="wall of one refresh, AWS after 5 ms", value=delayed["ours"].wall_ms, unit="ms"),
        ],
        notes=["the provider is another process and answers at once; no TLS on either side"],
    )
