"""What the OAuth clients for threads and for asyncio have in common: everything that neither sends nor stores."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from evertoken.client.errors import TokenRejectedError
from evertoken.client.oauth_authorization import (
    AuthorizationRequest,
    PendingAuthorizations,
    begin_authorization,
    read_callback,
)
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_request import TokenRequest, build_code_exchange
from evertoken.client.oauth_rules import OAuthRules
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation
from evertoken.client.token_storage import AsyncTokenStorage, TokenStorage

IDLE_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.5


def utc_now() -> datetime:
    """Return this instant."""
    return datetime.now(UTC)


class OAuthClientBase:
    """The part of an OAuth client that needs no network."""

    def __init__(
        self,
        config: OAuthConfig,
        *,
        storage: TokenStorage | AsyncTokenStorage | None,
        on_token_refresh: Callable[[OAuthTokens], Any] | None,
        on_operation: OnOperation | None,
        clock: Callable[[], datetime],
    ) -> None:
        self.config = config
        self._clock = clock
        self._pending = PendingAuthorizations(clock)
        self._rules = OAuthRules(
            config,
            storage=storage,
            on_token_refresh=on_token_refresh,
            on_operation=on_operation,
            clock=clock,
            random=random.random,
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(token_url={self.config.token_url!r}, client_id={self.config.client_id!r})"
        )

    def get_current_tokens(self) -> OAuthTokens | None:
        """Return the tokens that the client holds, as they are, or None. Nothing is sent."""
        return self._rules.state.tokens

    def needs_refresh(self, margin_seconds: float | None = None) -> bool:
        """Return whether there is no access token that is good for more than *margin_seconds*.

        None means a tenth of the token's life, 300 seconds at most. Nothing is sent.
        """
        living = self._rules.find_living()
        return living is None or not living.is_fresh(margin_seconds, self._clock())

    def authorization_url(
        self, *, redirect_uri: str = "", scope: str = "", **parameters: str
    ) -> AuthorizationRequest:
        """Return where to send the user's browser: `.url`, with a new state and PKCE verifier that `exchange_code` will want.

        *parameters* are the provider's own, such as `prompt="consent"`.

        Raises:
            ConfigurationError: there is no authorization_url or redirect_uri.
        """
        request = begin_authorization(
            self.config,
            redirect_uri=redirect_uri,
            scope=scope,
            parameters=parameters,
            token_urlsafe=secrets.token_urlsafe,
        )
        self._pending.add(request)
        return request

    def _read_callback(
        self, callback_url_or_code: str, authorization: AuthorizationRequest | None
    ) -> TokenRequest:
        code, begun = read_callback(self.config, self._pending, callback_url_or_code, authorization)
        return build_code_exchange(
            self.config, code=code, redirect_uri=begun.redirect_uri, verifier=begun.verifier
        )

    def _seconds_until_due(self) -> float:
        """How long the background may sleep: until the tokens are due or a failure's wait is over, and never long, for others change them."""
        state, now = self._rules.state, self._clock()
        living = state.find_living(now)
        pause = 0.0 if state.retry_at is None else (state.retry_at - now).total_seconds()
        if living is not None and living.expires_at is not None:
            life = (living.expires_at - now).total_seconds()
            due = 0.0 if state.unsaved is not None else life - living.refresh_margin_seconds
            pause = min(max(due, pause), life)
        elif living is not None and state.unsaved is None:
            pause = IDLE_SECONDS
        # Nothing left to wait for: something failed, and only another attempt can show that it is mended.
        return min(pause, IDLE_SECONDS) if pause > 0 else RETRY_SECONDS


def user_refused() -> TokenRejectedError:
    """Return the error of a userinfo endpoint that refuses a new token too."""
    return TokenRejectedError(
        "userinfo_url refuses the newest access token, too. Check the token's scope (openid, for OpenID Connect)."
    )
