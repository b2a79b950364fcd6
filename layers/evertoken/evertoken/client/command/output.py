"""What the command prints: tables for people, JSON for programs, and nothing that a name in them could do to a terminal."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from evertoken.client.errors import EvertokenClientError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PIPE_WIDTH = 250
"""A table in a pipe is not cut to a terminal's width."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
STYLES = {
    "active": "green",
    "completed": "green",
    "reauthorization_required": "red",
    "failed": "red",
    "disconnected": "dim",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Print *value* as one JSON document."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: Any) -> Any:
    """Return *value* as JSON has it, with the fields that this release does not know; instants are UTC."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        own = {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {**own.pop("unknown_fields", {}), **own}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value


def build_console(*, to_errors: bool = False) -> Console:
    """Return where tables go."""
    from rich.console import Console

    stream = sys.stderr if to_errors else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def build_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table; a cell that is a status has its colour, and no id is cut."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "connection")
    for row in rows:
        table.add_row(*(Text(printable(cell), style=STYLES.get(cell, "")) for cell in row))
    return table


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print a table, or the sentence *empty*, for people, where there is no row."""
    if rows:
        build_console().print(build_table(headings, rows))
    else:
        click.echo(empty, err=True)


def printable(text: str) -> str:
    """Return *text* without what a terminal would obey: names come from other people."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def duration(moment: datetime | None, now: datetime) -> str:
    """Return how long it is until *moment*, for people."""
    if moment is None:
        return "never"
    seconds = int((moment - now).total_seconds())
    if seconds <= 0:
        return "expired"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m {seconds % _MINUTE:02}s" if seconds >= _MINUTE else f"{seconds}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR}h"


def instant(moment: datetime | None) -> str:
    """Return *moment* for people, in UTC."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def error_line(error: EvertokenClientError) -> str:
    """Return an error as one line: its code, what to do, and the id that finds it in the service's logs."""
    found_by = f" [correlation id {error.correlation_id}]" if error.correlation_id else ""
    return printable(f"evertoken: {error.code}: {' '.join(error.message.split())}{found_by}")
