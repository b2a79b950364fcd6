"""The page on this machine that a browser comes back to (RFC 8252 section 7.3): it tells who waits what came, and the person that they may close it.

That the browser arrives here proves that whoever consented sits at this machine, which is what completing has to prove (docs/api.md, Connecting).
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from evertoken.client.loopback import is_loopback

_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Evertoken</title>"
    "<body><p>{text}</p><p>You can close this page and go back to the terminal.</p></body></html>"
)
_PORT_OF_HTTP = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What the browser brought."""

    status: str
    session_uri: str = field(repr=False)


def parse_return(address: str) -> Return:
    """Return what stands in the address that the browser came to."""
    query = parse_qs(urlsplit(address).query)
    return Return(
        status=query.get("status", [""])[0],
        session_uri=query.get("session_uri", [""])[0],
    )


class ReturnPage:
    """Listens at *return_url*, for the browser that brings *session_uri* back; other requests find nothing.

    Raises: OSError when the address is taken, ValueError when it is no http address of this machine.
    """

    def __init__(self, return_url: str) -> None:
        parts = urlsplit(return_url)
        host = parts.hostname or ""
        if parts.scheme != "http" or not is_loopback(host):
            raise ValueError("not an http address of this machine")
        self._path = parts.path or "/"
        self._arrived: queue.SimpleQueue[Return] = queue.SimpleQueue()
        self._session_uri = ""
        self._server = ThreadingHTTPServer((host, parts.port or _PORT_OF_HTTP), self._build_handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def expect(self, session_uri: str) -> None:
        """Take this session and no other: somebody else's link is not ours to complete."""
        self._session_uri = session_uri

    def wait(self, seconds: float) -> Return | None:
        """Return what the browser brought, or None when nothing came in time."""
        try:
            return self._arrived.get(timeout=seconds)
        except queue.Empty:
            return None

    def _find(self, target: str) -> Return | None:
        if urlsplit(target).path != self._path:
            return None
        brought = parse_return(target)
        return brought if self._session_uri and brought.session_uri == self._session_uri else None

    def _build_handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                brought = page._find(self.path)  # one class in two halves: http.server makes this one
                if brought is None:
                    self._show(404, "Nothing waits for this address.")
                    return
                went_well = brought.status == "returned"
                self._show(200, "Consent has come back." if went_well else "The provider gave no consent.")
                page._arrived.put(brought)  # likewise

            def _show(self, status: int, text: str) -> None:
                content = _PAGE.format(text=text).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Content-Security-Policy", "default-src 'none'")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing: the line would hold the session."""

        return Handler
