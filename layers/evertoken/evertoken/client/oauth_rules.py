"""The rules by which the OAuth client gets and renews tokens: generators without input or output (see `steps`).

One run at a time: the client that drives them sees to that. No refresh token is spent twice blindly, and nothing that failed is asked for without end.
"""

from __future__ import annotations

from typing import Final

from evertoken.client.errors import (
    ConfigurationError,
    ConnectionNeedsUserError,
    EvertokenClientError,
    OutcomeUnknownError,
    TokenRejectedError,
)
from evertoken.client.oauth_commands import Steps
from evertoken.client.oauth_keeping import OAuthKeeping
from evertoken.client.oauth_request import (
    TokenRequest,
    build_client_credentials,
    build_refresh,
    build_session_login,
)
from evertoken.client.oauth_tokens import Grant, OAuthTokens

REFUSAL_PAUSE_SECONDS: Final = 60


class OAuthRules(OAuthKeeping):
    """The rules for one client."""

    def ensure(self, *, may_renew: bool = True) -> Steps[OAuthTokens]:
        """Return tokens that may be used now: refreshed when they are due, the old ones while they live when that fails.

        Raises:
            EvertokenClientError: there are none, and why.
        """
        ready = self.find_ready()
        if ready is not None:
            return ready
        try:
            yield from self.open(waits=self.find_living() is None)
            ready = self.find_ready()
            if ready is not None:
                return ready
            if not may_renew:
                raise _renewal_is_off()
            return (yield from self._renew())
        except EvertokenClientError:
            living = self.find_living()
            if living is None:
                raise
            return living

    def refresh(self, seen: OAuthTokens | None, refresh_token: str | None = None) -> Steps[OAuthTokens]:
        """Return newer tokens than *seen*, by *refresh_token* if one is given; asks the provider unless somebody else just did.

        Raises:
            EvertokenClientError: there are none, and why; what is held stays as it was.
        """
        yield from self.open(waits=True)
        tokens = self.state.tokens
        is_done_already = (
            refresh_token == self.state.replaced
            if refresh_token is not None
            else tokens is not None and seen is not None and tokens.access_token != seen.access_token
        )
        if tokens is not None and is_done_already and self.find_living() is not None:
            return tokens
        if refresh_token is not None:
            return (yield from self._refresh(refresh_token))
        return (yield from self._obtain())

    def renew_refused(self, access_token: str) -> Steps[OAuthTokens]:
        """Return tokens to use after a resource refused *access_token*.

        Raises:
            TokenRejectedError: it is one that was got for this reason less than a minute ago: its age is not what is wrong.
            EvertokenClientError: there are none, and why.
        """
        yield from self.open(waits=True)
        state, now = self.state, self.clock()
        tokens = state.tokens
        if tokens is not None and tokens.access_token != access_token:
            ready = self.find_ready()
            if ready is not None:
                return ready
        else:
            last = state.renewed_for_refusal_at
            if last is not None and (now - last).total_seconds() < REFUSAL_PAUSE_SECONDS:
                raise TokenRejectedError(
                    "The resource refuses a token that was got a moment ago because it had refused the one before: a newer one will not help. "
                    "Check the token's scope and audience, and whether the user may do this."
                )
            state.refused = access_token
        if state.times_lost == 1:
            # With the access token gone there is nothing left to wait for: trying the refresh token once more can only win.
            state.retry_at = None
        renewed = yield from self._renew()
        state.renewed_for_refusal_at = now
        return renewed

    def start(self, user_token: str | None) -> Steps[OAuthTokens]:
        """Return the first tokens: with *user_token* new ones in that user's name, else what `ensure` returns."""
        if user_token is None:
            return (yield from self.ensure())
        yield from self.open(waits=True)
        tokens = yield from self.exchange(build_client_credentials(self.config, user_token))
        self.state.user_token = user_token
        return tokens

    def exchange_code(self, request: TokenRequest) -> Steps[OAuthTokens]:
        """Return the tokens of a code; a storage that does not work is noticed before the code is spent."""
        yield from self.open(waits=True)
        return (yield from self.exchange(request))

    def _renew(self) -> Steps[OAuthTokens]:
        """Obtain tokens without being asked to: not before a failure's wait is over."""
        state, now = self.state, self.clock()
        if state.failure is not None and state.retry_at is not None and now < state.retry_at:
            raise state.failure.with_traceback(None)
        try:
            return (yield from self._obtain())
        except EvertokenClientError as error:
            if error is not state.failure:
                state.note_failure(error, self.clock(), self._random)
            raise

    def _obtain(self) -> Steps[OAuthTokens]:
        tokens = self.state.tokens
        refresh_token = tokens.refresh_token if tokens is not None else self.config.refresh_token
        grant = tokens.grant if tokens is not None else "refresh_token"
        if not refresh_token:
            return (yield from self._begin(tokens))
        try:
            return (yield from self._refresh(refresh_token))
        except ConnectionNeedsUserError as error:
            if not self._can_begin(grant):
                raise self._explain(error, refresh_token) from None
        return (yield from self._begin(tokens))

    def _refresh(self, refresh_token: str) -> Steps[OAuthTokens]:
        tokens = self.state.tokens
        # Given one of another grant, nothing of the present tokens goes on.
        held = tokens if tokens is not None and tokens.refresh_token == refresh_token else None
        request = build_refresh(self.config, refresh_token, held)
        try:
            return (yield from self.exchange(request, refresh_token, held.extra if held else None))
        except OutcomeUnknownError as error:
            error.retryable = self.config.survives_repetition
            if held is not None or tokens is None:
                # Also when the program asked for it: what follows by itself must not send the token again.
                self.state.note_lost(refresh_token)
                self.state.note_failure(error, self.clock(), self._random)
            raise

    def _can_begin(self, grant: Grant) -> bool:
        return (
            grant == "client_credentials"
            or (grant == "user_token" and self.state.user_token is not None)
            or self.config.session_login is not None
        )

    def _begin(self, tokens: OAuthTokens | None) -> Steps[OAuthTokens]:
        """Begin the grant anew, where no person is needed for it."""
        grant = self.config.starting_grant if tokens is None else tokens.grant
        if self.config.session_login is not None:
            return (yield from self.exchange(build_session_login(self.config)))
        if grant == "client_credentials":
            return (yield from self.exchange(build_client_credentials(self.config)))
        if grant == "user_token" and self.state.user_token is not None:
            return (yield from self.exchange(build_client_credentials(self.config, self.state.user_token)))
        if tokens is None:
            raise ConnectionNeedsUserError(f"There are no tokens yet. {_NEEDS_USER['authorization_code']}")
        raise ConnectionNeedsUserError(
            f"The access token is over or refused, and there is no refresh token. {_NEEDS_USER.get(grant, _AUTHORIZE)}",
            code="NO_REFRESH_TOKEN",
        )

    def _explain(self, error: ConnectionNeedsUserError, refresh_token: str) -> ConnectionNeedsUserError:
        if self.state.lost != refresh_token:
            return error
        return ConnectionNeedsUserError(
            f"{error} The answer to an earlier refresh was lost, and with it probably the token that came after this one.",
            code=error.code,
            correlation_id=error.correlation_id,
        )


_AUTHORIZE = "Authorize again; for a refresh token, ask for the scope that the provider wants for it."
_NEEDS_USER: Final = {
    "authorization_code": "Send the user to authorization_url() and give the callback to exchange_code().",
    "given": "Give a new one, or OAuthConfig a token_url and a refresh token.",
    "user_token": "Give initialize() the user's token again.",
}


def _renewal_is_off() -> ConfigurationError:
    return ConfigurationError(
        "There is no access token that lives, and auto_refresh is off. Call initialize() or refresh()."
    )
