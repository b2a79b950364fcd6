"""What the figures were measured on: a ratio travels, a millisecond does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_STATISTICS = Path("/proc/stat")
_IDLE_FIELDS = (3, 4)
"""idle and iowait (proc(5))."""


def machine_facts() -> dict[str, str]:
    """Return processor, interpreter, boto3 and the day."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "python": platform.python_version(),
        "boto3": importlib.metadata.version("boto3"),
        "day": datetime.now(UTC).date().isoformat(),
    }


def _busy_seconds() -> float:
    if not _STATISTICS.exists():
        return 0.0
    ticks = [int(one) for one in _STATISTICS.read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    idle = sum(ticks[position] for position in _IDLE_FIELDS)
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Watches how many cores other programs keep busy meanwhile: where the machine is shared, figures that need all cores suffer."""

    began_at: float = field(default_factory=time.monotonic)
    busy_before: float = field(default_factory=_busy_seconds)
    own_before: float = field(default_factory=_own_seconds)

    def cores(self) -> float:
        """Return the mean number of cores kept busy by others since this was made; children count as ours once they have ended."""
        others = (_busy_seconds() - self.busy_before) - (_own_seconds() - self.own_before)
        return max(others / (time.monotonic() - self.began_at), 0.0)


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
