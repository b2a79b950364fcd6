"""How long a second `make run` takes when all is up already; nothing is started for it, and nothing stopped."""

from __future__ import annotations

import os
import statistics
import subprocess
import time

from bench.report import Figure, Report
from local.emulator.process import get_background
from local.stack import ROOT, get_stack

RUNS = 3


def measure() -> Report:
    """Measure `make run DETACH=1` on the stack that is up; skipped when none is."""
    title = "a second `make run`"
    if get_background(get_stack()).find_pid() is None:
        return Report(
            name="run_time", title=title, figures=[], skipped=["no stack is up: `make run DETACH=1` first"]
        )
    took: list[float] = []
    for _ in range(RUNS + 1):
        began = time.monotonic()
        done = subprocess.run(
            ["make", "run", "DETACH=1"],
            cwd=ROOT,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()[-1]
            return Report(name="run_time", title=title, figures=[], skipped=[f"it failed: {reason}"])
        took.append(time.monotonic() - began)
    return Report(
        name="run_time",
        title=title,
        figures=[Figure(name=f"warm, median of {RUNS}", value=statistics.median(took[1:]), unit="s")],
        notes=["the first of the runs is not counted: it may deploy what was changed since"],
    )
