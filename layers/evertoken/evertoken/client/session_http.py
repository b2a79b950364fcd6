"""Requests with a session's token over httpx, blocking and not: one request is sent once."""

from __future__ import annotations

import httpx

from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.api_transport import NOT_SENT, answer_of
from evertoken.client.errors import OutcomeUnknownError, TransportError
from evertoken.client.session_commands import Exchange

TIMEOUT_SECONDS = 5.0
"""Short, because a refresh whose answer is lost has to be repeated while the service still gives the same successor."""


def send(client: httpx.Client, base_url: str, exchange: Exchange) -> ApiAnswer:
    """Return the answer, whatever it says. Raises: TransportError, OutcomeUnknownError."""
    try:
        return answer_of(client.send(_build(client, base_url, exchange), follow_redirects=False))
    except httpx.HTTPError as error:
        raise _lost(base_url, error) from error


async def send_async(client: httpx.AsyncClient, base_url: str, exchange: Exchange) -> ApiAnswer:
    """Return the answer, whatever it says. Raises: TransportError, OutcomeUnknownError."""
    try:
        return answer_of(await client.send(_build(client, base_url, exchange), follow_redirects=False))
    except httpx.HTTPError as error:
        raise _lost(base_url, error) from error


def _build(client: httpx.Client | httpx.AsyncClient, base_url: str, exchange: Exchange) -> httpx.Request:
    headers = {"Accept": "application/json", "Authorization": f"Bearer {exchange.bearer}"}
    return client.build_request(exchange.method, base_url + exchange.path, headers=headers)


def _lost(base_url: str, error: httpx.HTTPError) -> TransportError:
    what = type(error).__name__
    if isinstance(error, NOT_SENT):
        return TransportError(
            f"{base_url} cannot be reached ({what}). Check the address and the network, and try again."
        )
    return OutcomeUnknownError(
        f"{base_url} was asked, and its answer did not come ({what}). Try again within seconds.",
        retryable=True,
    )
