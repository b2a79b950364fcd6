"""A plain function that returns a valid access token, for SDKs that take one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, overload

from evertoken.client.reader import TokenReader

if TYPE_CHECKING:
    from evertoken.client.async_reader import AsyncTokenReader


@overload
def token_function(
    reader: TokenReader, connection_id: str, *, min_ttl_seconds: int = 0
) -> Callable[[], str]: ...


@overload
def token_function(
    reader: AsyncTokenReader, connection_id: str, *, min_ttl_seconds: int = 0
) -> Callable[[], Awaitable[str]]: ...


def token_function(
    reader: TokenReader | AsyncTokenReader, connection_id: str, *, min_ttl_seconds: int = 0
) -> Callable[[], str] | Callable[[], Awaitable[str]]:
    """Return a function without parameters that returns the connection's access token, good for *min_ttl_seconds* more.

    With an AsyncTokenReader the function is a coroutine function. It raises what the reader's `get` raises. SDKs that keep what they are given want
    a new function result for each request; for those that ask once, hand over a token with enough life.
    """
    if isinstance(reader, TokenReader):
        blocking = reader

        def access_token() -> str:
            return blocking.get(connection_id, min_ttl_seconds=min_ttl_seconds).access_token

        return access_token
    awaiting = reader

    async def access_token_async() -> str:
        return (await awaiting.get(connection_id, min_ttl_seconds=min_ttl_seconds)).access_token

    return access_token_async
