"""The simulated server on a loopback port, and the transports that lead there: real HTTP, or the same call in memory."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from evertoken.adapters.http_transport import HttpTransport
from evertoken.domain.http import HttpAnswer, HttpExchange, HttpRequest, NotSent
from tests.conformance.calls import Call, Reply

ORIGIN = "X-Conformance-Host"
"""Carries the host that the sender meant, where that is another than it speaks to; everything else travels byte for byte."""
_HEAD_END = b"\r\n\r\n"
Answering = Callable[[Call], Reply]


class Loopback:
    """One listening socket a process; `answering` is the server of the run under way."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self.answering: Answering | None = None
        threading.Thread(target=self._accept, name="simulated server", daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected: socket.socket) -> None:
        with connected, connected.makefile("rb") as reading:
            while (call := _read_call(reading)) is not None:
                assert self.answering is not None, "no run is under way"
                connected.sendall(_write_reply(self.answering(call)))


def _read_call(reading) -> Call | None:
    start = reading.readline().decode("ascii").rstrip("\r\n")
    if not start:
        return None
    method, target, version = start.split(" ")
    assert version == "HTTP/1.1"
    headers: dict[str, str] = {}
    while line := reading.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"the header {name} is there twice"
        headers[name.lower()] = value.strip()
    body = reading.read(int(headers.get("content-length", "0")))
    host = headers.pop(ORIGIN.lower(), headers["host"])
    return Call(method=method, host=host, target=target, headers=headers, body=body)


def _write_reply(reply: Reply) -> bytes:
    headers = {**reply.headers, "content-length": str(len(reply.body))}
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


@dataclass
class LoopbackTransport:
    """`ProviderTransport`: the shipped one, to where the simulated server listens. Only https goes out."""

    port: int
    http: HttpTransport

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        parts = urlsplit(request.url)
        if parts.scheme != "https" or parts.username or parts.fragment:
            return NotSent(reason="not_https")
        there = parts._replace(scheme="http", netloc=f"127.0.0.1:{self.port}").geturl()
        headers = {**request.headers, ORIGIN: parts.netloc}
        return self.http.send(replace(request, url=there, headers=headers), timeout_seconds=timeout_seconds)


@dataclass
class MemoryTransport:
    """`ProviderTransport` without a socket, for a virtual day and for mutants."""

    answering: Answering

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        assert timeout_seconds > 0
        parts = urlsplit(request.url)
        if parts.scheme != "https" or not re.fullmatch(r"[a-z0-9.-]+", parts.netloc):
            return NotSent(reason="not_https")
        query = "&".join(part for part in (parts.query, urlencode(request.query)) if part)
        reply = self.answering(
            Call(
                method=request.method,
                host=parts.netloc,
                target=(parts.path or "/") + (f"?{query}" if query else ""),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.body,
            )
        )
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return HttpAnswer(status=reply.status, headers=headers, body=reply.body)


_LOOPBACK: list[tuple[Loopback, HttpTransport]] = []


@contextmanager
def over_http(answering: Answering) -> Iterator[LoopbackTransport]:
    """A transport to *answering* over real HTTP; the listening socket is kept for the process."""
    if not _LOOPBACK:
        _LOOPBACK.append((Loopback(), HttpTransport(allow_loopback=True)))
    loopback, http = _LOOPBACK[0]
    loopback.answering = answering
    yield LoopbackTransport(port=loopback.port, http=http)
    loopback.answering = None
