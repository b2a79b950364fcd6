"""`python -m bench`: every bench in a process of its own; `python -m bench NAME ...`: those named; `document`: the page of last figures."""

from __future__ import annotations

import importlib
import subprocess
import sys

from bench.document import write_document
from bench.machine import Neighbours
from local.stack import ROOT

BENCHES = (
    "refresh",
    "throughput",
    "throughput_deployed",
    "calls",
    "scan",
    "capacity",
    "read",
    "client_read",
    "cold_start",
    "size",
    "run_time",
    "cost",
)


def main(names: list[str]) -> int:
    """Run what is named and return 1 when a bench could not be run; a missed budget is a finding, not a failure."""
    if names == ["document"]:
        write_document(BENCHES)
        return 0
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no such bench: {', '.join(unknown)}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    if len(names) == 1:
        neighbours = Neighbours()
        report = importlib.import_module(f"bench.{names[0]}").measure()
        report.facts["cores busy with other programs"] = f"{neighbours.cores():.1f}"
        report.write()
        print(report.as_text(), end="\n\n", flush=True)
        return 0
    # Each in its own process: clients, caches and environment of one must not meet those of another.
    done = [
        subprocess.run([sys.executable, "-m", "bench", name], cwd=ROOT, check=False).returncode
        for name in names or BENCHES
    ]
    return 1 if any(done) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
