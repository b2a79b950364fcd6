"""The tree of commands, and how an error ends one."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import click

from evertoken.client.command.connect import connect
from evertoken.client.command.connections import disconnect, explain, ls, refresh, token
from evertoken.client.command.exit_code import exit_code_of
from evertoken.client.command.jobs import jobs
from evertoken.client.command.login import login, logout
from evertoken.client.command.output import error_line
from evertoken.client.command.providers import providers
from evertoken.client.errors import EvertokenClientError


class _Program(click.Group):
    """Ends every command that fails with one line on standard error and the exit status of docs/command.md."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EvertokenClientError as error:
            click.echo(error_line(error), err=True)
            ctx.exit(exit_code_of(error))


def _show_version(ctx: click.Context, *, wanted: bool) -> None:
    if not wanted:
        return
    try:
        click.echo(f"evertoken {importlib.metadata.version('evertoken')}")
    except importlib.metadata.PackageNotFoundError:
        click.echo("evertoken, from a source tree")
    ctx.exit()


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, wanted: _show_version(ctx, wanted=wanted),
    help="Show the version and exit.",
)
def program() -> None:
    """Keep OAuth tokens valid: connect accounts, read tokens, see why something is as it is.

    Speaks to the installation of EVERTOKEN_API with the credential of the environment, or of `evertoken login`.
    """


for command in (login, logout, connect, ls, token, refresh, disconnect, explain, jobs, providers):
    program.add_command(command)
