"""One request to a token endpoint over httpx: sent once, not redirected, its answer bounded in size and time.

Nothing comes from the environment: a proxy variable meant for other traffic would see, or lose, credentials. Who needs a proxy or a private certificate
authority gives the client a transport of his own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any, Final, Self

import httpx

from evertoken.client.errors import ConfigurationError, OutcomeUnknownError, TransportError
from evertoken.client.oauth_answer import Answer, read_json
from evertoken.client.oauth_refusal import UNKNOWN_MEND
from evertoken.client.oauth_request import TokenRequest

MAX_BODY_BYTES: Final = 262_144
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.ProxyError,
)
# A refresh comes once an hour: a connection kept that long is closed by the other side, and the request sent into it is lost.
_LIMITS: Final = httpx.Limits(max_keepalive_connections=0)


def build_client(timeout_seconds: float, transport: httpx.BaseTransport | None) -> httpx.Client:
    """Return the HTTP client for one OAuth client."""
    return httpx.Client(
        transport=transport, timeout=timeout_seconds, limits=_LIMITS, trust_env=False, follow_redirects=False
    )


def build_async_client(
    timeout_seconds: float, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    """Return the same for asyncio."""
    return httpx.AsyncClient(
        transport=transport, timeout=timeout_seconds, limits=_LIMITS, trust_env=False, follow_redirects=False
    )


def send(client: httpx.Client, request: TokenRequest, timeout_seconds: float) -> Answer:
    """Send *request* once and return the answer, whatever its status.

    Raises:
        TransportError: nothing was sent, or nothing is lost by sending it again.
        OutcomeUnknownError: it was sent, and no whole answer came in *timeout_seconds*.
    """
    with (
        _named_errors(request, timeout_seconds),
        _Deadline(timeout_seconds) as deadline,
        client.stream(
            request.method,
            request.url,
            content=request.body,
            headers=_headers_of(request),
            extensions={"trace": deadline.watch},
        ) as response,
    ):
        body = _Body(response.headers)
        with body.reading():
            for piece in response.iter_raw():
                if not body.add(piece):
                    break
    return body.answer(response.status_code)


async def send_async(client: httpx.AsyncClient, request: TokenRequest, timeout_seconds: float) -> Answer:
    """Do the same for asyncio."""
    ends_at = asyncio.get_running_loop().time() + timeout_seconds
    with _named_errors(request, timeout_seconds):
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout_at(ends_at):
                response = await stack.enter_async_context(
                    client.stream(
                        request.method, request.url, content=request.body, headers=_headers_of(request)
                    )
                )
            body = _Body(response.headers)
            with body.reading():
                async with asyncio.timeout_at(ends_at):
                    async for piece in response.aiter_raw():
                        if not body.add(piece):
                            break
    return body.answer(response.status_code)


class _Deadline:
    """Ends an exchange that takes too long as a whole: httpx's timeouts are for one read each, and a server may send a byte at a time.

    It learns the socket from httpcore's documented trace extension, and shuts it down from a timer's thread.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._is_over:
                    self._cut()

    def _end(self) -> None:
        with self._lock:
            self._is_over = True
            self._cut()

    def _cut(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not an SSL socket's own shutdown: it would take the session away from under the reading thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Body:
    """An answer's bytes, unpacked no further than to the limit."""

    def __init__(self, headers: httpx.Headers) -> None:
        self._headers = {name.lower(): value for name, value in headers.items()}
        encoding = self._headers.get("content-encoding", "identity").strip().lower()
        self._unpacks = zlib.decompressobj(47) if encoding in ("gzip", "x-gzip", "deflate") else None
        self._is_readable = self._unpacks is not None or encoding in ("", "identity")
        self._bytes = bytearray()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read in this block. An answer whose end is lost counts when it is a whole JSON object all the same: new tokens must not be lost for that."""
        try:
            yield
        except (httpx.HTTPError, TimeoutError):
            if not self._is_readable or not isinstance(read_json(bytes(self._bytes)), dict):
                raise

    def add(self, piece: bytes) -> bool:
        """Take *piece*; return whether more is wanted."""
        room = MAX_BODY_BYTES + 1 - len(self._bytes)
        try:
            self._bytes += piece[:room] if self._unpacks is None else self._unpacks.decompress(piece, room)
        except zlib.error:
            self._is_readable = False
        if len(self._bytes) > MAX_BODY_BYTES:
            self._is_readable = False
        return self._is_readable

    def answer(self, status: int) -> Answer:
        return Answer(
            status=status, headers=self._headers, body=bytes(self._bytes) if self._is_readable else None
        )


def _headers_of(request: TokenRequest) -> dict[str, str]:
    return {"Accept-Encoding": "identity", **request.headers}


@contextlib.contextmanager
def _named_errors(request: TokenRequest, timeout_seconds: float) -> Iterator[None]:
    """Turn what httpx raises into our errors: what matters is whether the request can have arrived."""
    try:
        yield
    except _NOT_SENT as error:
        raise TransportError(
            f"The provider ({request.purpose}) could not be reached ({type(error).__name__}); nothing was sent. "
            "Check the URL, the network and the server's certificate."
        ) from error
    except (httpx.InvalidURL, UnicodeEncodeError, httpx.LocalProtocolError) as error:
        # Not chained: the cause may name the header or the URL with what is in it.
        raise ConfigurationError(
            f"The request ({request.purpose}) cannot be written as HTTP ({type(error).__name__}); nothing was sent. "
            "Check the headers and URLs in OAuthConfig for line breaks and other odd characters."
        ) from None
    except (httpx.HTTPError, TimeoutError, OSError) as error:
        what = f"The provider ({request.purpose}) gave no whole answer in {timeout_seconds:g} seconds ({type(error).__name__})"
        if request.is_repeatable:
            raise TransportError(f"{what}. Try again later.") from error
        raise OutcomeUnknownError(f"{what}: what was sent may be spent. {UNKNOWN_MEND}") from error
