"""What the reader's tests read from: secrets as the publisher writes them, on moto, and an API of a few lines on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config

from evertoken.client import AsyncTokenReader, TokenReader
from evertoken.client.api_async_client import AsyncEvertokenClient
from evertoken.client.api_client import EvertokenClient

PREFIX = "evertoken/test/tokens/acme"
CONNECTION = "con_abcdefghijklmnopqrstuvwxyz"
CLIENT_ID, CLIENT_SECRET = "cli_reader", "evs_reader-secret"


class Clock:
    """A wall clock that stands until it is moved."""

    def __init__(self):
        self.seconds = datetime.now(UTC).timestamp()

    def __call__(self):
        return self.seconds

    def move(self, seconds):
        self.seconds += seconds

    def instant(self, after_seconds=0.0):
        return datetime.fromtimestamp(self.seconds + after_seconds, UTC)


def document(generation, expires_at, connection_id=CONNECTION, **changes):
    content = {
        "access_token": f"token-{generation}",
        "token_type": "Bearer",
        "expires_at": None if expires_at is None else expires_at.isoformat(),
        "scope": "read",
        "generation": generation,
        "connection_id": connection_id,
        "extra": {"number": str(generation)},
    }
    return {**content, **changes}


class Secrets:
    """Secrets Manager with a count of the calls that reach it, and with *clock* as its own, `ahead_seconds` apart."""

    def __init__(self, clock):
        self.ahead_seconds = 0
        self._clock = clock
        self.client = boto3.client("secretsmanager", config=Config(retries={"total_max_attempts": 1}))
        self.calls = 0
        self._lock = threading.Lock()
        self.client.meta.events.register("before-send.secrets-manager.GetSecretValue", self._count)
        self.client.meta.events.register("after-call.secrets-manager.GetSecretValue", self._date)

    def _count(self, **_):
        with self._lock:
            self.calls += 1

    def _date(self, parsed, **_):
        headers = parsed["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = formatdate(self._clock() + self.ahead_seconds, usegmt=True)

    def put(self, content, connection_id=CONNECTION):
        text = content if isinstance(content, str) else json.dumps(content)
        name = f"{PREFIX}/{connection_id}"
        try:
            self.client.put_secret_value(SecretId=name, SecretString=text)
        except self.client.exceptions.ResourceNotFoundException:
            self.client.create_secret(Name=name, SecretString=text)


class Api(ThreadingHTTPServer):
    """The API's three routes as docs/api.md has them; `answer` is what GET …/token says."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, clock):
        self.ahead_seconds = 0
        self.clock = clock
        super().__init__(("127.0.0.1", 0), _ApiHandler)
        self.calls = Counter()
        self.queries = []
        self.answer = lambda query: (503, refusal("TOKEN_REFRESH_ERROR", retryable=True, retry_after=7))
        self.connections = []
        self.good_bearers = {"bearer-1"}
        self.issues = "bearer-1"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def client(self, **given):
        """Return a client that sends nothing twice, so that calls can be counted."""
        return EvertokenClient(
            self.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, **{"retries": 0, **given}
        )

    def async_client(self, **given):
        return AsyncEvertokenClient(
            self.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, **{"retries": 0, **given}
        )

    def serve(self, content):
        self.answer = lambda query: (200, content)

    def refuse(self, code, status=409, **more):
        self.answer = lambda query: (status, refusal(code, **more))

    def handle_error(self, request, client_address):
        """Clients that hang up are no error here."""

    def close(self):
        self.shutdown()
        self.server_close()
        self._thread.join(5)


def refusal(code, **more):
    return {"error": {"code": code, "message": f"{code}, and what mends it.", "retryable": False, **more}}


class _ApiHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api
    disable_nagle_algorithm = (
        True  # head and body are two writes: the second would wait 40 ms for an acknowledgement
    )

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.calls["bearer"] += 1
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {expected}":
            self._say(401, refusal("UNAUTHORIZED"))
        else:
            self._say(200, {"access_token": self.server.issues, "token_type": "Bearer", "expires_in": 900})

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.headers["Authorization"].removeprefix("Bearer ") not in self.server.good_bearers:
            self.server.calls["refused bearer"] += 1
            self._say(401, refusal("UNAUTHORIZED"))
        elif parts.path == "/v1/connections":
            self.server.calls["list"] += 1
            self.server.queries.append(query)
            matching = [
                row for row in self.server.connections if query.get("account") in (None, row["account"])
            ]
            self._say(200, {"connections": matching, "cursor": None})
        else:
            self.server.calls["token"] += 1
            self.server.queries.append(query)
            self._say(*self.server.answer(query))

    def date_time_string(self, timestamp=None):
        return formatdate(self.server.clock() + self.server.ahead_seconds, usegmt=True)

    def _say(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Correlation-Id", "corr-1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Blocking:
    """A TokenReader over these sources."""

    is_async = False

    def __init__(self, clock):
        self.clock = clock

    def reader(self, *, api=None, **given):
        source = None if api is None else api.client()
        return TokenReader(api=source, _now=self.clock, _random=lambda: 1.0, **given)


class Awaiting:
    """An AsyncTokenReader over these sources, called from outside its loop, so that one suite asks both the same."""

    is_async = True

    def __init__(self, clock):
        self.clock = clock
        self.loop = asyncio.new_event_loop()

    def reader(self, *, api=None, **given):
        source = None if api is None else api.async_client()
        reader = AsyncTokenReader(api=source, _now=self.clock, _random=lambda: 1.0, **given)
        return _FromOutside(reader, self.loop)


class _FromOutside:
    def __init__(self, reader, loop):
        self._reader = reader
        self._loop = loop

    def __getattr__(self, name):
        method = getattr(self._reader, name)
        if name in ("invalidate", "note_refused"):
            return method
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))

    def close(self):
        self._loop.run_until_complete(self._reader.aclose())
