"""Single flight for asyncio: tasks that want the same at the same time share one piece of work, its result and its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any


class AsyncSingleFlight:
    """Runs one piece of work a key at a time, in a task of its own: who is cancelled leaves, and the work goes on for the others."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Return what *work* returns, or what the call under way for *key* in this event loop returns."""
        loop = asyncio.get_running_loop()
        task = self._under_way.get(key)
        # A Lambda may run each invocation in a loop of its own: what another loop left behind will never end.
        if task is None or task.done() or task.get_loop() is not loop:
            task = loop.create_task(work())
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(task)

    def _land(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        if self._under_way.get(key) is done:
            del self._under_way[key]
        if not done.cancelled():
            # Everybody who waited may be gone; then nobody else looks at the failure.
            done.exception()
