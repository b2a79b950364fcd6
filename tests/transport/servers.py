"""Servers of a few lines on loopback, each playing one part: they count what reaches them and say exactly what they are told to say."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Play = Callable[[socket.socket, "Stage"], None]


class Stage:
    """A listening server that plays one part for each connection, and what it saw."""

    def __init__(self, play: Play, context: ssl.SSLContext | None = None) -> None:
        self._play = play
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.received: list[bytes] = []
        self.connections = 0
        self.server_names: list[str | None] = []
        self.over = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """The token endpoint over http."""
        return f"http://127.0.0.1:{self.port}/token"

    def close(self) -> None:
        """End the play: every wait of it ends now."""
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _listen(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(accepted)
            thread = threading.Thread(target=self._serve, args=(accepted,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError), accepted:
            accepted.settimeout(10)
            if self._context is None:
                self._play(accepted, self)
                return
            with self._context.wrap_socket(accepted, server_side=True) as secured:
                self._play(secured, self)


@contextlib.contextmanager
def on_stage(play: Play, context: ssl.SSLContext | None = None) -> Iterator[Stage]:
    """Run a server that plays *play*, over TLS when there is a *context*."""
    stage = Stage(play, context)
    try:
        yield stage
    finally:
        stage.close()


def read_request(connection: socket.socket, stage: Stage) -> bytes:
    """Read and record one whole request; empty when the client is gone."""
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            return b""
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    stage.received.append(head + b"\r\n\r\n" + body)
    return stage.received[-1]


def answer(*parts: bytes) -> Play:
    """Return the part that answers every request with *parts*, as they are."""

    def play(connection: socket.socket, stage: Stage) -> None:
        while read_request(connection, stage):
            connection.sendall(b"".join(parts))

    return play


def answer_once(*parts: bytes) -> Play:
    """Return the part that answers one request with *parts* and hangs up."""

    def play(connection: socket.socket, stage: Stage) -> None:
        read_request(connection, stage)
        connection.sendall(b"".join(parts))

    return play


def ok(body: bytes, *headers: bytes) -> bytes:
    """Return a whole answer of 200."""
    lines = [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
