"""`evertoken login` and `logout`. A secret comes from a prompt, standard input or the environment, never from the command line, which every process can read."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from evertoken.client.api_client import EvertokenClient
from evertoken.client.api_client_base import Credential
from evertoken.client.api_environment import credential_from_env
from evertoken.client.command.stored_login import forget_login, save_login
from evertoken.client.errors import ConfigurationError, ForbiddenError


@click.command()
@click.option("--api", envvar="EVERTOKEN_API", help="The stack's Output ApiUrl; else EVERTOKEN_API.")
@click.option("--client-id", help="The API client's id; else EVERTOKEN_CLIENT_ID, or you are asked.")
@click.option("--secret-stdin", is_flag=True, help="Read the client's secret from standard input.")
@click.option(
    "--token-stdin", is_flag=True, help="Read an access token from standard input in place of a client."
)
@click.option("--role", "as_role", is_flag=True, help="Use the IAM role of this machine or AWS profile.")
def login(
    api: str | None, client_id: str | None, *, secret_stdin: bool, token_stdin: bool, as_role: bool
) -> None:
    """Check a credential and keep it for this user.

    A client's secret is asked for without echo, or taken from standard input (--secret-stdin) or EVERTOKEN_CLIENT_SECRET.
    """
    if as_role + token_stdin + (secret_stdin or client_id is not None) > 1:
        raise click.UsageError("Choose one: a client, --token-stdin, or --role.")
    base_url = api or str(click.prompt("Address of the API (the stack's Output ApiUrl)", err=True))
    credential = _find_credential(
        client_id, secret_stdin=secret_stdin, token_stdin=token_stdin, as_role=as_role
    )
    with EvertokenClient(base_url, **credential) as client:
        _check(client, credential)
    click.echo(f"Logged in to {base_url}; kept in {save_login(base_url, credential)}", err=True)


@click.command()
def logout() -> None:
    """Forget the credential that is kept. It stays valid: an operator ends it with DELETE /v1/clients."""
    click.echo("Logged out." if forget_login() else "Nobody was logged in.", err=True)


def _find_credential(
    client_id: str | None, *, secret_stdin: bool, token_stdin: bool, as_role: bool
) -> Credential:
    if as_role:
        return {"as_role": True}
    if token_stdin:
        return {"token": _read_line("token")}
    kept = credential_from_env()
    if client_id is None and not secret_stdin and kept:
        return kept
    client_id = client_id or os.environ.get("EVERTOKEN_CLIENT_ID") or str(click.prompt("Client id", err=True))
    secret = os.environ.get("EVERTOKEN_CLIENT_SECRET", "")
    if secret_stdin:
        secret = _read_line("secret")
    elif not secret:
        secret = str(click.prompt("Client secret", hide_input=True, err=True))
    return {"client_id": client_id, "client_secret": secret}


def _check(client: EvertokenClient, credential: Credential) -> None:
    """Raise CredentialsError, or what else speaks against keeping it; lacking a scope does not."""
    if "client_id" in credential:
        client.access_tokens.issue(
            client_id=credential["client_id"], client_secret=credential["client_secret"]
        )
    elif credential.get("as_role"):
        client.access_tokens.issue_for_role()
    else:
        with contextlib.suppress(ForbiddenError):
            client.providers.list(search="login")


def _read_line(what: str) -> str:
    line = sys.stdin.readline().strip()
    if not line:
        raise ConfigurationError(f"Standard input is empty: no {what} was read. Pipe it in.")
    return line
