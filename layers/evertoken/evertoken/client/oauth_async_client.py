"""The OAuth client for asyncio: the rules and names of `OAuthClient`, awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx

from evertoken.client.background_refresh import AsyncBackgroundRefresh
from evertoken.client.errors import ConfigurationError, EvertokenClientError
from evertoken.client.oauth_authorization import AuthorizationRequest
from evertoken.client.oauth_base import OAuthClientBase, user_refused, utc_now
from evertoken.client.oauth_commands import Outcome, Steps
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_driver import AsyncOAuthDriver
from evertoken.client.oauth_exchange import build_async_client
from evertoken.client.oauth_results import AsyncOAuthResults
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation
from evertoken.client.token_storage import AsyncTokenStorage, TokenStorage


class AsyncOAuthClient(OAuthClientBase):
    """Gets and keeps the tokens of one grant; for the tasks of one event loop at a time.

    *storage* and *on_token_refresh* may be coroutine functions, or plain ones, which run in a thread beside the loop. What is under way goes on when a task
    that waits for it is cancelled: a refresh token that was sent must not lose its answer. All else is as in `OAuthClient`.
    """

    def __init__(
        self,
        config: OAuthConfig,
        *,
        storage: TokenStorage | AsyncTokenStorage | None = None,
        on_token_refresh: Callable[[OAuthTokens], object] | None = None,
        on_operation: OnOperation | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        _clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            config,
            storage=storage,
            on_token_refresh=on_token_refresh,
            on_operation=on_operation,
            clock=_clock,
        )
        self._http = build_async_client(config.timeout_seconds, transport)
        self._driver = AsyncOAuthDriver(self._http, config.timeout_seconds)
        self._lock = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[asyncio.Task[Any]] = set()
        self._owner: asyncio.Task[Any] | None = None
        self._background: AsyncBackgroundRefresh | None = None

    @classmethod
    def from_env(cls, prefix: str = "OAUTH_", **options: Any) -> Self:
        """Return a client of the environment variables that `OAuthConfig.from_env` reads. Raises ConfigurationError."""
        return cls(OAuthConfig.from_env(prefix), **options)

    @classmethod
    def with_access_token(cls, access_token: str, *, userinfo_url: str = "", **options: Any) -> Self:
        """Return a client that hands out *access_token* as it is: the simple case, without refresh."""
        return cls(OAuthConfig(access_token=access_token, userinfo_url=userinfo_url), **options)

    @property
    def results(self) -> AsyncOAuthResults:
        """The same operations with a `Result` in place of exceptions."""
        return AsyncOAuthResults(self)

    async def initialize(self, user_token: str | None = None) -> OAuthTokens:
        """Do as `OAuthClient.initialize`."""
        return await self._alone(lambda: self._rules.start(user_token))

    async def get_token(self) -> str:
        """Do as `OAuthClient.get_token`."""
        return (await self.get_tokens()).access_token

    async def get_tokens(self) -> OAuthTokens:
        """Do as `OAuthClient.get_tokens`."""
        ready = self._rules.find_ready()
        if ready is not None:
            return ready
        living = self._rules.find_living()
        if living is not None and self._under_way:
            return living
        may_renew = self.config.auto_refresh
        return await self._alone(lambda: self._rules.ensure(may_renew=may_renew))

    async def refresh(self, refresh_token: str | None = None) -> OAuthTokens:
        """Do as `OAuthClient.refresh`."""
        seen = self._rules.state.tokens
        return await self._alone(lambda: self._rules.refresh(seen, refresh_token))

    async def renew_refused(self, access_token: str) -> OAuthTokens:
        """Do as `OAuthClient.renew_refused`."""
        return await self._alone(lambda: self._rules.renew_refused(access_token))

    async def exchange_code(
        self, callback_url_or_code: str, *, authorization: AuthorizationRequest | None = None
    ) -> OAuthTokens:
        """Do as `OAuthClient.exchange_code`."""
        request = self._read_callback(callback_url_or_code, authorization)
        return await self._alone(lambda: self._rules.exchange_code(request))

    async def get_current_user(self) -> dict[str, Any]:
        """Do as `OAuthClient.get_current_user`."""
        tokens = await self.get_tokens()
        user = await self._driver.run(self._rules.read_user(tokens))
        if user is None:
            tokens = await self.renew_refused(tokens.access_token)
            user = await self._driver.run(self._rules.read_user(tokens))
        if user is None:
            raise user_refused()
        return user

    def start_background_refresh(self) -> None:
        """Refresh in a task of the running event loop from now on; `close()` ends it."""
        if self._background is None:
            self._background = AsyncBackgroundRefresh(self.get_tokens, self._seconds_until_due)

    async def close(self) -> None:
        """Do as `OAuthClient.close`."""
        if self._background is not None:
            await self._background.stop()
            self._background = None
        try:
            await self._alone(self._rules.finish)
        finally:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            await self.close()
            return
        # What ended the block is what the program has to see.
        with contextlib.suppress(EvertokenClientError):
            await self.close()

    async def _alone(self, steps: Callable[[], Steps[Outcome]]) -> Outcome:
        """Run *steps* when no other task runs any, in a task that outlives the one that asks."""
        if self._owner is not None and asyncio.current_task() is self._owner:
            raise ConfigurationError(
                "A storage or on_token_refresh called back into its client, which waits for it. The new tokens are its argument; nothing else is needed."
            )
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # A Lambda may run each invocation in a loop of its own: what another loop left behind will never end.
            self._loop, self._lock, self._under_way = loop, asyncio.Lock(), set()
        task = loop.create_task(self._run_alone(steps))
        self._under_way.add(task)
        task.add_done_callback(self._land)
        return await asyncio.shield(task)

    async def _run_alone(self, steps: Callable[[], Steps[Outcome]]) -> Outcome:
        async with self._lock:
            self._owner = asyncio.current_task()
            try:
                return await self._driver.run(steps())
            finally:
                self._owner = None

    def _land(self, done: asyncio.Task[Any]) -> None:
        self._under_way.discard(done)
        if not done.cancelled():
            # Everybody who waited may be gone; then nobody else looks at the failure.
            done.exception()
