"""Where the standalone OAuth client keeps tokens between runs of a program."""

from __future__ import annotations

import threading
from typing import Protocol, runtime_checkable

from evertoken.client.oauth_tokens import OAuthTokens


class TokenStorage(Protocol):
    """Keeps one token set; the client calls one method at a time, from any thread.

    `save` returns when the tokens are durable, and raises when they are not: a refresh token that was rotated and not saved cannot be had again. It may be
    called twice with the same tokens. `load` returns what was saved last, or None when nothing ever was; it raises when it cannot tell. They may raise
    anything.
    """

    def load(self) -> OAuthTokens | None: ...

    def save(self, tokens: OAuthTokens) -> None: ...


class AsyncTokenStorage(Protocol):
    """The same for `AsyncOAuthClient`, as coroutines; `try_lock` and `unlock`, too, where several programs share it."""

    async def load(self) -> OAuthTokens | None: ...

    async def save(self, tokens: OAuthTokens) -> None: ...


@runtime_checkable
class LockingTokenStorage(Protocol):
    """A storage that several programs share: only the one that holds the lock refreshes, so that no refresh token is spent twice.

    `try_lock` does not wait: it returns whether the caller now holds the lock. `unlock` gives it back; a holder that dies gives it back, too.
    """

    def load(self) -> OAuthTokens | None: ...

    def save(self, tokens: OAuthTokens) -> None: ...

    def try_lock(self) -> bool: ...

    def unlock(self) -> None: ...


class MemoryTokenStorage:
    """Keeps a token set as long as the process lives; clients of one process may share it."""

    def __init__(self, tokens: OAuthTokens | None = None) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()

    def load(self) -> OAuthTokens | None:
        return self._tokens

    def save(self, tokens: OAuthTokens) -> None:
        self._tokens = tokens

    def try_lock(self) -> bool:
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        self._lock.release()
