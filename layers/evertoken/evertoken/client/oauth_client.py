"""An OAuth client for any provider, without Evertoken's service: it gets tokens, keeps them and hands out ones that are good."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx

from evertoken.client.background_refresh import BackgroundRefresh
from evertoken.client.errors import ConfigurationError, EvertokenClientError, TemporarilyUnavailableError
from evertoken.client.oauth_authorization import AuthorizationRequest
from evertoken.client.oauth_base import OAuthClientBase, user_refused, utc_now
from evertoken.client.oauth_commands import Outcome, Steps
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_driver import OAuthDriver
from evertoken.client.oauth_exchange import build_client
from evertoken.client.oauth_results import OAuthResults
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation
from evertoken.client.token_storage import TokenStorage

_PATIENCE_SECONDS: Final = 120.0
"""How long a thread waits for another one's refresh; the other's is bounded itself, but for the program's own storage."""


class OAuthClient(OAuthClientBase):
    """Gets and keeps the tokens of one grant; safe under threads. Use it as a context manager, or call `close()`.

    *storage* keeps the tokens between runs; *on_token_refresh* is called with every new token set. Both are done before anybody gets the new access token: if
    one fails, the tokens are kept and saved at the next call, the old access token goes on being used while it lives, and StorageError says so. They may be
    called again with the same tokens, and must not call this client's refreshing methods. *on_operation* is told of every request. *transport* is for
    proxies and private certificate authorities: nothing is taken from the environment.
    """

    def __init__(
        self,
        config: OAuthConfig,
        *,
        storage: TokenStorage | None = None,
        on_token_refresh: Callable[[OAuthTokens], object] | None = None,
        on_operation: OnOperation | None = None,
        transport: httpx.BaseTransport | None = None,
        _clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            config,
            storage=storage,
            on_token_refresh=on_token_refresh,
            on_operation=on_operation,
            clock=_clock,
        )
        self._http = build_client(config.timeout_seconds, transport)
        self._driver = OAuthDriver(self._http, config.timeout_seconds)
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._background: BackgroundRefresh | None = None

    @classmethod
    def from_env(cls, prefix: str = "OAUTH_", **options: Any) -> Self:
        """Return a client of the environment variables that `OAuthConfig.from_env` reads. Raises ConfigurationError."""
        return cls(OAuthConfig.from_env(prefix), **options)

    @classmethod
    def with_access_token(cls, access_token: str, *, userinfo_url: str = "", **options: Any) -> Self:
        """Return a client that hands out *access_token* as it is: the simple case, without refresh."""
        return cls(OAuthConfig(access_token=access_token, userinfo_url=userinfo_url), **options)

    @property
    def results(self) -> OAuthResults:
        """The same operations with a `Result` in place of exceptions."""
        return OAuthResults(self)

    def initialize(self, user_token: str | None = None) -> OAuthTokens:
        """Return the first tokens: the stored ones, refreshed when they are due, else by the configured grant.

        With *user_token* new ones are got with the client's credentials in that user's name.

        Raises:
            ConnectionNeedsUserError: a user must authorize first.
            EvertokenClientError: there are none, and why.
        """
        return self._alone(lambda: self._rules.start(user_token))

    def get_token(self) -> str:
        """Return an access token that is good now; refreshed when it is due, by one thread while the others go on with the old one.

        Raises:
            EvertokenClientError: there is none, and why.
        """
        return self.get_tokens().access_token

    def get_tokens(self) -> OAuthTokens:
        """Return the tokens whose access token `get_token` returns, with all that is known of it. Raises as `get_token` does."""
        ready = self._rules.find_ready()
        if ready is not None:
            return ready
        may_renew = self.config.auto_refresh
        return self._alone(
            lambda: self._rules.ensure(may_renew=may_renew), meanwhile=self._rules.find_living()
        )

    def refresh(self, refresh_token: str | None = None) -> OAuthTokens:
        """Return new tokens, by *refresh_token* if one is given. Threads that ask at once get the same.

        Raises:
            OutcomeUnknownError: the request was sent and its answer lost; it is not repeated blindly.
            StorageError: the new tokens could not be saved; they are kept and saved at the next call.
            EvertokenClientError: there are none, and why.
        """
        seen = self._rules.state.tokens
        return self._alone(lambda: self._rules.refresh(seen, refresh_token))

    def renew_refused(self, access_token: str) -> OAuthTokens:
        """Return other tokens after a resource refused *access_token*; at most one refresh a minute comes of this.

        Raises:
            TokenRejectedError: the resource refuses new tokens, too.
            EvertokenClientError: there are none, and why.
        """
        return self._alone(lambda: self._rules.renew_refused(access_token))

    def exchange_code(
        self, callback_url_or_code: str, *, authorization: AuthorizationRequest | None = None
    ) -> OAuthTokens:
        """Return the tokens for a callback: the whole URL to which the browser was sent, whose state must be of a request of this client or *authorization*.

        A code is sent once, a state is good once. A bare code needs *authorization*, after its state was compared.

        Raises:
            RequestRefusedError: the callback answers no request of this client.
            ConnectionNeedsUserError: the user said no, or the code is spent.
            EvertokenClientError: there are no tokens, and why.
        """
        request = self._read_callback(callback_url_or_code, authorization)
        return self._alone(lambda: self._rules.exchange_code(request))

    def get_current_user(self) -> dict[str, Any]:
        """Return what userinfo_url says of the user. Raises EvertokenClientError."""
        tokens = self.get_tokens()
        user = self._driver.run(self._rules.read_user(tokens))
        if user is None:
            tokens = self.renew_refused(tokens.access_token)
            user = self._driver.run(self._rules.read_user(tokens))
        if user is None:
            raise user_refused()
        return user

    def start_background_refresh(self) -> None:
        """Refresh in a daemon thread from now on, before anybody has to wait for it; `close()` ends it.

        Not for AWS Lambda, where a process stands still between invocations: there `get_token()` refreshes in time by itself.
        """
        if self._background is None:
            self._background = BackgroundRefresh(self.get_tokens, self._seconds_until_due)

    def close(self) -> None:
        """End the background refresh, save what could not be saved before, and close the connections.

        Raises:
            StorageError: there are tokens that still cannot be saved; with this process they are lost.
        """
        if self._background is not None:
            self._background.stop(self.config.timeout_seconds)
            self._background = None
        try:
            self._alone(self._rules.finish)
        finally:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # What ended the block is what the program has to see.
        with contextlib.suppress(EvertokenClientError):
            self.close()

    def _alone(self, steps: Callable[[], Steps[Outcome]], meanwhile: Outcome | None = None) -> Outcome:
        """Run *steps* when no other thread runs any; where there is *meanwhile*, return it rather than wait."""
        if self._owner == threading.get_ident() and meanwhile is None:
            raise ConfigurationError(
                "A storage or on_token_refresh called back into its client, which waits for it. The new tokens are its argument; nothing else is needed."
            )
        if not self._lock.acquire(timeout=0 if meanwhile is not None else _PATIENCE_SECONDS):
            if meanwhile is not None:
                return meanwhile
            raise TemporarilyUnavailableError(
                "Another thread has been refreshing for two minutes. Look at what the storage or on_token_refresh waits for."
            )
        try:
            self._owner = threading.get_ident()
            return self._driver.run(steps())
        finally:
            self._owner = None
            self._lock.release()
