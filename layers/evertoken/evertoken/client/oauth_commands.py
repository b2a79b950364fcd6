"""What the rules of the OAuth client ask to be done; a driver that blocks and one for asyncio do it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from evertoken.client.oauth_request import TokenRequest
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.token_storage import LockingTokenStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send *request* once; the answer is an `Answer`. Raises TransportError when nothing was sent, OutcomeUnknownError when its answer is lost."""

    request: TokenRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Hold the storage's lock until the steps end, waiting up to *wait_seconds* for it. Raises StorageError when it cannot be had."""

    storage: LockingTokenStorage
    wait_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Ask the storage for its tokens. Whatever it raises becomes a StorageError."""

    load: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Give the program's code (its storage, its callback) new tokens. Whatever it raises becomes a StorageError."""

    keep: Callable[[OAuthTokens], Any] = field(repr=False)
    tokens: OAuthTokens


Command = Send | Hold | Load | Keep
Outcome = TypeVar("Outcome")
Steps = Generator[Command, Any, Outcome]
