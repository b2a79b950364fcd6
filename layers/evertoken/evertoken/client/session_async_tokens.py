"""`SessionTokens` for asyncio."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx

from evertoken.client import steps
from evertoken.client.api_address import checked_address
from evertoken.client.api_environment import api_from_env
from evertoken.client.async_single_flight import AsyncSingleFlight
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation
from evertoken.client.results import SessionUser
from evertoken.client.session_answer import find_user
from evertoken.client.session_commands import Command, Exchange, Load, NeedTokens, Pause, Save
from evertoken.client.session_http import TIMEOUT_SECONDS, send_async
from evertoken.client.session_reading import POLL_SECONDS, SessionReading
from evertoken.client.session_rules import SessionRules, current_instant
from evertoken.client.session_state import PolledSession
from evertoken.client.session_storage import call_storage_async
from evertoken.client.token_storage import AsyncTokenStorage, TokenStorage


class AsyncSessionTokens:
    """`SessionTokens` for asyncio; its storage may have coroutines, and one that blocks is called in a thread."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        expires_at: datetime | None = None,
        storage: TokenStorage | AsyncTokenStorage | None = None,
        client: httpx.AsyncClient | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        on_operation: OnOperation | None = None,
        _clock: Callable[[], datetime] = current_instant,
        _sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        _random: Callable[[], float] = random.random,
    ) -> None:
        self._base_url = checked_address(base_url)
        self._rules = SessionRules(
            self._base_url,
            token=token,
            expires_at=expires_at,
            storage=storage,
            on_operation=on_operation,
            clock=_clock,
            random=_random,
        )
        self._reading = SessionReading(self._rules, on_operation)
        self._client = client or httpx.AsyncClient(timeout=timeout_seconds)
        self._owns_client = client is None
        self._sleep = _sleep
        self._flights = AsyncSingleFlight()

    @classmethod
    def from_env(
        cls,
        *,
        token: str = "",
        expires_at: datetime | None = None,
        storage: TokenStorage | AsyncTokenStorage | None = None,
        on_operation: OnOperation | None = None,
    ) -> Self:
        """Return the same for the service that EVERTOKEN_API names. Raises: ConfigurationError."""
        return cls(
            api_from_env(), token=token, expires_at=expires_at, storage=storage, on_operation=on_operation
        )

    def __repr__(self) -> str:
        return f"AsyncSessionTokens({self._base_url!r})"

    @property
    def user(self) -> SessionUser | None:
        """The user as the last refresh described them, or None before the first."""
        return find_user(self._rules.tokens)

    async def get_valid_token(self) -> str:
        """As `SessionTokens.get_valid_token`."""
        return (self._rules.find_ready() or await self._obtain(None)).access_token

    async def refresh(self, refused: str = "") -> str:
        """As `SessionTokens.refresh`."""
        return (await self._obtain(refused or self._rules.held_token)).access_token

    async def read_session(self, session_id: str) -> PolledSession:
        """As `SessionTokens.read_session`."""
        state: PolledSession = await steps.run_async(self._reading.read(session_id), self._perform)
        return state

    async def poll_session(
        self, session_id: str, every_seconds: float = POLL_SECONDS
    ) -> AsyncIterator[PolledSession]:
        """As `SessionTokens.poll_session`."""
        while True:
            state = await self.read_session(session_id)
            yield state
            if state.status == "ended":
                return
            await self._sleep(every_seconds)

    async def end_session(self, session_id: str) -> None:
        """As `SessionTokens.end_session`."""
        await steps.run_async(self._reading.end(session_id), self._perform)

    async def aclose(self) -> None:
        """Close the connections, unless the caller brought the client."""
        if self._owns_client:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _obtain(self, refused: str | None) -> OAuthTokens:
        while True:
            led: list[bool] = []
            tokens: OAuthTokens = await self._flights.run("tokens", partial(self._lead, refused, led))
            if led or tokens.access_token != refused:
                return tokens

    async def _lead(self, refused: str | None, led: list[bool]) -> OAuthTokens:
        led.append(True)
        return await steps.run_async(self._rules.obtain(refused), self._perform)

    async def _perform(self, command: Command) -> Any:
        match command:
            case Exchange():
                return await send_async(self._client, self._base_url, command)
            case NeedTokens(refused=refused):
                return await self._obtain(refused)
            case Load() | Save():
                return await call_storage_async(command)
            case Pause(seconds=seconds):
                return await self._sleep(seconds)
