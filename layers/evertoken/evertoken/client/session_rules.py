"""The rules by which a session's token is kept valid: generators without input or output (see `steps`).

The service gives the same successor to a token that is refreshed twice within 15 seconds, and ends the session when that happens later (docs/sessions.md). So a
refresh whose answer was lost is repeated at once or, while the token lives, not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from evertoken.client.api_errors import error_of
from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.errors import (
    ConfigurationError,
    CredentialsError,
    EvertokenClientError,
    OutcomeUnknownError,
    RateLimitedError,
    StorageError,
    TransportError,
)
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation, observed
from evertoken.client.session_answer import BEARER, parse_tokens
from evertoken.client.session_commands import Exchange, Load, Pause, Save, Steps
from evertoken.client.token_storage import AsyncTokenStorage, TokenStorage

REFRESH_PATH: Final = "/v1/auth/refresh-token"
REPEAT_WITHIN_SECONDS: Final = 10
"""Measured from the first sending; the service allows 15 from its arrival, and the repetition has to arrive as well."""
FAILURE_PAUSE_SECONDS: Final = 5
FIRST_BACK_OFF_SECONDS: Final = 0.5
_OK: Final = 200


def current_instant() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


class SessionRules:
    """The rules for one session's tokens. One run of `obtain` at a time: the class that drives them sees to that."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str,
        expires_at: datetime | None,
        storage: TokenStorage | AsyncTokenStorage | None,
        on_operation: OnOperation | None,
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        if not token and storage is None:
            raise ConfigurationError(
                "Give the session's token (POST /v1/sessions answers with it), or a storage that has one."
            )
        if token and not BEARER.fullmatch(token):
            # Written as a header it would fail, with the token in the error's text.
            raise ConfigurationError(
                "The session's token has characters that no token has (RFC 6750 section 2.1). Look for a line break at its end."
            )
        if expires_at is not None and expires_at.tzinfo is None:
            raise ConfigurationError(
                "expires_at must have its offset: datetime.fromisoformat() reads the API's."
            )
        self._url = base_url + REFRESH_PATH
        self._storage = storage
        self._on_operation = on_operation
        self._clock = clock
        self._random = random
        self._given: OAuthTokens | None = None
        if token:
            # Without an end it counts as due, so that the first refresh tells when the next one is.
            self._given = OAuthTokens(
                access_token=token,
                issued_at=clock(),
                expires_at=clock() if expires_at is None else expires_at,
                grant="given",
                token_url=self._url,
                extra={"chain": hashlib.sha256(token.encode()).hexdigest()},
            )
        self.tokens = self._given if storage is None else None
        self._unsaved: OAuthTokens | None = None
        self._ended: CredentialsError | None = None
        self._doubtful = ""
        self._retry_at: datetime | None = None

    def find_ready(self) -> OAuthTokens | None:
        """Return tokens that need nothing done, or None."""
        tokens = self.tokens
        if tokens is None or self._ended is not None or self._unsaved is not None:
            return None
        return tokens if tokens.is_fresh(now=self._clock()) else None

    @property
    def held_token(self) -> str:
        """The token that is held, valid or not; "" before the first use of a storage."""
        return "" if self.tokens is None else self.tokens.access_token

    def obtain(self, refused: str | None) -> Steps[OAuthTokens]:
        """Return `ensure`, or `refresh` where a token was *refused*."""
        return self.ensure() if refused is None else self.refresh(refused)

    def ensure(self) -> Steps[OAuthTokens]:
        """Return tokens that may be used now: refreshed when they are due, the old ones while they live when that fails.

        Raises:
            CredentialsError: the session has ended.
            EvertokenClientError: there are none, and why.
        """
        try:
            held = yield from self._open()
        except StorageError:
            if self._ended is None and self.tokens is not None and self._is_living(self.tokens):
                return self.tokens
            raise
        if self.find_ready() is not None:
            return held
        if self._is_living(held) and (held.access_token == self._doubtful or self._is_waiting()):
            return held
        try:
            return (yield from self._spend(held))
        except CredentialsError:
            raise
        except EvertokenClientError as error:
            wait = max(error.retry_after_seconds or 0, FAILURE_PAUSE_SECONDS)
            self._retry_at = self._clock() + timedelta(seconds=wait)
            if not self._is_living(held):
                raise
            return held

    def refresh(self, refused: str) -> Steps[OAuthTokens]:
        """Return newer tokens than *refused*; asks the service unless somebody else just did.

        Raises:
            CredentialsError: the session has ended.
            EvertokenClientError: there are none, and why.
        """
        held = yield from self._open()
        if refused and held.access_token != refused and self._is_living(held):
            return held
        return (yield from self._spend(held))

    def note_end(self) -> None:
        """Remember that this program has ended the session."""
        self._ended = CredentialsError("The session was ended by this program. Log in again.")

    def _open(self) -> Steps[OAuthTokens]:
        """Return what is held, after a look at what other processes stored and with everything of ours stored."""
        storage = self._storage
        if storage is not None:
            if self._unsaved is None:
                stored: OAuthTokens | None = yield Load(storage.load)
                self._adopt(stored)
            if self._unsaved is not None:
                yield Save(storage.save, self._unsaved)
                self._accept(self._unsaved)
        if self.tokens is None:
            raise CredentialsError("There is no session's token, and none in the storage. Log in.")
        if self._ended is not None:
            raise self._ended.with_traceback(None)
        return self.tokens

    def _adopt(self, stored: OAuthTokens | None) -> None:
        """Take over what is stored, unless a token was given that is of another session than the stored one."""
        given, self._given = self._given, None
        if stored is not None and stored.token_url != self._url:
            raise StorageError(
                "The storage holds tokens of something else. Nothing was sent or overwritten: give each session a storage of its own."
            )
        if given is not None and (stored is None or stored.extra.get("chain") != given.extra["chain"]):
            self._unsaved = given
        elif stored is not None and (self.tokens is None or stored.access_token != self.tokens.access_token):
            self._accept(stored)

    def _accept(self, tokens: OAuthTokens) -> None:
        self.tokens = tokens
        self._unsaved = self._ended = self._retry_at = None

    def _spend(self, held: OAuthTokens) -> Steps[OAuthTokens]:
        """Exchange the held token for its successor, and return that when it is stored."""
        with observed("session.refresh", self._on_operation):
            try:
                successor = yield from self._exchange(held)
            except CredentialsError as error:
                self._ended = CredentialsError(
                    "The session is over, or this is not its newest token. Log in again.",
                    correlation_id=error.correlation_id,
                )
                raise self._ended from None
            if self._storage is not None:
                self._unsaved = successor
                yield Save(self._storage.save, successor)
            self._accept(successor)
            return successor

    def _exchange(self, held: OAuthTokens) -> Steps[OAuthTokens]:
        first_sent_at = self._clock()
        may_have_arrived = False
        back_off = FIRST_BACK_OFF_SECONDS
        while True:
            sent_at = self._clock()
            try:
                answer: ApiAnswer = yield Exchange(method="POST", path=REFRESH_PATH, bearer=held.access_token)
                if answer.status != _OK:
                    raise error_of(answer.status, answer.headers, answer.body)
                return parse_tokens(
                    answer,
                    url=self._url,
                    sent_at=sent_at,
                    received_at=self._clock(),
                    chain=str(held.extra.get("chain", "")),
                )
            except EvertokenClientError as error:
                may_have_arrived = may_have_arrived or _may_have_arrived(error)
                pause = max(error.retry_after_seconds or 0, back_off * (0.5 + self._random() / 2))
                is_late = (self._clock() - first_sent_at).total_seconds() + pause > REPEAT_WITHIN_SECONDS
                if not error.retryable or is_late or (self._is_living(held) and not may_have_arrived):
                    if may_have_arrived:
                        self._doubtful = held.access_token
                    raise
            yield Pause(pause)
            back_off *= 2

    def _is_living(self, tokens: OAuthTokens) -> bool:
        return tokens.is_fresh(0, self._clock())

    def _is_waiting(self) -> bool:
        return self._retry_at is not None and self._clock() < self._retry_at


def _may_have_arrived(error: EvertokenClientError) -> bool:
    """Return whether the refresh may have happened although its answer did not come."""
    if isinstance(error, TransportError):
        return isinstance(error, OutcomeUnknownError)
    return error.retryable and not isinstance(error, RateLimitedError)
