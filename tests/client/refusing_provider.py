"""A provider on loopback that refuses stale tokens, and notes what it was sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class RefusingProvider(ThreadingHTTPServer):
    """Serves those of `good`, in the ways that real ones differ; `requests` is (path, token, body) of each that came."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.good = {"token-1"}
        self.requests = []
        self.redirect_to = ""
        self.may_end_download = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def tokens(self):
        return [token for _, token, _ in self.requests]

    def handle_error(self, request, client_address):
        """Clients that hang up are no error here."""

    def close(self):
        self.may_end_download.set()
        self.shutdown()
        self.server_close()
        self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RefusingProvider
    disable_nagle_algorithm = (
        True  # head and body are two writes: the second would wait 40 ms for an acknowledgement
    )

    def do_GET(self):
        self._serve(b"")

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve(body)

    def _serve(self, body):
        sent = self.headers.get("Authorization")
        token = None if sent is None else sent.removeprefix("Bearer ")
        self.server.requests.append((self.path, token, body))
        is_good = token in self.server.good
        if self.path == "/elsewhere":
            self.send_response(307)
            self.send_header("Location", self.server.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/order":
            self.send_response(303)
            self.send_header("Location", "/data")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/download":
            self._download()
        elif self.path == "/always-200":
            self._say(200, {"ok": is_good} if is_good else {"ok": False, "error": "token_expired"})
        elif self.path == "/api-key":
            self._say(403, {"errorCode": "error.security.api-key-invalid"})
        elif is_good:
            self._say(200, {"seen": len(body)})
        elif self.path == "/ig":
            self._say(403, {"errorCode": "error.security.oauth-token-invalid"})
        elif self.path == "/odd-401":
            self._say(401, ["not", "an", "object"])
        else:
            self._say(401, {"error": "invalid_token"})

    def _download(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"one")
        self.wfile.flush()
        self.server.may_end_download.wait(10)
        self.wfile.write(b"two")

    def _say(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
