"""`SessionSocket` for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from types import TracebackType
from typing import Any, Protocol, Self

from evertoken.client import steps
from evertoken.client.errors import TransportError
from evertoken.client.socketio_options import (
    Handler,
    Handlers,
    SocketOptions,
    import_socketio,
)
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
)

_LOOK_SECONDS = 1.0
_FAREWELL_SECONDS = 1.0


class AsyncValidTokens(Protocol):
    """Whoever has a current token: `AsyncSessionTokens`, or a class of the program's own."""

    async def get_valid_token(self) -> str:
        """Return a token that is good now."""
        ...

    async def refresh(self, refused: str) -> str:
        """Return a newer token than *refused*."""
        ...


class AsyncSessionSocket:
    """`SessionSocket` over `socketio.AsyncClient`: the same promises, in one event loop. Handlers may be coroutines."""

    def __init__(
        self,
        url: str,
        tokens: AsyncValidTokens,
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
        self._ended: asyncio.Queue[tuple[Any, str]] = asyncio.Queue()
        self._open = asyncio.Event()
        self._over = asyncio.Event()
        self._failure: Exception | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open at this moment."""
        return self._open.is_set()

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """As `SessionSocket.on`."""
        return self._handlers.on(event, handler)

    async def connect(self) -> None:
        """As `SessionSocket.connect`, kept open by a task."""
        await steps.run_async(self._rules.open(), self._perform)
        self._keeper = asyncio.create_task(self._keep_open(), name="evertoken-socket")

    async def join(self, room_id: str, **details: Any) -> None:
        """As `SessionSocket.join`."""
        self._rules.rooms[room_id] = details
        if self.is_connected:
            await steps.run_async(self._rules.join(room_id), self._perform)

    async def emit(self, event: str, data: Any = None) -> None:
        """As `SessionSocket.emit`."""
        client = await self._connected_client()
        await client.emit(event, data, namespace=self._options.namespace)

    async def call(self, event: str, data: Any = None) -> Any:
        """As `SessionSocket.call`."""
        client = await self._connected_client()
        try:
            return await client.call(
                event, data, namespace=self._options.namespace, timeout=self._options.timeout_seconds
            )
        except self._socketio.exceptions.SocketIOError as error:
            raise TransportError(
                f"The Socket.IO server did not acknowledge {event!r} in time. Try again."
            ) from error

    async def wait(self) -> None:
        """Wait until the socket is over. Raises: what made it give up."""
        await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Close the connection for good."""
        if self._keeper is not None and self._keeper is not asyncio.current_task():
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._open.clear()
        await self._disconnect()
        self._over.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _keep_open(self) -> None:
        try:
            while True:
                ended = await self._find_ended()
                if ended is not None:
                    self._open.clear()
                    await self._disconnect()
                    await steps.run_async(self._rules.open(ended[1]), self._perform)
        except Exception as error:  # noqa: BLE001  # the program's own tokens may raise anything, and wait() has to tell
            self._failure = error
        finally:
            self._open.clear()
            self._over.set()

    async def _find_ended(self) -> tuple[Any, str] | None:
        """Return what ended, if it is the connection that there is now, and not one before it."""
        try:
            ended = await asyncio.wait_for(self._ended.get(), _LOOK_SECONDS)
        except TimeoutError:
            # python-socketio says nothing of a connection that broke while it was being opened.
            return None if self._client.eio.state == "connected" else (self._client, "")
        return ended if ended[0] is self._client else None

    async def _perform(self, command: Command) -> Any:
        match command:
            case NeedToken(refused=refused):
                token = await self._tokens.get_valid_token()
                return await self._tokens.refresh(refused) if token == refused else token
            case Open(token=token):
                return await self._try_open(token)
            case Join(payload=payload):
                return await self._tell(payload)
            case Pause(seconds=seconds):
                return await asyncio.sleep(seconds)

    async def _try_open(self, token: str) -> list[object]:
        client = self._socketio.AsyncClient(
            **{"handle_sigint": False, **self._options.client, "reconnection": False}
        )
        self._client, self._token, self._refusals = client, token, []
        self._handlers.move_to(client, self._own_handlers(client), self._options.namespace)
        try:
            await client.connect(
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
        async def connect() -> None:
            # Otherwise python-socketio passes over a server that disconnects us before its `connect` has returned.
            client.connected = True
            await self._pass_on("connect")

        async def disconnect(reason: str) -> None:
            self._ended.put_nowait((client, ""))
            await self._pass_on("disconnect", reason)

        async def connect_error(*data: Any) -> None:
            self._refusals.extend(data)
            await self._pass_on("connect_error", *data)

        async def error(*data: Any) -> None:
            if any(map(self._rules.is_error_refusal, data)):
                self._ended.put_nowait((client, self._token))
            await self._pass_on("error", *data)

        return {
            "connect": connect,
            "disconnect": disconnect,
            "connect_error": connect_error,
            "error": error,
        }

    async def _pass_on(self, event: str, *data: Any) -> None:
        handler = self._handlers.find(event)
        answer = handler(*data) if handler is not None else None
        if inspect.isawaitable(answer):
            await answer

    async def _tell(self, payload: Any) -> None:
        try:
            await self._client.emit(
                self._options.join_event, dict(payload), namespace=self._options.namespace
            )
        except self._socketio.exceptions.SocketIOError:
            # The connection has just ended: the room is joined when it is open again.
            self._ended.put_nowait((self._client, ""))

    async def _connected_client(self) -> Any:
        try:
            await asyncio.wait_for(self._open.wait(), self._options.timeout_seconds)
        except TimeoutError:
            raise TransportError(
                "The socket is not connected. Call connect() first; a lost connection is opened again by itself, so try again.",
            ) from self._failure
        return self._client

    async def _disconnect(self) -> None:
        if self._client is not None and self._client.connected:
            # By polling it waits for the poll that is under way, which may take the server's whole ping interval.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._client.disconnect(), _FAREWELL_SECONDS)


async def connect_async(
    url: str,
    tokens: AsyncValidTokens,
    *,
    options: SocketOptions | None = None,
    is_refusal: Refusal | None = None,
    attempts: int = ATTEMPTS,
) -> AsyncSessionSocket:
    """Return a socket that is connected, as `connect` does."""
    socket = AsyncSessionSocket(url, tokens, options=options, is_refusal=is_refusal, attempts=attempts)
    await socket.connect()
    return socket
