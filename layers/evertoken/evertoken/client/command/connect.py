"""`evertoken connect`: sends a browser to the provider, waits until it comes back, and completes; or shows a code for another device."""

from __future__ import annotations

import contextlib
import getpass
import time
import webbrowser
from datetime import UTC, datetime
from typing import Any

import click

from evertoken.client.api_client import EvertokenClient
from evertoken.client.command.output import duration, json_option, print_json, printable
from evertoken.client.command.return_page import Return, ReturnPage, parse_return
from evertoken.client.command.session import open_client
from evertoken.client.errors import ConfigurationError, ConnectionNeedsUserError
from evertoken.client.results import EstablishedConnection, PendingDevice

RETURN_URL = "http://127.0.0.1:8976/connected"
"""Where the command listens unless told otherwise; the tenant has to have it among its return_urls, which loopback is on the local stage alone."""
_DEVICE_GRANT = "device_code"


@click.command()
@click.argument("provider")
@click.option("--user", "user_id", help="Whose account it is, in your own words. Default: your login name.")
@click.option("--account", help="Your label for the account, where the provider names none.")
@click.option("--name", help="Your name for the connection.")
@click.option("--registration", help="The client registration, where there are several.")
@click.option("--scope", "scopes", multiple=True, help="Ask for this scope; may be repeated.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A shop, a data centre; may be repeated.",
)
@click.option(
    "--return-url",
    envvar="EVERTOKEN_RETURN_URL",
    default=RETURN_URL,
    show_default=True,
    help="One of the tenant's return URLs. On this machine the command listens there; elsewhere it asks for the address.",
)
@click.option("--device", is_flag=True, help="Show a code to enter on another device.")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@json_option
def connect(
    provider: str,
    user_id: str | None,
    return_url: str,
    parameters: tuple[str, ...],
    *,
    device: bool,
    no_browser: bool,
    as_json: bool,
    **wish: Any,
) -> None:
    """Connect an account at PROVIDER, and print the connection when its token stands."""
    wish["parameters"] = dict(_pair(one) for one in parameters) or None
    wish["scopes"] = list(wish["scopes"]) or None
    user_id = user_id or getpass.getuser()
    with open_client() as client:
        if device or (not no_browser and not _has_browser() and _offers_device(client, provider)):
            connected = _connect_device(client, provider, user_id, wish)
        else:
            connected = _connect_browser(
                client, provider, user_id, return_url, wish, opens=not no_browser and _has_browser()
            )
    if as_json:
        print_json(connected)
        return
    left = duration(connected.expires_at, datetime.now(UTC))
    click.echo(f"{connected.connection_id} is {connected.status}; its token expires in {left}.")
    for notice in connected.notices:
        click.echo(f"Notice: {printable(notice)}", err=True)


def _connect_browser(
    client: EvertokenClient,
    provider: str,
    user_id: str,
    return_url: str,
    wish: dict[str, Any],
    *,
    opens: bool,
) -> EstablishedConnection:
    with contextlib.ExitStack() as stack:
        # Before anything is started: a port that is taken is found out while nothing waits.
        page = _listen(stack, return_url)
        started = client.connections.start(provider, user_id=user_id, return_url=return_url, **wish)
        if page is not None:
            page.expect(started.session_uri)
        if not (opens and webbrowser.open(started.authorization_url)):
            click.echo(f"Open this address in a browser:\n\n  {started.authorization_url}\n", err=True)
        left = (started.expires_at - datetime.now(UTC)).total_seconds()
        if page is None:
            brought = parse_return(
                str(click.prompt("Then paste here the address at which the browser ends", err=True))
            )
        else:
            click.echo("Waiting for the browser to come back …", err=True)
            brought = page.wait(max(left, 1.0)) or Return(status="expired", session_uri=started.session_uri)
    _check(brought, started.session_uri)
    return client.connections.complete(started.session_uri, user_id=user_id)


def _listen(stack: contextlib.ExitStack, return_url: str) -> ReturnPage | None:
    try:
        return stack.enter_context(ReturnPage(return_url))
    except ValueError:
        return None
    except OSError as error:
        click.echo(
            f"Something else listens at {return_url} ({error.strerror}), so the address has to be pasted.",
            err=True,
        )
        return None


def _check(brought: Return, session_uri: str) -> None:
    if brought.status == "returned" and brought.session_uri == session_uri:
        return
    if brought.status == "returned":
        raise ConfigurationError("That address is of another authorization. Run evertoken connect again.")
    problems = {
        "denied": "The user said no at the provider. Run evertoken connect again to ask once more.",
        "expired": "The user did not come back in time. Run evertoken connect again.",
        "failed": "The provider's answer cannot be used. Look at the client registration, and run evertoken connect again.",
    }
    mend = problems.get(
        brought.status, "That is no address that Evertoken sends a browser to. Run evertoken connect again."
    )
    raise ConnectionNeedsUserError(mend)


def _connect_device(
    client: EvertokenClient, provider: str, user_id: str, wish: dict[str, Any]
) -> EstablishedConnection:
    started = client.connections.start_device(provider, user_id=user_id, **wish)
    click.echo(
        f"On any device, open {printable(started.verification_uri)} and enter the code {printable(started.user_code)}",
        err=True,
    )
    pause = float(started.interval_seconds)
    while datetime.now(UTC) < started.expires_at:
        time.sleep(pause)
        answer = client.connections.complete_device(started.session_uri, user_id=user_id)
        if not isinstance(answer, PendingDevice):
            return answer
        pause = float(answer.retry_after)
    raise ConnectionNeedsUserError(
        "The user did not decide in time on the other device. Run evertoken connect again."
    )


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _offers_device(client: EvertokenClient, provider: str) -> bool:
    return _DEVICE_GRANT in client.providers.get(provider).grants


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="--parameter")
    return name, value
