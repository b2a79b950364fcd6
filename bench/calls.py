"""AWS calls of one successful refresh, counted where they leave the process; registration and data key are in memory already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bench.canned_aws import CannedAws, InProcessAws, install
from bench.provider_process import RunningProvider, running_provider
from bench.refreshing import ENVIRON, BenchError, build, invocation, refresh
from bench.report import Figure, Report
from bench.sample import LIFETIME_SECONDS, Sample
from evertoken.bootstrap import build_reading
from evertoken.domain.connection import PublicationMode
from evertoken.settings import TokenReaderSettings
from evertoken.usecases.read_token import read_token
from evertoken.usecases.refresh_on_demand import DemandOutcome, refresh_on_demand

BUDGET_FROM_HINT, BUDGET_OTHERWISE = 4, 5


def measure() -> Report:
    """Count for both publication modes: from a hint, by a read of an expired token, and on demand."""
    figures: list[Figure] = []
    notes: list[str] = []
    with running_provider(grants=1) as provider:
        for publication in PublicationMode:
            spared = 0 if publication is PublicationMode.SECRETS_MANAGER else 1
            for way, (budget, calls) in _count_ways(provider, publication).items():
                name = f"{publication.value}, {way}"
                figures.append(Figure(name=name, value=calls.total(), unit="calls", budget=budget - spared))
                notes.append(
                    f"{name}: " + ", ".join(f"{count} {call}" for call, count in sorted(calls.items()))
                )
    return Report(name="calls", title="AWS calls of one refresh", figures=figures, notes=notes)


def _count_ways(
    provider: RunningProvider, publication: PublicationMode
) -> dict[str, tuple[int, Counter[str]]]:
    """Return the budget and the calls of each way to a refresh."""
    sample = Sample(token_endpoint=provider.token_endpoint)
    row = sample.connection(
        1,
        provider.refresh_tokens[0],
        publication=publication,
        issued_seconds_ago=LIFETIME_SECONDS + 1,
    )
    aws = InProcessAws(canned=CannedAws(sample, [row]))
    install(aws)
    deps, reading = build(), build_reading(TokenReaderSettings.from_env(ENVIRON))

    def by_read() -> None:
        if read_token(reading, row.key, invocation=invocation()).refresh is None:
            raise BenchError("The read did not refresh.")

    def on_demand() -> None:
        outcome = refresh_on_demand(deps, row.key, invocation=invocation()).outcome
        if outcome is not DemandOutcome.REFRESHED:
            raise BenchError("The demand did not refresh.")

    return {
        "from a hint": (BUDGET_FROM_HINT, _count(aws, lambda: refresh(deps, row))),
        "by a read": (BUDGET_OTHERWISE, _count(aws, by_read)),
        "on demand": (BUDGET_OTHERWISE, _count(aws, on_demand)),
    }


def _count(aws: InProcessAws, work: Callable[[], object]) -> Counter[str]:
    work()
    aws.calls.clear()
    work()
    return Counter(aws.calls)
