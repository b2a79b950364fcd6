"""How the OAuth client asks a provider and keeps what it gets: generators without input or output (see `steps`).

Two things hold whatever fails: new tokens are saved before anybody gets them, and tokens that could not be saved are kept and saved later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from evertoken.client.errors import StorageError
from evertoken.client.oauth_answer import Answer, parse_answer, parse_user
from evertoken.client.oauth_commands import Hold, Keep, Load, Send, Steps
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_request import TokenRequest, build_userinfo
from evertoken.client.oauth_state import OAuthState, owner_problem
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation, observed
from evertoken.client.token_storage import AsyncTokenStorage, LockingTokenStorage, TokenStorage

_LOCK_PATIENCE: Final = 3
"""How many requests' time to wait for another process: it may refresh, be refused, and log in."""


class OAuthKeeping:
    """Asking and keeping for one client; `state` is what it holds."""

    def __init__(
        self,
        config: OAuthConfig,
        *,
        storage: TokenStorage | AsyncTokenStorage | None,
        on_token_refresh: Callable[[OAuthTokens], Any] | None,
        on_operation: OnOperation | None,
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        self.config = config
        self.clock = clock
        self.state = OAuthState()
        self._storage = storage
        self._on_token_refresh = on_token_refresh
        self._on_operation = on_operation
        self._random = random
        if config.access_token:
            self.state.tokens = OAuthTokens(
                access_token=config.access_token,
                refresh_token=config.refresh_token or None,
                issued_at=clock(),
                scope=config.scope,
                grant="given",
                token_url=config.token_url,
                client_id=config.client_id,
            )

    def find_ready(self) -> OAuthTokens | None:
        """Return tokens that need nothing done, or None."""
        if not self.config.auto_refresh and self.state.unsaved is None:
            return self.find_living()
        return self.state.find_ready(self.clock())

    def find_living(self) -> OAuthTokens | None:
        """Return tokens whose access token may still be used, or None."""
        return self.state.find_living(self.clock())

    def open(self, *, waits: bool) -> Steps[None]:
        """Hold the storage's lock, read what other processes wrote, and save what is still unsaved."""
        storage, state = self._storage, self.state
        if isinstance(storage, LockingTokenStorage):
            patience = self.config.timeout_seconds * _LOCK_PATIENCE if waits else 0
            yield Hold(storage=storage, wait_seconds=patience)
        if storage is not None:
            stored: OAuthTokens | None = yield Load(load=storage.load)
            if stored is not None:
                problem = owner_problem(self.config, stored)
                if problem is not None:
                    raise StorageError(
                        f"The storage holds tokens of {problem}. Nothing was sent or overwritten: give each client and provider a storage of its own."
                    )
                if state.is_newer(stored):
                    state.accept(stored)
        if state.unsaved is not None:
            with observed("save", self._on_operation):
                yield from self._save()

    def exchange(
        self, request: TokenRequest, spent: str | None = None, kept: Mapping[str, Any] | None = None
    ) -> Steps[OAuthTokens]:
        """Send *request* once, and return its tokens when they are saved.

        *spent* is the refresh token in it, which stays when no other comes; so do the members *kept* of the answer before.

        Raises:
            EvertokenClientError: it brought none, or they could not be saved (StorageError).
        """
        with observed(request.purpose, self._on_operation):
            sent_at = self.clock()
            answer: Answer = yield Send(request=request)
            tokens = parse_answer(self.config, request, answer, sent_at=sent_at, now=self.clock())
            tokens = replace(
                tokens, refresh_token=tokens.refresh_token or spent, extra={**(kept or {}), **tokens.extra}
            )
            if spent is not None and tokens.refresh_token != spent:
                self.state.replaced = spent
            self.state.unsaved = tokens
            yield from self._save()
        return tokens

    def finish(self) -> Steps[None]:
        """Save what could not be saved before. Raises StorageError."""
        if self.state.unsaved is not None:
            yield from self.open(waits=True)

    def read_user(self, tokens: OAuthTokens) -> Steps[dict[str, Any] | None]:
        """Return what the provider says of the user, or None where it refuses the access token."""
        request = build_userinfo(self.config, tokens)
        with observed("userinfo", self._on_operation):
            answer: Answer = yield Send(request=request)
            return parse_user(self.config, request, answer, now=self.clock())

    def _save(self) -> Steps[None]:
        tokens = self.state.unsaved
        assert tokens is not None
        for keep in (self._storage.save if self._storage is not None else None, self._on_token_refresh):
            if keep is not None:
                yield Keep(keep=keep, tokens=tokens)
        self.state.accept(tokens)
