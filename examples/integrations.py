"""What an app does with its users' integrations: connect, list, use, refresh, disconnect.

    python integrations.py PROVIDER USER_ID RETURN_URL API_URL

RETURN_URL is one of your tenant's; API_URL is an address of the provider's to be called with the token.
"""

from __future__ import annotations

import sys
from urllib.parse import parse_qs, urlsplit

import httpx

from evertoken.client import (
    ConnectionAuth,
    ConnectionNeedsUserError,
    EvertokenClient,
    EvertokenClientError,
    NotFoundError,
    Operation,
    TokenReader,
)


def connect(api: EvertokenClient, provider: str, user_id: str, return_url: str) -> str:
    """Send the user to the provider and return the connection's id."""
    started = api.connections.start(provider, user_id=user_id, return_url=return_url)
    print(f"Send the browser to {started.authorization_url}", flush=True)
    # In a web app this is the handler of RETURN_URL, and the user is the one whose login session it has there.
    returned = parse_qs(urlsplit(input("It came back to: ")).query)
    if returned["status"] != ["returned"]:
        sys.exit(f"Not connected: {returned['status'][0]}")
    return api.connections.complete(returned["session_uri"][0], user_id=user_id).connection_id


def show(api: EvertokenClient, user_id: str) -> None:
    """List what the user has connected."""
    for one in api.connections.iterate(user_id=user_id):
        print(f"{one.provider}: {one.status}, {one.minutes_left} minutes left")


def use(api: EvertokenClient, connection_id: str, url: str) -> None:
    """Call the provider; the token is valid, whenever this is."""
    answer = httpx.get(url, auth=ConnectionAuth(TokenReader(api=api), connection_id))
    print(f"the provider answers {answer.status_code}")


def refresh(api: EvertokenClient, connection_id: str) -> None:
    """Refresh by hand, which is never needed, with retries for slow networks."""
    answer = api.connections.refresh(
        connection_id, attempts=4, initial_delay_seconds=1, maximum_delay_seconds=10
    )
    print(f"refresh: {getattr(answer, 'outcome', 'goes on as a job')}")


def explain(error: EvertokenClientError) -> str:
    """Say what to do about an error: its class decides, and its message says the rest."""
    if isinstance(error, ConnectionNeedsUserError):
        return "please connect again"
    if isinstance(error, NotFoundError):
        return "there is no such integration"
    if error.retryable:
        return f"try again in {error.retry_after_seconds or 1} s"
    return str(error)


def monitor(operation: Operation) -> None:
    """Tell how long each call took, as a metric would."""
    print(f"[{operation.name}] {operation.duration_seconds * 1000:.0f} ms, success: {operation.success}")


def main(provider: str, user_id: str, return_url: str, url: str) -> None:
    """Walk through it all."""
    with EvertokenClient.from_env(on_operation=monitor) as api:
        connection_id = connect(api, provider, user_id, return_url)
        show(api, user_id)
        use(api, connection_id, url)
        refresh(api, connection_id)
        api.connections.disconnect(connection_id)
        try:
            use(api, connection_id, url)
        except EvertokenClientError as error:
            print(f"after disconnecting: {error.code}, {explain(error)}")


if __name__ == "__main__":
    main(*sys.argv[1:5])
