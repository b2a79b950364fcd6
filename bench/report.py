"""What a bench found: figures with their budgets, printed as one table and kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.machine import machine_facts

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; *budget* is its upper bound, or with *at_least* its lower one, and None where there is none."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """Whether the budget was met; empty without one."""
        if self.budget is None:
            return ""
        met = self.value >= self.budget if self.at_least else self.value <= self.budget
        return "met" if met else "MISSED"

    @property
    def bound(self) -> str:
        """The budget as text."""
        if self.budget is None:
            return ""
        return f"{'>=' if self.at_least else '<='} {_number(self.budget)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one bench, and what a reader must know beside them; *skipped* says what was not measured, and why."""

    name: str
    title: str
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    skipped: Sequence[str] = ()
    facts: dict[str, str] = field(default_factory=machine_facts)

    def as_text(self) -> str:
        """Return the table."""
        rows = [
            (one.name, f"{_number(one.value)} {one.unit}", one.bound, one.verdict) for one in self.figures
        ]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
        lines = [f"{self.name}: {self.title}"]
        for row in rows:
            cells = (row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2]), row[3])
            lines.append("  " + "   ".join(cells).rstrip())
        lines += [f"  skipped: {reason}" for reason in self.skipped]
        lines += [f"  note: {note}" for note in self.notes]
        lines.append("  on: " + ", ".join(f"{name} {value}" for name, value in self.facts.items()))
        return "\n".join(lines)

    def write(self) -> None:
        """Keep the report for `python -m bench document`."""
        RESULTS.mkdir(exist_ok=True)
        document = asdict(self)
        document["figures"] = [
            {
                **asdict(one),
                "verdict": one.verdict,
                "bound": one.bound,
                "text": f"{_number(one.value)} {one.unit}",
            }
            for one in self.figures
        ]
        (RESULTS / f"{self.name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 10**9:
        return f"{int(value):,}"
    size = abs(value)
    return f"{value:,.1f}" if size >= 100 else f"{value:.2f}" if size >= 1 else f"{value:.3g}"
