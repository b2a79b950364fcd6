"""Programs of users, for a type checker: those that are right, and the mistakes that it has to find."""

from __future__ import annotations

RIGHT_API_PROGRAM = """
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from evertoken.client import AsyncEvertokenClient, EvertokenClient, Operation, Token
from evertoken.client.results import (
    AcceptedJob, Connection, EstablishedConnection, ListedConnection, PendingDevice, RefreshAnswer, StartedAuthorization,
)


def watch(operation: Operation) -> None:
    print(operation.name)


def blocking() -> None:
    with EvertokenClient.from_env(retries=1, on_operation=watch) as client:
        assert_type(client.connections.get("con_1"), Connection)
        assert_type(client.connections.token("con_1", min_ttl_seconds=60), Token)
        assert_type(client.connections.iterate(provider="corp"), Iterator[ListedConnection])
        assert_type(client.connections.refresh("con_1"), RefreshAnswer | AcceptedJob)
        started = client.connections.start("corp", user_id="u", return_url="https://x", scopes=["a"], name="n")
        assert_type(started, StartedAuthorization)
        client.tenants.delete("acme")


async def awaiting() -> None:
    async with AsyncEvertokenClient("https://api.example", token="t", http2=True) as client:
        assert_type(await client.connections.get("con_1"), Connection)
        assert_type(client.connections.iterate(provider="corp"), AsyncIterator[ListedConnection])
        answer = await client.connections.complete_device("urn:x", user_id="u")
        assert_type(answer, EstablishedConnection | PendingDevice)
"""

RIGHT_OAUTH_PROGRAM = '''
"""Seed 4's examples, as a program of a user's kind."""

import asyncio

import httpx

from evertoken.client import (
    AsyncOAuthClient,
    FileTokenStorage,
    OAuthAuth,
    OAuthClient,
    OAuthConfig,
    OAuthTokens,
    Operation,
    Result,
)


class Rows:
    def load(self) -> OAuthTokens | None:
        return None

    def save(self, tokens: OAuthTokens) -> None:
        tokens.to_document()


class AsyncRows:
    async def load(self) -> OAuthTokens | None:
        return None

    async def save(self, tokens: OAuthTokens) -> None:
        tokens.to_document()


def told(tokens: OAuthTokens) -> None:
    print(tokens.expires_at)


async def told_async(tokens: OAuthTokens) -> None:
    print(tokens.expires_at)


def watch(operation: Operation) -> None:
    print(operation.name, operation.duration_seconds)


config = OAuthConfig(token_url="https://provider.test/token", client_id="c", client_secret="s")
with OAuthClient(config, storage=FileTokenStorage("tokens.json"), on_token_refresh=told, on_operation=watch) as client:
    result: Result[OAuthTokens] = client.results.initialize()
    if result.success and result.data is not None:
        print(result.data.access_token)
    print(result.error, result.trace_id)
    way = client.authorization_url(prompt="consent")
    tokens: OAuthTokens = client.exchange_code("https://app.test/callback?code=c", authorization=way)
    token: str = client.get_token()
    httpx.Client(auth=OAuthAuth(client))
    OAuthClient(config, storage=Rows())


async def main() -> None:
    async with AsyncOAuthClient(config, storage=AsyncRows(), on_token_refresh=told_async) as client:
        tokens: OAuthTokens = await client.initialize("user-token")
        token: str = await client.get_token()
        print(tokens.scope, token, client.needs_refresh(60))


asyncio.run(main())
'''

WRONG_PROGRAM = """
from evertoken.client import EvertokenClient, SessionTokens

client = EvertokenClient("https://x", token="t")
"""
MISTAKES = {
    "an unknown argument": (
        'client.connections.start("corp", user_id="u", return_url="x", scope="a")',
        "call-arg",
    ),
    "a missing argument": ('client.connections.start("corp", user_id="u")', "call-arg"),
    "a wrong type": ("client.connections.get(3)", "arg-type"),
    "an unknown option": ('EvertokenClient("https://x", retry=3)', "call-arg"),
    "an unknown route": ('client.connections.delete("con_1")', "attr-defined"),
    "an unknown field": ('client.connections.get("con_1").colour', "attr-defined"),
    "a token that is no text": ("token: int = SessionTokens.from_env().get_valid_token()", "assignment"),
}
"""What each line after the program is, and the code of the one error that it is."""
