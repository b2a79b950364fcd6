"""The scripted provider over HTTP: a real loopback server whose every misdeed is planned by the test."""

import secrets
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.provider_faults import Fault, FaultScript
from tests.support.provider_ledger import ProviderLedger
from tests.support.provider_profile import ProviderProfile
from tests.support.provider_requests import Call, Reply
from tests.support.provider_rules import ProviderRules

_ENDPOINTS = {
    "/authorize": "authorize",
    "/token": "token",
    "/revoke": "revoke",
    "/resource": "resource",
    "/.well-known/openid-configuration": "metadata",
    "/.well-known/oauth-authorization-server": "metadata",
}
_PIECE = b" " * 65536


class ScriptedProvider:
    """A running provider; use it as a context manager. It listens from construction, on 127.0.0.1 only.

    `rules` holds its state and controls, `ledger` what happened, `script` the faults to come. `errors`
    collects what went wrong inside the provider itself; `bytes_sent` counts what an endless body got rid of.
    """

    def __init__(
        self, profile: ProviderProfile | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.provider = self
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        prefix = f"canary{secrets.token_hex(6)}"
        self.rules = ProviderRules(
            profile or ProviderProfile(), issuer=self.issuer, clock=clock, prefix=prefix
        )
        self.script = FaultScript()
        self.token_prefix = prefix
        self.errors: list[BaseException] = []
        self.bytes_sent = 0
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def ledger(self) -> ProviderLedger:
        return self.rules.ledger

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and let go of every connection that hangs."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    provider: ScriptedProvider

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        # A client that hangs up is an ordinary event here; anything else is a fault of this file.
        if error is not None and not isinstance(error, ConnectionError):
            self.provider.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One segment an answer: unbuffered header lines and Nagle together cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing: request lines may hold codes."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        endpoint = _ENDPOINTS.get(parts.path)
        if endpoint is None:
            self._send(Reply(404, {"Content-Length": "0"}, b""))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(method=self.command, endpoint=endpoint, query=parts.query, headers=headers, body=body)
        provider = self.server.provider
        record = provider.rules.begin(call)
        fault = provider.script.take(record)
        try:
            if fault is None:
                self._send(provider.rules.process(call, record))
                return
            record.fault = fault.name
            self._wait(fault.delay_before_seconds)
            own = provider.rules.process(call, record) if fault.commits else Reply(200, {}, b"")
            self._wait(fault.delay_after_seconds)
            self._deliver(fault, fault.apply(own))
        finally:
            provider.rules.end(record)

    def _deliver(self, fault: Fault, reply: Reply) -> None:
        match fault.delivery:
            case "whole":
                self._send(reply)
            case "drip":
                self._drip(fault, reply)
            case "endless":
                self._send_endless(fault, reply)
            case "hang":
                self.server.provider.stopping.wait()
                self.close_connection = True
            case "close" | "reset":
                self._drop(reset=fault.delivery == "reset")

    def _send(self, reply: Reply) -> None:
        self._send_head(reply)
        self.wfile.write(reply.body)
        self.wfile.flush()

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, fault: Fault, reply: Reply) -> None:
        self._send_head(reply)
        for start in range(0, len(reply.body), fault.drip_bytes):
            self.wfile.flush()
            self._wait(fault.drip_pause_seconds)
            self.wfile.write(reply.body[start : start + fault.drip_bytes])
        self.wfile.flush()

    def _send_endless(self, fault: Fault, reply: Reply) -> None:
        self._send_head(Reply(reply.status, {**reply.headers, "Transfer-Encoding": "chunked"}, b""))
        sent = 0
        while sent < fault.endless_bytes and not self.server.provider.stopping.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE))
            self.wfile.flush()
            sent += len(_PIECE)
            self.server.provider.bytes_sent = sent
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _drop(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Linger for zero seconds: closing sends RST in place of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float) -> None:
        if seconds:
            self.server.provider.stopping.wait(seconds)
