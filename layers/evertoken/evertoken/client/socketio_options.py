"""What sockets are made of: python-socketio, its options, and where handlers wait for each new connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evertoken.client.errors import ConfigurationError

Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """How a socket connects.

    `join_event` is the event by which rooms are joined. `timeout_seconds` is how long one attempt to connect may take. `transports` and `client` are
    python-socketio's own: the argument `transports` of `connect`, and keyword arguments of `Client` or `AsyncClient`. Its `engineio_logger` writes packets,
    and with them tokens, to the log.
    """

    join_event: str = "join_room"
    namespace: str = "/"
    path: str = "socket.io"
    transports: Sequence[str] | None = None
    timeout_seconds: float = 10.0
    client: Mapping[str, Any] = field(default_factory=dict)


def import_socketio() -> Any:
    """Return python-socketio. Raises: ConfigurationError when it is not installed."""
    try:
        import socketio
    except ImportError as error:
        raise ConfigurationError(
            "Sockets need python-socketio. Install it with: pip install 'evertoken[socketio]'"
        ) from error
    return socketio


class Handlers:
    """A program's handlers, one an event, kept so that every new connection gets them."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._own: Mapping[str, Handler] = {}
        self._client: Any = None
        self._namespace = "/"

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Keep *handler* for *event*; without one, return a decorator that does."""
        if handler is None:
            return lambda function: self.on(event, function)
        self._handlers[event] = handler
        if self._client is not None and event not in self._own:
            self._client.on(event, handler, namespace=self._namespace)
        return handler

    def find(self, event: str) -> Handler | None:
        """Return the handler of an event, or None."""
        return self._handlers.get(event)

    def move_to(self, client: Any, own: Mapping[str, Handler], namespace: str) -> None:
        """Give *client* all handlers, *own* in place of the program's for the same events."""
        self._client, self._own, self._namespace = client, own, namespace
        for event, handler in {**self._handlers, **own}.items():
            client.on(event, handler, namespace=namespace)
