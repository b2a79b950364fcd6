"""The live view of `make run`: how each connection's token is kept fresh, second by second, as the API tells it."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from local.api import Api, ApiError
from local.stack import LOCAL

REFRESH_SECONDS = 1.0


def main() -> int:
    """Show the connections until Ctrl-C."""
    environment = _read_environment()
    api = Api(environment["EVERTOKEN_API"], environment["EVERTOKEN_TOKEN"])
    console = Console()
    try:
        with Live(console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while True:
                live.update(render(_read(api), environment), refresh=True)
                time.sleep(REFRESH_SECONDS)
    except KeyboardInterrupt:
        console.print("The stack goes on in the background. `make run` shows it again, `make stop` ends it.")
        return 0


def render(rows: list[dict[str, Any]] | str, environment: dict[str, str]) -> Group:
    """Return the picture of one moment; *rows* may be the text of an error."""
    table = Table(title="Evertoken keeps these tokens fresh", title_justify="left", expand=False)
    for heading in (
        "connection",
        "account",
        "provider",
        "policy",
        "status",
        "generation",
        "expires in",
        "last outcome",
        "next refresh",
    ):
        table.add_column(heading, justify="right" if heading in ("generation", "expires in") else "left")
    if isinstance(rows, str):
        return Group(table, Text(rows, style="red"))
    now = datetime.now(UTC)
    for row in rows:
        failure = row["failure"]
        table.add_row(
            row["connection_id"],
            row["name"] or row["account"],
            row["provider"],
            f"{row['policy']}, {row['publication'].replace('_', ' ')}",
            Text(row["status"].replace("_", " "), style="green" if row["status"] == "active" else "red"),
            str(row["generation"]),
            _countdown(row["expires_at"], now),
            Text("refreshed", style="green")
            if failure is None
            else Text(f"{failure['cause']}: {failure['code']}", style="yellow"),
            "when it is read" if row["refresh_at"] is None else _countdown(row["refresh_at"], now),
        )
    return Group(table, Text.from_markup(_commands(rows, environment)))


def _commands(rows: list[dict[str, Any]], environment: dict[str, str]) -> str:
    published = next((row for row in rows if row["secret_name"]), None)
    if published is None:
        return "\nNothing is connected yet."
    api, connection_id = environment["EVERTOKEN_API"], published["connection_id"]
    bearer = '-H "Authorization: Bearer $EVERTOKEN_TOKEN"'
    return "\n".join(
        (
            "\nTry, in another terminal, after [bold]. .local/env[/bold]:",
            f"  a token       curl -s {bearer} {api}/v1/connections/{connection_id}/token",
            f"  its secret    .venv/bin/python -m local secret {published['secret_name']}",
            f"  refresh now   curl -s -X POST {bearer} {api}/v1/connections/{connection_id}/refresh",
            f"  disconnect    curl -s -X DELETE {bearer} {api}/v1/connections/{connection_id}",
            "\nCtrl-C leaves this view; the stack goes on until `make stop`.",
        )
    )


def _countdown(moment: str | None, now: datetime) -> Text:
    if moment is None:
        return Text("never")
    seconds = round((datetime.fromisoformat(moment) - now).total_seconds())
    if seconds < 0:
        return Text(f"{-seconds} s ago", style="dim")
    minutes, rest = divmod(seconds, 60)
    return Text(f"{minutes}:{rest:02d}", style="yellow" if seconds < 30 else "")


def _read(api: Api) -> list[dict[str, Any]] | str:
    try:
        rows: list[dict[str, Any]] = api.call("GET", "/v1/connections")["connections"]
    except (ApiError, OSError) as error:
        return f"The API does not answer: {error}"
    return rows


def _read_environment() -> dict[str, str]:
    """Return what .local/env exports, over what the caller has."""
    variables = dict(os.environ)
    for line in (LOCAL / "env").read_text().splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        variables[name] = value.strip("'\"")
    return variables


if __name__ == "__main__":
    sys.exit(main())
