"""Lambda's Runtime API for one sandbox: serves invocations to AWS's own runtime client, which runs the function.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (read 2026-11-21). The server knows one client and one invocation at a
time, as a sandbox does; a new process gets a new server, so that what a killed client had asked for cannot swallow the next event.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "/2018-06-01/runtime"
REGION, ACCOUNT = "us-east-1", "000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the runtime client sent back: the result, or the error as AWS would report it."""

    request_id: str | None
    payload: Any
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    request_id: str
    event: bytes
    deadline_milliseconds: int


class RuntimeApi:
    """The server side of one sandbox."""

    def __init__(self, function_name: str) -> None:
        """Listen on a free loopback port."""
        self.function_name = function_name
        self._pending: queue.Queue[_Pending | None] = queue.Queue()
        self.answers: queue.Queue[Answer] = queue.Queue()
        api = self

        class Handler(_Handler):
            runtime_api = api

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def offer(self, event: Any, timeout_seconds: float) -> str:
        """Give the client its next event, and return the request id."""
        request_id = str(uuid.uuid4())
        deadline = int((time.time() + timeout_seconds) * 1000)
        body = json.dumps(event).encode()
        self._pending.put(_Pending(request_id=request_id, event=body, deadline_milliseconds=deadline))
        return request_id

    def take(self) -> _Pending | None:
        """Wait for the next event; None when the sandbox is closed."""
        return self._pending.get()

    def close(self) -> None:
        """Stop serving."""
        self._pending.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    runtime_api: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client was killed, as tests do
            super().handle()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer ``invocation/next`` once there is an event."""
        pending = self.runtime_api.take()
        if pending is None:
            self.close_connection = True
            return
        name = self.runtime_api.function_name
        self._answer(
            200,
            pending.event,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": pending.request_id,
                "Lambda-Runtime-Deadline-Ms": str(pending.deadline_milliseconds),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]};Sampled=0",
            },
        )

    def do_POST(self) -> None:
        """Take ``response``, ``error`` or ``init/error``."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        *_, owner, kind = self.path.split("/")
        payload = json.loads(body) if body else None
        request_id = None if owner == "init" else owner
        self.runtime_api.answers.put(Answer(request_id=request_id, payload=payload, is_error=kind == "error"))
        self._answer(202, b"", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
