"""A socket on which every call counts against one deadline, so that a slow drip cannot outlast it (security facts P8)."""

from __future__ import annotations

import io
import select
import socket
import ssl
import time


class DeadlineSocket(io.RawIOBase):
    """A connected socket, readable as a raw stream; `deadline` is monotonic and set anew for each request.

    While `is_resting` a read says that nothing is there, instead of waiting. `is_at_end` when a read has met the end of the connection.
    """

    def __init__(self, connected: socket.socket) -> None:
        super().__init__()
        self._socket = connected
        self.deadline = 0.0
        self.has_sent = False
        self.is_resting = False
        self.is_at_end = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        """Read what is there into *buffer*. Raises TimeoutError past the deadline, OSError."""
        if self.is_resting:
            return None
        self._arm()
        received = self._socket.recv_into(buffer)
        self.is_at_end = received == 0
        return received

    def send_all(self, payload: bytes) -> None:
        """Send *payload*; from the first byte that was accepted on, `has_sent` says so. Raises TimeoutError past the deadline, OSError."""
        rest = memoryview(payload)
        while rest:
            self._arm()
            sent = self._socket.send(rest)
            self.has_sent = True
            rest = rest[sent:]

    def close(self) -> None:
        """Close the socket."""
        try:
            self._socket.close()
        finally:
            super().close()

    def has_something_to_read(self) -> bool:
        """Return whether bytes, or the end of the connection, wait to be read: on an idle connection neither is welcome."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(0))

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
