"""Writes docs/performance.md from the last results of the benches, so that no figure is typed by hand."""

from __future__ import annotations

import json
from typing import Any

from bench.report import RESULTS
from local.stack import ROOT

PAGE = ROOT / "docs" / "performance.md"
_HEAD = """\
# Performance and cost

The last figures of `make bench`, with the budgets of the design. A bench is made again by the command at its head, and this page by
`python -m bench document`. How each figure is measured, and what it does not show: [bench/README.md](../bench/README.md).

Ratios are made of neighbours in one run and travel between machines; milliseconds and rates do not. "Cores busy with other programs" is
what else the machine did meanwhile.
"""


def write_document(names: tuple[str, ...]) -> None:
    """Write the page; a bench without a result is named as not measured."""
    parts = [_HEAD]
    for name in names:
        result = RESULTS / f"{name}.json"
        if result.exists():
            parts.append(_section(json.loads(result.read_text(encoding="utf-8"))))
        else:
            parts.append(f"## {name}\n\nNot measured yet: `python -m bench {name}`.\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")


def _section(report: dict[str, Any]) -> str:
    lines = [f"## {report['name']}", "", f"`python -m bench {report['name']}`: {report['title']}", ""]
    if report["figures"]:
        lines += ["| figure | value | budget | |", "|---|---:|---|---|"]
        lines += [
            f"| {one['name']} | {one['text']} | {one['bound']} | {one['verdict']} |"
            for one in report["figures"]
        ]
        lines.append("")
    lines += [f"- Skipped: {reason}." for reason in report["skipped"]]
    lines += [f"- {note[:1].upper()}{note[1:]}." for note in report["notes"]]
    facts = ", ".join(f"{name} {value}" for name, value in report["facts"].items())
    lines += [f"- On: {facts}.", ""]
    return "\n".join(lines)
