"""A Socket.IO connection that goes on for as long as a session does: opened, and opened again, with its current token (extra `socketio`).

with evertoken.client.socketio.connect("https://video.example.com", tokens) as socket:
    socket.on("joined_room", print)
    socket.join("room-1", user_id="137", role="PATIENT")
    socket.wait()
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import Any, Protocol, Self

from evertoken.client import steps
from evertoken.client.errors import TransportError
from evertoken.client.socketio_async import AsyncSessionSocket, connect_async
from evertoken.client.socketio_options import Handler, Handlers, SocketOptions, import_socketio
from evertoken.client.socketio_rules import (
    ATTEMPTS,
    SETTLED_SECONDS,
    Command,
    Join,
    NeedToken,
    Open,
    Pause,
    Refusal,
    SocketRules,
    check_address,
    says_refused,
)

__all__ = ["AsyncSessionSocket", "SessionSocket", "SocketOptions", "connect", "connect_async", "says_refused"]

_LOOK_SECONDS = 1.0
_FAREWELL_SECONDS = 1.0


class ValidTokens(Protocol):
    """Whoever has a current token: `SessionTokens`, or a class of the program's own."""

    def get_valid_token(self) -> str:
        """Return a token that is good now."""
        ...

    def refresh(self, refused: str) -> str:
        """Return a newer token than *refused*."""
        ...


class _ClosedError(Exception):
    """The program has closed the socket while it was being opened again."""


