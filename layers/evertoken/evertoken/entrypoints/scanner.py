"""EventBridge Scheduler's tick: one scan, one log line, a few metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evertoken.bootstrap import build_scanning
from evertoken.entrypoints.invocation import LambdaContext, invocation_of
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import ScannerSettings
from evertoken.usecases.scan_due import ScanDependencies, scan_due


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerEntrypoint:
    """The scanner as Lambda calls it."""

    dependencies: ScanDependencies
    telemetry: Telemetry
    function_timeout_seconds: float

    def handle(self, context: LambdaContext) -> dict[str, int]:
        """Scan once and return the counts."""
        clock = self.dependencies.clock
        began = clock.monotonic()
        invocation = invocation_of(
            context, function_timeout_seconds=self.function_timeout_seconds, clock=clock
        )
        result = scan_due(self.dependencies, invocation=invocation)
        oldest = result.oldest_due_at
        lag = 0.0 if oldest is None else max((clock.now() - oldest).total_seconds(), 0.0)
        counts = {
            "shards_scanned": result.shards_scanned,
            "shards_left": result.shards_left,
            "candidates": result.candidates,
            "hints": result.hints,
        }
        self.telemetry.log(
            "scanned",
            **counts,
            lag_seconds=round(lag, 1),
            duration_seconds=round(clock.monotonic() - began, 3),
        )
        self.telemetry.count("HintsSent", result.hints)
        self.telemetry.count("ShardsLeft", result.shards_left)
        self.telemetry.seconds("DueLag", lag)
        self.telemetry.flush()
        return counts


def build_scanner(environ: Mapping[str, str]) -> ScannerEntrypoint:
    """Return the scanner for this environment. Raises ConfigurationError."""
    settings = ScannerSettings.from_env(environ)
    return ScannerEntrypoint(
        dependencies=build_scanning(settings),
        telemetry=Telemetry(stage=settings.stage, service="scanner"),
        function_timeout_seconds=settings.function_timeout_seconds,
    )
