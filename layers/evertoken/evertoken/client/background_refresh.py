"""Calls for tokens before anybody waits for them: a daemon thread, or a task of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from evertoken.client.errors import EvertokenClientError

_log = logging.getLogger("evertoken.client")


class BackgroundRefresh:
    """A daemon thread that calls *ensure* whenever *seconds_until_due* have passed; it runs from construction until `stop`."""

    def __init__(self, ensure: Callable[[], object], seconds_until_due: Callable[[], float]) -> None:
        self._ensure = ensure
        self._seconds_until_due = seconds_until_due
        self._stopping = threading.Event()
        self._last = ""
        self._thread = threading.Thread(target=self._run, name="evertoken-refresh", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """End the thread; a refresh under way gets *timeout_seconds* to end."""
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds_until_due()):
            try:
                self._ensure()
                self._last = ""
            except EvertokenClientError as error:
                self._last = _note(error, self._last)


class AsyncBackgroundRefresh:
    """The same as a task of the running event loop."""

    def __init__(
        self, ensure: Callable[[], Awaitable[object]], seconds_until_due: Callable[[], float]
    ) -> None:
        self._ensure = ensure
        self._seconds_until_due = seconds_until_due
        self._last = ""
        self._task: asyncio.Task[Any] = asyncio.create_task(self._run(), name="evertoken-refresh")

    async def stop(self) -> None:
        """End the task; a refresh under way goes on in its own."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds_until_due())
            try:
                await self._ensure()
                self._last = ""
            except EvertokenClientError as error:
                self._last = _note(error, self._last)


def _note(error: EvertokenClientError, last: str) -> str:
    # The next call for a token raises it; this line, once a kind, is for programs that make none for a long time.
    if error.code != last:
        _log.warning("background refresh failed: %s", error.code)
    return error.code
