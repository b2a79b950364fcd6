"""Contenders measured turn by turn in one run, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one contender took for one unit of work in each repetition, in milliseconds."""

    cpu: Sequence[float]
    wall: Sequence[float]

    @property
    def cpu_ms(self) -> float:
        """The median of the processor time of this process, all threads."""
        return statistics.median(self.cpu)

    @property
    def wall_ms(self) -> float:
        """The median of the elapsed time."""
        return statistics.median(self.wall)


def interleave(
    contenders: Mapping[str, Callable[[], object]], *, units: int, repetitions: int
) -> dict[str, Spent]:
    """Run every contender's *units* of work once to warm up and then *repetitions* times, in alternating order."""
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for name in names:
        _run(contenders[name], units)
    for repetition in range(repetitions):
        for name in names if repetition % 2 == 0 else reversed(names):
            took_cpu, took_wall = _run(contenders[name], units)
            cpu[name].append(took_cpu)
            wall[name].append(took_wall)
    return {name: Spent(cpu=cpu[name], wall=wall[name]) for name in names}


def median_ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    """Return the median of the ratios of the repetitions, each of two neighbours in time."""
    return statistics.median(mine / other for mine, other in zip(ours, floor, strict=True))


def _run(work: Callable[[], object], units: int) -> tuple[float, float]:
    began_cpu, began = time.process_time(), time.perf_counter()
    for _ in range(units):
        work()
    scale = 1000 / units
    return (time.process_time() - began_cpu) * scale, (time.perf_counter() - began) * scale
