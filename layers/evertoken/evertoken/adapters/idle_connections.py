"""Connections that wait for their next request: the newest is used first, none waits longer than a server would keep it."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from evertoken.adapters.provider_connection import ProviderConnection

IDLE_LIMIT_SECONDS = 4.0
"""Below the five seconds after which common servers hang up: a request sent into a closing connection has an unknown outcome."""
_PER_ORIGIN = 16
_IN_ALL = 64


class IdleConnections:
    """Idle connections by origin; safe under threads."""

    def __init__(self) -> None:
        self._idle: dict[Hashable, list[ProviderConnection]] = {}
        self._lock = threading.Lock()

    def find(self, origin: Hashable) -> ProviderConnection | None:
        """Take a connection that is fit for use, or None; those that are not are closed."""
        while True:
            with self._lock:
                waiting = self._idle.get(origin)
                if not waiting:
                    return None
                connection = waiting.pop()
            if connection.is_fresh(IDLE_LIMIT_SECONDS):
                return connection
            connection.close()

    def keep(self, origin: Hashable, connection: ProviderConnection) -> None:
        """Keep *connection* for the next request to *origin*; the oldest go when there are too many."""
        connection.rest()
        surplus: list[ProviderConnection] = []
        with self._lock:
            # The origin that was used last is the last of the dictionary.
            waiting = self._idle.pop(origin, [])
            self._idle[origin] = waiting
            waiting.append(connection)
            if len(waiting) > _PER_ORIGIN:
                surplus.append(waiting.pop(0))
            if sum(map(len, self._idle.values())) > _IN_ALL:
                surplus.extend(self._idle.pop(next(iter(self._idle))))
        for one in surplus:
            one.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            everything, self._idle = list(self._idle.values()), {}
        for waiting in everything:
            for connection in waiting:
                connection.close()
