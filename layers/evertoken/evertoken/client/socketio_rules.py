"""The rules by which a socket is opened and opened again with a session's current token: generators without input or output (see `steps`)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from evertoken.client.errors import (
    ConfigurationError,
    EvertokenClientError,
    TokenRejectedError,
    TransportError,
)
from evertoken.client.loopback import is_loopback

ATTEMPTS: Final = 10
"""With the waits between them about three minutes."""
FIRST_BACK_OFF_SECONDS: Final = 0.5
LONGEST_BACK_OFF_SECONDS: Final = 30.0
SETTLED_SECONDS: Final = 10.0
"""A connection that lasted as long was a good one: what failed before it is forgotten."""
_MOST_REFUSALS: Final = 2
_REFUSING_WORDS: Final = ("expired", "unauthorized", "unauthorised", "invalid", "status code 401")
_WORDS_FOR_TOKENS: Final = ("token", "jwt", "credential", "unauthorized", "unauthorised")


@dataclass(frozen=True, slots=True)
class NeedToken:
    """The current token is needed, and a newer one than *refused*."""

    refused: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Open:
    """Open a connection with *token*; the answer is what the server refused it with, all of it, and nothing when it is open."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Tell the server which room is meant; the payload holds the token."""

    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Command = NeedToken | Open | Join | Pause
Steps = Generator[Command, Any, None]
Refusal = Callable[[object], bool]


def says_refused(message: object) -> bool:
    """Return whether a `connect_error` says that the token was not taken: `expired`, `unauthorized` or `invalid`, in whatever form."""
    text = str(message).lower()
    return any(word in text for word in _REFUSING_WORDS)


def says_token_refused(message: object) -> bool:
    """Return whether an `error` says the same, and of the token: on an open connection `invalid` may be said of anything that was sent."""
    text = str(message).lower()
    return says_refused(message) and any(word in text for word in _WORDS_FOR_TOKENS)


def check_address(url: str) -> str:
    """Return the address of a Socket.IO server. Raises: ConfigurationError when it is neither encrypted nor on this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("https", "wss") or (
        parts.scheme in ("http", "ws") and is_loopback(parts.hostname or "")
    ):
        return url
    raise ConfigurationError(
        f"The Socket.IO server's address must begin with https:// (http:// only on loopback), and it begins with {url[:8]!r}: the token is sent there."
    )


class SocketRules:
    """The rules for one socket and its rooms; `open` runs once at a time."""

    def __init__(
        self,
        *,
        attempts: int,
        is_refusal: Refusal | None,
        settled_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        if attempts < 1:
            raise ConfigurationError("attempts must be 1 or more.")
        self.rooms: dict[str, Mapping[str, Any]] = {}
        self._attempts = attempts
        self._is_refusal = is_refusal or says_refused
        self.is_error_refusal = is_refusal or says_token_refused
        self._settled_seconds = settled_seconds
        self._monotonic = monotonic
        self._random = random
        self._failures = 0
        self._refusals = 0
        self._opened_at: float | None = None

    def open(self, refused: str = "") -> Steps:
        """Open the connection and join its rooms; after a connection that did not last, count that as a failure.

        Raises:
            TokenRejectedError: a refreshed token is refused as well.
            TransportError: the attempts are used up.
            EvertokenClientError: there is no token, and why.
        """
        self._look_back(refused)
        problem = "Each connection ended at once"
        while True:
            if self._refusals >= _MOST_REFUSALS:
                raise TokenRejectedError(
                    "The Socket.IO server refuses a refreshed token as well. Check that it verifies this session's tokens, and whether this user may connect."
                )
            if self._failures >= self._attempts:
                raise TransportError(
                    f"{problem}, {self._attempts} times. Check the address of the Socket.IO server and whether it is up; connect again later."
                )
            if self._failures:
                yield Pause(self._back_off_seconds())
            try:
                token: str = yield NeedToken(refused)
            except EvertokenClientError as error:
                if not error.retryable:
                    raise
                problem = "There was no valid token to connect with"
                self._failures += 1
                continue
            refusals: list[object] = yield Open(token)
            if not refusals:
                self._opened_at = self._monotonic()
                for room_id in tuple(self.rooms):
                    yield from self.join(room_id)
                return
            if any(map(self._is_refusal, refusals)):
                refused = token
                self._refusals += 1
            else:
                problem = "The Socket.IO server could not be connected to"
                self._failures += 1

    def join(self, room_id: str) -> Steps:
        """Join a room with the token that is the current one now, which may not be the one that opened the connection."""
        token: str = yield NeedToken()
        yield Join({"room_id": room_id, **self.rooms[room_id], "token": token})

    def _look_back(self, refused: str) -> None:
        if self._opened_at is None or self._monotonic() - self._opened_at >= self._settled_seconds:
            self._failures = self._refusals = 0
        else:
            self._failures += 1
        self._opened_at = None
        if refused:
            self._refusals += 1

    def _back_off_seconds(self) -> float:
        longest = min(FIRST_BACK_OFF_SECONDS * 2.0 ** (self._failures - 1), LONGEST_BACK_OFF_SECONDS)
        return longest * (0.5 + self._random() / 2)
