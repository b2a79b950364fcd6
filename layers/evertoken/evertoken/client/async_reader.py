"""AsyncTokenReader: TokenReader for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from evertoken.client import steps
from evertoken.client.async_single_flight import AsyncSingleFlight
from evertoken.client.connection_lookup import choose, needs_api
from evertoken.client.reader_commands import Acquired, Command, Delivery, ReadSecret
from evertoken.client.reader_core import ReaderCore
from evertoken.client.token import Token

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from evertoken.client.api_token_source import AsyncTokenApi
    from evertoken.client.operation import OnOperation


class AsyncTokenReader(ReaderCore):
    """TokenReader for asyncio: the same rules, the same guarantees; one for a process, also over several event loops.

    boto3 blocks, so the one call of a miss runs in a thread; a read from memory does not leave the loop.
    """

    def __init__(
        self,
        *,
        secret_prefix: str = "",
        api: AsyncTokenApi | None = None,
        secrets_client: SecretsManagerClient | None = None,
        on_operation: OnOperation | None = None,
        _now: Callable[[], float] = time.time,
        _random: Callable[[], float] = random,
    ) -> None:
        super().__init__(
            secret_prefix=secret_prefix,
            secrets_client=secrets_client,
            has_api=api is not None,
            on_operation=on_operation,
            now=_now,
            random=_random,
        )
        self._api = api
        self._flights = AsyncSingleFlight()

    @classmethod
    def from_env(cls, *, on_operation: OnOperation | None = None) -> Self:
        """Return a reader as the environment says, as TokenReader.from_env does. Raises: ConfigurationError."""
        from evertoken.client.reader_environment import find_async_api_from_env, prefix_from_env

        return cls(
            secret_prefix=prefix_from_env(),
            api=find_async_api_from_env(on_operation),
            on_operation=on_operation,
        )

    async def get(self, connection_id: str, *, min_ttl_seconds: int = 0) -> Token:
        """Return a token that is good for *min_ttl_seconds* more. Raises: as TokenReader.get."""
        token = self._cache.find(connection_id, min_ttl_seconds, self._now())
        return (await self._acquire(connection_id, min_ttl_seconds)).token if token is None else token

    async def get_for(
        self, user_id: str, provider: str, account: str | None = None, *, min_ttl_seconds: int = 0
    ) -> Token:
        """Return a token of the user's connection at the provider. Raises: as TokenReader.get_for."""
        wanted = (user_id, provider, account)
        connection_id = self._lookup.find(wanted) or await self._resolve(wanted)
        with self._lookup.dropping(connection_id):
            return await self.get(connection_id, min_ttl_seconds=min_ttl_seconds)

    async def reject(self, connection_id: str, generation: int) -> Token:
        """Say that the provider refused the token of *generation*, and return a newer one. Raises: as TokenReader.reject."""
        self._rules.refuse(connection_id, generation)
        return self._newer_than(generation, await self._acquire(connection_id, 0))

    async def _acquire(self, connection_id: str, min_ttl_seconds: int) -> Acquired:
        acquired: Acquired = await self._flights.run(
            self._flight_of(connection_id, min_ttl_seconds),
            lambda: steps.run_async(self._rules.acquire(connection_id, min_ttl_seconds), self._perform),
        )
        return acquired

    async def _perform(self, command: Command) -> Delivery:
        if isinstance(command, ReadSecret):
            assert self._secrets is not None  # the rules know
            return await asyncio.to_thread(self._secrets.read, command.connection_id)
        from evertoken.client.api_token_source import token_call

        return await self._asked().run(token_call(command))

    async def _resolve(self, wanted: tuple[str, str, str | None]) -> str:
        from evertoken.client.api_token_source import find_call

        async def ask() -> str:
            return self._lookup.keep(wanted, choose(wanted, await self._asked().run(find_call(wanted))))

        connection_id: str = await self._flights.run(("connection of", wanted), ask)
        return connection_id

    def _asked(self) -> AsyncTokenApi:
        if self._api is None:
            raise needs_api()
        return self._api

    async def aclose(self) -> None:
        """Close the API's connections, where the API has an `aclose`."""
        close: Callable[[], Awaitable[object]] | None = getattr(self._api, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
