"""What the tests of the OAuth client share: a clock to move, a provider over HTTP, and both kinds of client under one face."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from evertoken.client import AsyncOAuthClient, OAuthClient, OAuthConfig
from tests.support.provider_profile import ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

CLIENT_ID, CLIENT_SECRET = "client-1", "secret: % + & é"
REDIRECT_URI = "http://127.0.0.1:9/callback"
KINDS = ("blocking", "asyncio")


class VirtualClock:
    """A wall clock that stands until it is moved: `seconds` for the provider, calling it for the client."""

    def __init__(self):
        self._seconds = time.time()

    def seconds(self):
        return self._seconds

    def __call__(self):
        return datetime.fromtimestamp(self._seconds, UTC)

    def move(self, seconds):
        self._seconds += seconds


class Awaited:
    """An AsyncOAuthClient whose coroutines are run to their end at once."""

    def __init__(self, client, loop):
        self._client = client
        self._loop = loop

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if name == "results":
            return Awaited(value, self._loop)
        return self._settled(value) if callable(value) else value

    def _settled(self, function):
        def call(*arguments, **named):
            returned = function(*arguments, **named)
            return self._loop.run_until_complete(returned) if inspect.isawaitable(returned) else returned

        return call


class OAuthWorld:
    """A provider and clients of one kind; `close` ends them all."""

    def __init__(self, kind, **profile):
        self.clock = VirtualClock()
        self.provider = ScriptedProvider(ProviderProfile(**profile), clock=self.clock.seconds)
        self.provider.__enter__()
        self.kind = kind
        self.operations = []
        self._loop = asyncio.new_event_loop() if kind == "asyncio" else None
        self._clients = []

    def config(self, **changes):
        return OAuthConfig(
            **{
                "token_url": self.provider.token_endpoint,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "authorization_url": f"{self.provider.issuer}/authorize",
                "userinfo_url": f"{self.provider.issuer}/resource",
                "redirect_uri": REDIRECT_URI,
                "timeout_seconds": 5.0,
                **changes,
            }
        )

    def client(self, config=None, **options):
        options = {"_clock": self.clock, "on_operation": self.operations.append, **options}
        config = config or self.config()
        if self._loop is None:
            client = OAuthClient(config, **options)
        else:
            client = Awaited(AsyncOAuthClient(config, **options), self._loop)
        self._clients.append(client)
        return client

    def connected(self, *, storage=None, config=None, **options):
        """A client with the tokens of a new grant, and what the provider answered."""
        client = self.client(config, storage=storage, **options)
        answer = self.provider.rules.connect()
        tokens = client.refresh(answer["refresh_token"])
        return client, tokens

    def count(self, **which):
        return len(self.provider.ledger.find_requests("token", **which))

    def close(self):
        for client in self._clients:
            # What a test leaves unsaved on purpose is no failure of its end.
            with contextlib.suppress(Exception):
                client.close()
        if self._loop is not None:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
        self.provider.stop()
        assert self.provider.errors == []
        assert self.provider.ledger.violations == []


class ListStorage:
    """Remembers every save; raises what `failures` holds, one a save."""

    def __init__(self, *failures, fails_for_ever=False):
        self.saved = []
        self.attempts = 0
        self.failures = list(failures)
        self.fails_for_ever = fails_for_ever

    def load(self):
        return self.saved[-1] if self.saved else None

    def save(self, tokens):
        self.attempts += 1
        if self.fails_for_ever:
            raise OSError(28, "No space left on device")
        if self.failures:
            raise self.failures.pop(0)
        self.saved.append(tokens)


class JsonServer:
    """A server on loopback that answers what a function of (method, path, headers, body) returns: (status, headers, body)."""

    def __init__(self, play):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = (
                True  # head and body are two writes: the second would wait 40 ms for an acknowledgement
            )

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.command, self.path, headers, body))
                status, extra, answer = play(self.command, self.path, headers, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **extra,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            do_GET = do_POST = serve  # noqa: N815  # http.server's names

            def log_message(self, *_):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
