"""One connection to a provider: opened to a checked address, one request at a time, and what its answer may look like."""

from __future__ import annotations

import http.client
import io
import time
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from evertoken.adapters.deadline_socket import DeadlineSocket
from evertoken.domain.http import HttpAnswer

MAX_BODY_BYTES = 1024 * 1024
MAX_DECODED_BYTES = 4 * 1024 * 1024
_MAX_INTERIM_ANSWERS = 8
_ZLIB_DEFLATE = 8
"""The compression method in a zlib header (RFC 1950 section 2.2)."""


class AnswerError(Exception):
    """No whole answer can be had; `reason` is a word of the closed alphabet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Reader(io.BufferedReader):
    """The connection's reader: an answer that is done with it does not close it."""

    def makefile(self, _mode: str) -> _Reader:
        """Return itself: to `http.client` it is the socket as well."""
        return self

    def close(self) -> None:
        """Stay open."""


class ProviderConnection:
    """A connected socket that speaks HTTP/1.1. Not for two threads at once."""

    def __init__(self, wire: DeadlineSocket) -> None:
        self._wire = wire
        self._reader = _Reader(wire, 16_384)
        self._idle_since = (0.0, 0.0)
        self.is_reusable = False

    @property
    def has_sent(self) -> bool:
        """Whether a byte of the request under way may have reached the provider."""
        return self._wire.has_sent

    def exchange(self, method: str, payload: bytes, *, deadline: float) -> HttpAnswer:
        """Send *payload* (a whole request) and return the answer, before the monotonic *deadline*.

        Raises:
            AnswerError: the answer is too large, malformed or cut short.
            TimeoutError, OSError: the deadline passed, or the connection broke.
        """
        self.is_reusable = False
        self._wire.is_resting, self._wire.has_sent, self._wire.deadline = False, False, deadline
        self._wire.send_all(payload)
        try:
            response = self._read_head(method)
            headers = {name.lower(): value for name, value in response.headers.items()}
            raw = _read_body(response)
        except http.client.IncompleteRead:
            raise AnswerError("truncated") from None
        except ConnectionError:
            raise
        except (http.client.HTTPException, ValueError):
            raise AnswerError("malformed") from None
        self._wire.is_resting = True
        # Bytes beyond the answer belong to nobody: such a connection is not trusted with another request.
        self.is_reusable = not response.will_close and not self._reader.peek(1)
        return HttpAnswer(status=response.status, headers=headers, body=_decode(raw, headers))

    def rest(self) -> None:
        """Note that the connection is idle from now on."""
        self._idle_since = (time.monotonic(), time.time())

    def is_fresh(self, limit_seconds: float) -> bool:
        """Return whether the connection was idle for less than *limit_seconds* and the provider has not closed it.

        By both clocks: a process that was frozen in between may have missed time on the monotonic one.
        """
        monotonic_at, wall_at = self._idle_since
        idle = max(time.monotonic() - monotonic_at, abs(time.time() - wall_at))
        return idle < limit_seconds and not self._wire.has_something_to_read()

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def _read_head(self, method: str) -> http.client.HTTPResponse:
        source: Any = self._reader
        for _ in range(_MAX_INTERIM_ANSWERS):
            response = http.client.HTTPResponse(source, method=method)
            response.begin()
            if self._wire.is_at_end:
                # The parser takes the end of the connection for the end of the head.
                raise AnswerError("truncated")
            if response.status >= HTTPStatus.OK:
                return response
        raise AnswerError("malformed")


def _read_body(response: http.client.HTTPResponse) -> bytes:
    if response.length is None:
        # Chunked, or up to the end of the connection.
        body = response.read(MAX_BODY_BYTES + 1)
    elif response.length > MAX_BODY_BYTES:
        raise AnswerError("too_large")
    else:
        body = response.read()
    if len(body) > MAX_BODY_BYTES:
        raise AnswerError("too_large")
    return body


def _decode(raw: bytes, headers: Mapping[str, str]) -> bytes:
    """We ask for no encoding; some servers compress all the same."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or not raw:
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise AnswerError("encoding_unsupported")
    # 32: the header tells zlib from gzip. Deflate without the zlib header (RFC 9110 section 8.4.1.2) begins otherwise.
    window = (
        -zlib.MAX_WBITS if encoding == "deflate" and raw[0] & 0x0F != _ZLIB_DEFLATE else 32 + zlib.MAX_WBITS
    )
    inflater = zlib.decompressobj(window)
    try:
        body = inflater.decompress(raw, MAX_DECODED_BYTES + 1)
    except zlib.error:
        raise AnswerError("malformed") from None
    if len(body) > MAX_DECODED_BYTES:
        raise AnswerError("too_large")
    if not inflater.eof:
        raise AnswerError("truncated")
    return body
