"""Single flight for threads: callers who want the same at the same time share one piece of work, its result and its failure."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from typing import Any

from evertoken.client.errors import ConfigurationError


class SingleFlight:
    """Runs one piece of work a key at a time; safe under threads."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[Future[Any], int]] = {}
        self._lock = threading.Lock()

    def run(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """Return what *work* returns, or what the call under way for *key* returns.

        Who joins gets the failure of who works, too. If the working thread is torn away (KeyboardInterrupt, SystemExit), another takes over.

        Raises:
            ConfigurationError: *work* itself came back for *key*, and would wait for itself.
        """
        # A child that was forked would wait for ever for a thread that only its parent has.
        key = (os.getpid(), key)
        while True:
            with self._lock:
                joined = self._under_way.get(key)
                if joined is None:
                    mine: Future[Any] = Future()
                    self._under_way[key] = mine, threading.get_ident()
            if joined is None:
                return self._lead(key, mine, work)
            flight, leader = joined
            if leader == threading.get_ident():
                raise ConfigurationError(
                    "A hook (on_operation) called back for the very thing that waits for it. Let it use a reader or client of its own."
                )
            try:
                return flight.result()
            except CancelledError:
                continue

    def _lead(self, key: Hashable, mine: Future[Any], work: Callable[[], Any]) -> Any:
        try:
            result = work()
        except Exception as error:
            self._land(key)
            mine.set_exception(error)
            raise
        except BaseException:
            self._land(key)
            mine.cancel()
            raise
        self._land(key)
        mine.set_result(result)
        return result

    def _land(self, key: Hashable) -> None:
        with self._lock:
            self._under_way.pop(key, None)