class SessionSocket:
    """A python-socketio connection that outlives its tokens; safe under threads.

    Whenever it ends without `close()`, it is opened again, each time as a new `socketio.Client`, with the token that is valid then, and its rooms are joined
    again. A token that the server refuses (a `connect_error` that `says_refused`, an `error` that does so of the token; or what *is_refusal* says of
    either) is refreshed once; failures are repeated *attempts* times at most,
    with growing waits. What the server sends in between is lost, as Socket.IO has it: ask for it in a handler of `connect`.

    Raises: ConfigurationError for an address that is not https or wss (http and ws only on loopback), or without python-socketio.
    """

    def __init__(
        self,
        url: str,
        tokens: ValidTokens,
        *,
        options: SocketOptions | None = None,
        is_refusal: Refusal | None = None,
        attempts: int = ATTEMPTS,
        settled_seconds: float = SETTLED_SECONDS,
    ) -> None:
        self._url = check_address(url)
        self._tokens = tokens
        self._options = options or SocketOptions()
        self._rules = SocketRules(attempts=attempts, is_refusal=is_refusal, settled_seconds=settled_seconds)
        self._socketio = import_socketio()
        self._handlers = Handlers()
        self._client: Any = None
        self._token = ""
        self._refusals: list[object] = []
        # A client whose connection is over, and the token that was refused, if that is why.
        self._ended: queue.Queue[tuple[Any, str]] = queue.Queue()
        self._open = threading.Event()
        self._closing = threading.Event()
        self._over = threading.Event()
        self._failure: Exception | None = None
        self._keeper: threading.Thread | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open at this moment."""
        return self._open.is_set()

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Have *handler* called for *event*, now and after each reconnection; a decorator when no handler is given."""
        return self._handlers.on(event, handler)

    def connect(self) -> None:
        """Open the connection, and keep it open in a daemon thread.

        Raises: CredentialsError when the session has ended; TokenRejectedError when the server refuses a refreshed token; TransportError when the attempts
        are used up.
        """
        steps.run(self._rules.open(), self._perform)
        self._keeper = threading.Thread(target=self._keep_open, name="evertoken-socket", daemon=True)
        self._keeper.start()

    def join(self, room_id: str, **details: Any) -> None:
        """Join a room with the current token, now and after each reconnection. *details* go along (`user_id`, `role`)."""
        self._rules.rooms[room_id] = details
        if self.is_connected:
            steps.run(self._rules.join(room_id), self._perform)

    def emit(self, event: str, data: Any = None) -> None:
        """Send an event; in the middle of a reconnection, after it. Raises: TransportError when there is no connection in time."""
        self._connected_client().emit(event, data, namespace=self._options.namespace)

    def call(self, event: str, data: Any = None) -> Any:
        """Send an event and return what the server acknowledges it with. Raises: TransportError when there is none in time."""
        try:
            return self._connected_client().call(
                event, data, namespace=self._options.namespace, timeout=self._options.timeout_seconds
            )
        except self._socketio.exceptions.SocketIOError as error:
            raise TransportError(
                f"The Socket.IO server did not acknowledge {event!r} in time. Try again."
            ) from error

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the socket is over, and return whether it is. Raises: what made it give up."""
        is_over = self._over.wait(timeout_seconds)
        if self._failure is not None:
            raise self._failure
        return is_over

    def close(self) -> None:
        """Close the connection for good."""
        self._closing.set()
        self._ended.put((None, ""))
        if self._keeper is not None and self._keeper is not threading.current_thread():
            self._keeper.join(self._options.timeout_seconds)
        self._disconnect()
        self._over.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _keep_open(self) -> None:
        try:
            while not self._closing.is_set():
                ended = self._find_ended()
                if ended is not None:
                    self._open.clear()
                    self._disconnect()
                    steps.run(self._rules.open(ended[1]), self._perform)
        except _ClosedError:
            pass
        except Exception as error:  # noqa: BLE001  # the program's own tokens may raise anything, and wait() has to tell
            self._failure = error
        finally:
            self._open.clear()
            self._over.set()

    def _find_ended(self) -> tuple[Any, str] | None:
        """Return what ended, if it is the connection that there is now, and not one before it."""
        try:
            ended = self._ended.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            # python-socketio says nothing of a connection that broke while it was being opened.
            return None if self._client.eio.state == "connected" else (self._client, "")
        return ended if ended[0] is self._client else None

    def _perform(self, command: Command) -> Any:
        if self._closing.is_set():
            raise _ClosedError
        match command:
            case NeedToken(refused=refused):
                token = self._tokens.get_valid_token()
                return self._tokens.refresh(refused) if token == refused else token
            case Open(token=token):
                return self._try_open(token)
            case Join(payload=payload):
                return self._tell(payload)
            case Pause(seconds=seconds):
                return self._closing.wait(seconds)

    def _try_open(self, token: str) -> list[object]:
        client = self._socketio.Client(
            **{"handle_sigint": False, **self._options.client, "reconnection": False}
        )
        self._client, self._token, self._refusals = client, token, []
        self._handlers.move_to(client, self._own_handlers(client), self._options.namespace)
        try:
            client.connect(
                self._url,
                auth={"token": token},
                transports=self._options.transports,
                namespaces=[self._options.namespace],
                socketio_path=self._options.path,
                wait_timeout=self._options.timeout_seconds,
            )
        except (self._socketio.exceptions.SocketIOError, OSError, ValueError) as error:
            return [*self._refusals, str(error)]
        self._open.set()
        return []

    def _own_handlers(self, client: Any) -> dict[str, Handler]:
        def connect() -> None:
            # Otherwise python-socketio passes over a server that disconnects us before its `connect` has returned.
            client.connected = True
            self._pass_on("connect")

        def disconnect(reason: str) -> None:
            self._ended.put((client, ""))
            self._pass_on("disconnect", reason)

        def connect_error(*data: Any) -> None:
            self._refusals.extend(data)
            self._pass_on("connect_error", *data)

        def error(*data: Any) -> None:
            if any(map(self._rules.is_error_refusal, data)):
                self._ended.put((client, self._token))
            self._pass_on("error", *data)

        return {
            "connect": connect,
            "disconnect": disconnect,
            "connect_error": connect_error,
            "error": error,
        }

    def _pass_on(self, event: str, *data: Any) -> None:
        handler = self._handlers.find(event)
        if handler is not None:
            handler(*data)

    def _tell(self, payload: Any) -> None:
        try:
            self._client.emit(self._options.join_event, dict(payload), namespace=self._options.namespace)
        except self._socketio.exceptions.SocketIOError:
            # The connection has just ended: the room is joined when it is open again.
            self._ended.put((self._client, ""))

    def _connected_client(self) -> Any:
        if not self._open.wait(self._options.timeout_seconds):
            raise TransportError(
                "The socket is not connected. Call connect() first; a lost connection is opened again by itself, so try again.",
            ) from self._failure
        return self._client

    def _disconnect(self) -> None:
        if self._client is not None and self._client.connected:
            # By polling it waits for the poll that is under way, which may take the server's whole ping interval.
            self._client.start_background_task(self._client.disconnect).join(_FAREWELL_SECONDS)


def connect(
    url: str,
    tokens: ValidTokens,
    *,
    options: SocketOptions | None = None,
    is_refusal: Refusal | None = None,
    attempts: int = ATTEMPTS,
) -> SessionSocket:
    """Return a socket that is connected. Handlers that must not miss the first event: make a `SessionSocket`, give it the handlers, connect it.

    Raises: as `SessionSocket` and its `connect`.
    """
    socket = SessionSocket(url, tokens, options=options, is_refusal=is_refusal, attempts=attempts)
    socket.connect()
    return socket
