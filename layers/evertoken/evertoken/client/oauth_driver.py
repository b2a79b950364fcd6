"""Does what the rules of the OAuth client ask: one driver blocks, one is for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import httpx

from evertoken.client.errors import EvertokenClientError, StorageError
from evertoken.client.oauth_commands import Command, Hold, Load, Send, Steps
from evertoken.client.oauth_exchange import send, send_async
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.steps import run, run_async
from evertoken.client.token_storage import LockingTokenStorage

Outcome = TypeVar("Outcome")
_POLL_SECONDS: Final = 0.05


class OAuthDriver:
    """Runs steps on the calling thread."""

    def __init__(
        self, http: httpx.Client, timeout_seconds: float, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep

    def run(self, steps: Steps[Outcome]) -> Outcome:
        """Return what *steps* return; a lock that they took is given back, however they end."""
        held: list[LockingTokenStorage] = []
        try:
            return run(steps, lambda command: self._perform(command, held))
        finally:
            for storage in held:
                storage.unlock()

    def _perform(self, command: Command, held: list[LockingTokenStorage]) -> Any:
        if isinstance(command, Send):
            return send(self._http, command.request, self._timeout_seconds)
        if isinstance(command, Hold):
            for pause in _pauses(command.wait_seconds):
                if _call_storage("lock", command.storage.try_lock):
                    held.append(command.storage)
                    return None
                self._sleep(pause)
            raise _busy()
        if isinstance(command, Load):
            return _checked(_call_storage("read", command.load))
        return _call_storage("save", command.keep, command.tokens)


class AsyncOAuthDriver:
    """Runs steps in the running event loop; code that may block runs in a thread beside it."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        timeout_seconds: float,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep

    async def run(self, steps: Steps[Outcome]) -> Outcome:
        """Do as `OAuthDriver.run`."""
        held: list[LockingTokenStorage] = []
        try:
            return await run_async(steps, lambda command: self._perform(command, held))
        finally:
            for storage in held:
                # An asynchronous storage's is a coroutine.
                unlock: Callable[[], object] = storage.unlock
                await _settle(unlock())

    async def _perform(self, command: Command, held: list[LockingTokenStorage]) -> Any:
        if isinstance(command, Send):
            return await send_async(self._http, command.request, self._timeout_seconds)
        if isinstance(command, Hold):
            for pause in _pauses(command.wait_seconds):
                # Not in a thread: it does not wait, and a cancelled task could not give back what a thread took.
                if await _settle(_call_storage("lock", command.storage.try_lock)):
                    held.append(command.storage)
                    return None
                await self._sleep(pause)
            raise _busy()
        if isinstance(command, Load):
            return _checked(await _call_async("read", command.load))
        return await _call_async("save", command.keep, command.tokens)


def _pauses(wait_seconds: float) -> list[float]:
    return [_POLL_SECONDS] * round(wait_seconds / _POLL_SECONDS) + [0]


def _call_storage(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise _failed(what, error) from error


async def _call_async(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        returned = (
            function(*arguments)
            if inspect.iscoroutinefunction(function)
            else await asyncio.to_thread(function, *arguments)
        )
        return await _settle(returned)
    except Exception as error:
        raise _failed(what, error) from error


async def _settle(returned: Any) -> Any:
    return await returned if inspect.isawaitable(returned) else returned


def _checked(loaded: Any) -> OAuthTokens | None:
    if loaded is None or isinstance(loaded, OAuthTokens):
        return loaded
    raise StorageError(
        f"The storage's load() returned {type(loaded).__name__}. It must return OAuthTokens, or None where nothing was ever saved."
    )


def _failed(what: str, error: Exception) -> StorageError:
    # Whatever else the program's own code raises may carry what it was given.
    why = str(error) if isinstance(error, EvertokenClientError) else f"It raised {type(error).__name__}."
    if what == "save":
        return StorageError(
            f"The new tokens could not be saved. {why} They are kept in memory, are given to nobody before they are saved, and are saved again at the next "
            "call and at close(): mend the storage or on_token_refresh before this process ends, or authorize again."
        )
    mend = "" if isinstance(error, StorageError) else " Mend the storage; nothing was sent or overwritten."
    return StorageError(f"The storage cannot {what} the tokens. {why}{mend}")


def _busy() -> StorageError:
    return StorageError(
        "Another process holds the storage's lock, most likely to refresh these tokens. Try again in a moment.",
        retryable=True,
        retry_after_seconds=1,
    )
