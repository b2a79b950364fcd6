"""What the rules of a session ask to be done; a driver that blocks and one for asyncio do it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from evertoken.client.oauth_tokens import OAuthTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Send one request with a session's token; the answer is an `ApiAnswer`.

    Raises TransportError when nothing was sent, OutcomeUnknownError when the answer is lost.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    bearer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedTokens:
    """Tokens are needed; newer ones than *refused*, when that is given. The answer is `OAuthTokens`, and callers at the same time share it."""

    refused: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Load:
    """Ask the storage for its tokens. Whatever it raises becomes a StorageError."""

    load: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Save:
    """Give the storage new tokens. Whatever it raises becomes a StorageError."""

    save: Callable[[OAuthTokens], Any] = field(repr=False)
    tokens: OAuthTokens


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Command = Exchange | NeedTokens | Load | Save | Pause
Outcome = TypeVar("Outcome")
Steps = Generator[Command, Any, Outcome]
