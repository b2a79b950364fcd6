"""`ProviderTransport` on the standard library's sockets and HTTP parser: one request, sent once, and exactly what became of it.

No redirects are followed, nothing is read from the environment (proxies, certificate files, key logs, .netrc), every step counts against one deadline,
and the address that was checked is the one that is connected to. Why not httpx: `docs/decisions/provider-transport.md`.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from evertoken.adapters.address_check import Address, ResolutionError, check_addresses, resolve_host
from evertoken.adapters.deadline_socket import DeadlineSocket
from evertoken.adapters.idle_connections import IdleConnections
from evertoken.adapters.provider_connection import AnswerError, ProviderConnection
from evertoken.domain.http import HttpExchange, HttpRequest, NoAnswer, NotSent

CONNECT_LIMIT_SECONDS = 3.0
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9a-fA-F:.]{2,45}")
_TARGET = re.compile(r"[\x21-\x7e]*")
_METHOD = re.compile(r"[A-Z]{1,10}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int


class HttpTransport:
    """Sends requests to providers; safe under threads.

    *allow_loopback* admits this machine, over http too (the local stage). *resolve*, *dial* and *tls_context* are there for tests.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Callable[[str, int, float], Sequence[Address]] = resolve_host,
        dial: Callable[[Address, int, float], socket.socket] | None = None,
        tls_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._dial = dial or _dial
        self._build_tls_context = tls_context or _build_tls_context
        self._tls_context: ssl.SSLContext | None = None
        self._tls_lock = threading.Lock()
        self._idle = IdleConnections()

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        """Send *request* once and return what came of it, within *timeout_seconds* in all; never raises for what a provider or network does.

        `NotSent` is returned only when no byte of the request was accepted by a connection to the provider.
        """
        deadline = time.monotonic() + timeout_seconds
        unusable = NotSent(reason="request_unusable")
        origin = _find_origin(request.url)
        payload = None if origin is None else _find_payload(origin, request)
        if origin is None or payload is None:
            return unusable
        waiting = self._idle.find(origin)
        if waiting is not None:
            exchange = self._exchange(origin, waiting, request.method, payload, deadline)
            if not isinstance(exchange, NotSent):
                return exchange
            # Nothing left this machine: a new connection may try.
        opened = self._open(origin, deadline)
        if isinstance(opened, NotSent):
            return opened
        return self._exchange(origin, opened, request.method, payload, deadline)

    def close(self) -> None:
        """Close the idle connections."""
        self._idle.close()

    def _exchange(
        self, origin: _Origin, connection: ProviderConnection, method: str, payload: bytes, deadline: float
    ) -> HttpExchange:
        try:
            return connection.exchange(method, payload, deadline=deadline)
        except AnswerError as error:
            return NoAnswer(reason=error.reason)
        except TimeoutError:
            return _failed(connection, "timeout")
        except (OSError, http.client.HTTPException):
            return _failed(connection, "connection_broken")
        finally:
            if connection.is_reusable:
                self._idle.keep(origin, connection)
            else:
                connection.close()

    def _open(self, origin: _Origin, deadline: float) -> ProviderConnection | NotSent:
        try:
            addresses = check_addresses(
                self._resolve(origin.host, origin.port, deadline - time.monotonic()),
                scheme=origin.scheme,
                allow_loopback=self._allow_loopback,
            )
        except ResolutionError as error:
            return NotSent(reason=error.reason)
        reason = "connect_timeout"
        for address in addresses:
            limit = min(CONNECT_LIMIT_SECONDS, deadline - time.monotonic())
            if limit <= 0:
                break
            try:
                connected = self._dial(address, origin.port, limit)
            except TimeoutError:
                continue
            except OSError:
                reason = "connect_failed"
                continue
            return self._secure(origin, connected, deadline)
        return NotSent(reason=reason)

    def _secure(
        self, origin: _Origin, connected: socket.socket, deadline: float
    ) -> ProviderConnection | NotSent:
        if origin.scheme == "http":
            return ProviderConnection(DeadlineSocket(connected))
        try:
            connected.settimeout(max(deadline - time.monotonic(), 0.001))
            # The name goes into SNI and is what the certificate must be for, whichever address was chosen.
            secured = self._get_tls_context().wrap_socket(connected, server_hostname=origin.host)
        except TimeoutError:
            connected.close()
            return NotSent(reason="tls_timeout")
        except (OSError, ValueError):
            connected.close()
            return NotSent(reason="tls_failed")
        return ProviderConnection(DeadlineSocket(secured))

    def _get_tls_context(self) -> ssl.SSLContext:
        with self._tls_lock:
            if self._tls_context is None:
                self._tls_context = self._build_tls_context()
            return self._tls_context


def _failed(connection: ProviderConnection, reason: str) -> HttpExchange:
    return NoAnswer(reason=reason) if connection.has_sent else NotSent(reason=reason)


def _dial(address: Address, port: int, timeout_seconds: float) -> socket.socket:
    """Return a socket connected to *address*. Raises TimeoutError, OSError."""
    connecting = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(timeout_seconds)
        connecting.connect((address.text, port))
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _build_tls_context() -> ssl.SSLContext:
    """Return a context that trusts certifi's authorities: `SSL_CERT_FILE` and `SSLKEYLOGFILE` have no say."""
    import certifi  # only who speaks TLS to a provider pays for it

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _find_origin(url: str) -> _Origin | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        host = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in _PORTS or "@" in parts.netloc or _HOST.fullmatch(host) is None:
        return None
    return _Origin(parts.scheme, host, port)


def _find_payload(origin: _Origin, request: HttpRequest) -> bytes | None:
    """Return the whole request as bytes, or None when a part of it cannot be in one."""
    parts = urlsplit(request.url)
    query = "&".join(part for part in (parts.query, urlencode(request.query)) if part)
    target = (parts.path or "/") + (f"?{query}" if query else "")
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    authority = host if origin.port == _PORTS[origin.scheme] else f"{host}:{origin.port}"
    headers = {"Host": authority, "Accept-Encoding": "identity", **request.headers}
    if request.body or request.method not in ("GET", "DELETE"):
        headers["Content-Length"] = str(len(request.body))
    usable = (
        _METHOD.fullmatch(request.method)
        and _TARGET.fullmatch(target)
        and all(
            _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in headers.items()
        )
    )
    if not usable:
        return None
    lines = [
        f"{request.method} {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii") + request.body
