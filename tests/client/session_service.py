"""A service of sessions on loopback that keeps the rules of docs/sessions.md in true, short times, and fails on demand."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFRESH = ("POST", "/v1/auth/refresh-token")


class SessionService:
    """One session; `script` holds what happens to the next requests in place of, or after, their work."""

    def __init__(self, *, lifetime_seconds: float, grace_seconds: float, leeway_seconds: float) -> None:
        self.lifetime = timedelta(seconds=lifetime_seconds)
        self.grace = timedelta(seconds=grace_seconds)
        self.leeway = timedelta(seconds=leeway_seconds)
        self.session_id = "ses_" + "a" * 26
        self.ends_at = datetime.now(UTC) + timedelta(hours=12)
        self.is_over = False
        self.reuses = 0
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.asked: list[tuple[str, str]] = []
        self.script: list[str] = []
        self.lock = threading.Lock()
        self.expiries: dict[str, datetime] = {}
        self.newest = self._issue()
        self.parent = ""
        self.replaced_at = self.clock()

    @property
    def refreshes(self) -> int:
        return self.asked.count(REFRESH)

    def is_valid(self, token: str, *, lenient: bool = False) -> bool:
        end = self.expiries.get(token)
        return (
            end is not None
            and not self.is_over
            and self.clock() < end + (self.grace if lenient else timedelta())
        )

    def answer(self, method: str, path: str, token: str) -> tuple[int, dict[str, object] | None]:
        if not self.is_valid(token, lenient=method != "DELETE"):
            return self._refuse()
        if (method, path) == REFRESH:
            return self._refresh(token)
        if path != f"/v1/sessions/{self.session_id}":
            return self._refuse()
        if method == "DELETE":
            self.is_over = True
            return 204, None
        return 200, {"session_id": self.session_id, "status": "active", "ends_at": _iso(self.ends_at)}

    def _refresh(self, token: str) -> tuple[int, dict[str, object] | None]:
        if token == self.newest:
            self.parent, self.newest, self.replaced_at = token, self._issue(), self.clock()
        elif token != self.parent or self.clock() > self.replaced_at + self.leeway:
            self.is_over = True
            self.reuses += 1
            return self._refuse()
        user = {"user_id": "137", "email": "user@example.com", "role": "PATIENT", "name": "User Name"}
        return 200, {
            "access_token": self.newest,
            "token_type": "bearer",
            "expires_at": _iso(self.expiries[self.newest]),
            "user": user,
        }

    def _issue(self) -> str:
        token = f"session-token-{secrets.token_hex(8)}"
        self.expiries[token] = self.clock() + self.lifetime
        return token

    def _refuse(self) -> tuple[int, dict[str, object]]:
        return 401, _envelope("UNAUTHORIZED", retryable=False)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _envelope(code: str, *, retryable: bool) -> dict[str, object]:
    inside = {"code": code, "message": "No.", "correlation_id": "c-1", "retryable": retryable}
    return {"error": inside}


@contextmanager
def serving(
    *, lifetime_seconds: float = 3600, grace_seconds: float = 900, leeway_seconds: float = 15
) -> Iterator[tuple[SessionService, str]]:
    """A service and its address."""
    service = SessionService(
        lifetime_seconds=lifetime_seconds, grace_seconds=grace_seconds, leeway_seconds=leeway_seconds
    )

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = (
            True  # head and body are two writes: the second would wait 40 ms for an acknowledgement
        )

        def _handle(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            with service.lock:
                service.asked.append((self.command, self.path))
                fault = service.script.pop(0) if service.script else ""
                if fault == "unavailable":
                    status, document = 503, _envelope("STORE_UNAVAILABLE", retryable=True)
                elif fault == "limited":
                    status, document = 429, _envelope("RATE_LIMITED", retryable=True)
                else:
                    status, document = service.answer(self.command, self.path, token)
                    if fault == "time_out":
                        status, document = 503, _envelope("STORE_UNAVAILABLE", retryable=True)
            if fault == "lose":
                self.close_connection = True
                return
            body = b"" if document is None else json.dumps(document).encode()
            if fault == "garble":
                body = b"<html>"
            self.send_response_only(status)
            self.send_header("Date", service.clock().strftime("%a, %d %b %Y %H:%M:%S GMT"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
