"""`ls`, `token`, `refresh`, `disconnect` and `explain`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import click

from evertoken.client.command.output import (
    build_console,
    build_table,
    duration,
    instant,
    json_option,
    print_json,
    print_table,
    printable,
)
from evertoken.client.command.session import open_client
from evertoken.client.results import AcceptedJob, ListedConnection

_ASK_EVERY_SECONDS = 5.0
_HEADINGS = ("connection", "provider", "account", "user", "status", "expires in", "next refresh")
_LEDGER_HEADINGS = ("at", "what", "status", "set off by", "failure", "correlation id")


@click.command()
@click.option("--user", "user_id", help="Only this user's.")
@click.option("--provider", help="Only at this provider.")
@click.option("--status", help="Only of this status: active, reauthorization_required, disconnected.")
@click.option("--watch", is_flag=True, help="Stay, and count down until Ctrl-C.")
@json_option
def ls(user_id: str | None, provider: str | None, status: str | None, *, watch: bool, as_json: bool) -> None:
    """List connections with the time that their tokens have left."""
    if watch and (as_json or not sys.stdout.isatty()):
        raise click.UsageError("--watch is for people at a terminal.")
    with open_client() as client:

        def ask() -> list[ListedConnection]:
            return list(client.connections.iterate(user_id=user_id, provider=provider, status=status))

        if watch:
            _watch(ask)
        elif as_json:
            print_json({"connections": ask()})
        else:
            print_table(_HEADINGS, _rows(ask()), empty="No connections. Run: evertoken connect PROVIDER")


def _watch(ask: Callable[[], list[ListedConnection]]) -> None:
    from rich.live import Live

    try:
        with Live(console=build_console(), auto_refresh=False, screen=True) as live:
            asked_at = float("-inf")
            found: list[ListedConnection] = []
            while True:
                if time.monotonic() - asked_at >= _ASK_EVERY_SECONDS:
                    asked_at, found = time.monotonic(), ask()
                live.update(build_table(_HEADINGS, _rows(found)), refresh=True)
                time.sleep(1)
    except KeyboardInterrupt:
        return


def _rows(connections: Sequence[ListedConnection]) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    return [
        (
            one.connection_id,
            one.provider,
            one.name or one.display_name or one.account,
            one.user_id,
            "on hold" if one.on_hold else one.status,
            duration(one.expires_at, now) if one.status == "active" else "",
            _planned(one, now),
        )
        for one in connections
    ]


def _planned(one: ListedConnection, now: datetime) -> str:
    if one.refresh_at is None:
        return "when read" if one.policy == "lazy" and one.status == "active" else ""
    return "due" if one.refresh_at <= now else f"in {duration(one.refresh_at, now)}"


@click.command()
@click.argument("connection_id")
@click.option("--min-ttl", type=click.IntRange(0, 86_400), help="Seconds that it must still be good for.")
@json_option
def token(connection_id: str, min_ttl: int | None, *, as_json: bool) -> None:
    """Print an access token that is good now, and nothing else on standard output."""
    with open_client() as client:
        found = client.connections.token(connection_id, min_ttl_seconds=min_ttl)
    if as_json:
        print_json(found)
        return
    click.echo(found.access_token)
    if sys.stdout.isatty():
        left = duration(found.expires_at, datetime.now(UTC))
        click.echo(f"{found.token_type}, expires in {left}, scope {printable(found.scope)!r}", err=True)


@click.command()
@click.argument("connection_id")
@json_option
def refresh(connection_id: str, *, as_json: bool) -> None:
    """Refresh a connection now."""
    with open_client() as client:
        answer = client.connections.refresh(connection_id)
    if as_json:
        print_json(answer)
    elif isinstance(answer, AcceptedJob):
        click.echo(f"Goes on as a job. See: evertoken jobs {answer.job.job_id}", err=True)
    else:
        left = duration(answer.connection.expires_at, datetime.now(UTC))
        click.echo(f"{answer.outcome}; the token expires in {left}")


@click.command()
@click.argument("connection_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def disconnect(connection_id: str, *, yes: bool, as_json: bool) -> None:
    """Disconnect: readers lose the token, the provider is told. The user has to consent again to connect."""
    with open_client() as client:
        found = client.connections.get(connection_id)
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("There is nobody to ask. Give --yes to disconnect.")
            whose = printable(f"{found.provider} of {found.user_id} ({found.account})")
            click.confirm(f"Disconnect {whose}?", abort=True, err=True)
        answer = client.connections.disconnect(connection_id)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer.connection_id} is {answer.status}.")


@click.command()
@click.argument("connection_id")
@click.option("--limit", type=click.IntRange(1, 100), default=20, help="How many entries, newest first.")
@json_option
def explain(connection_id: str, limit: int, *, as_json: bool) -> None:
    """Say why a connection is as it is, what to do about it, and what happened to it."""
    with open_client() as client:
        ledger = client.connections.ledger(connection_id, limit=limit)
    if as_json:
        print_json(ledger)
        return
    why = ledger.explanation
    click.echo(printable(why.summary))
    if why.mend:
        click.echo(f"What to do: {printable(why.mend)}")
    rows = [
        (
            instant(one.at),
            one.type,
            "on hold" if one.on_hold else one.status,
            one.trigger or "",
            "" if one.failure is None else f"{one.failure.cause} {one.failure.code}",
            one.correlation_id or "",
        )
        for one in ledger.entries
    ]
    click.echo()
    print_table(_LEDGER_HEADINGS, rows, empty="Nothing is written of it yet.")
