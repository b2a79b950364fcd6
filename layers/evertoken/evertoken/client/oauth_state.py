"""What one OAuth client holds in memory, and what may be concluded from it; nothing is sent or stored here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from evertoken.client.errors import EvertokenClientError, OutcomeUnknownError, StorageError
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_tokens import OAuthTokens

MAX_WAIT_SECONDS: Final = 60
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_MAX_DOUBLINGS: Final = 6


@dataclass(slots=True, kw_only=True)
class OAuthState:
    """`tokens` are handed out. `unsaved` are newer ones that the storage has not taken yet: nobody gets them before it has.

    `failure` is what the last refresh ended with; by itself the client tries no other before `retry_at`. `lost` is the refresh token whose answer never
    came, `replaced` the one that the present tokens were bought with, `previous` the access token before them. `refused` is the access token that a resource refused.
    """

    tokens: OAuthTokens | None = None
    unsaved: OAuthTokens | None = None
    user_token: str | None = field(default=None, repr=False)
    failure: EvertokenClientError | None = None
    retry_at: datetime | None = None
    failures_in_row: int = 0
    lost: str | None = field(default=None, repr=False)
    times_lost: int = 0
    replaced: str | None = field(default=None, repr=False)
    previous: str | None = field(default=None, repr=False)
    refused: str | None = field(default=None, repr=False)
    renewed_for_refusal_at: datetime | None = None

    def find_living(self, now: datetime) -> OAuthTokens | None:
        """Return the tokens if their access token may still be used."""
        tokens = self.tokens
        if tokens is None or tokens.access_token == self.refused or not tokens.is_fresh(0, now):
            return None
        return tokens

    def find_ready(self, now: datetime) -> OAuthTokens | None:
        """Return the tokens if there is nothing to do: they are not due, or a refresh failed and its wait is not over."""
        living = self.find_living(now)
        if living is None or self.unsaved is not None:
            return None
        is_waiting = self.retry_at is not None and now < self.retry_at
        return living if is_waiting or living.is_fresh(None, now) else None

    def accept(self, tokens: OAuthTokens) -> None:
        """Take durable *tokens* as the present ones; what failed before concerns them no more."""
        previous = self.tokens
        if previous is not None and previous.refresh_token != tokens.refresh_token:
            self.replaced = previous.refresh_token
        if previous is not None and previous.access_token != tokens.access_token:
            self.previous = previous.access_token
        self.tokens, self.unsaved = tokens, None
        self.failure, self.retry_at, self.failures_in_row = None, None, 0
        self.lost, self.times_lost, self.refused = None, 0, None

    def note_failure(self, error: EvertokenClientError, now: datetime, random: Callable[[], float]) -> None:
        """Remember that a refresh failed, and when the next may be tried by itself.

        Back-off with jitter, doubled up to a minute, or as long as the provider asks. What cannot succeed again waits for ever (for other tokens); a refresh token whose
        answer was lost waits until the access token is over: then trying it once more can only win.
        """
        if isinstance(error, StorageError):
            # Saving is tried again at every call: each costs nothing at the provider.
            return
        self.failure = error
        self.failures_in_row += 1
        if error.retryable:
            wait = min(2 ** min(self.failures_in_row, _MAX_DOUBLINGS), MAX_WAIT_SECONDS) * (1 - random() / 2)
            self.retry_at = now + timedelta(seconds=max(wait, min(error.retry_after_seconds or 0, 86_400)))
        elif isinstance(error, OutcomeUnknownError) and self.times_lost == 1:
            self.retry_at = (self.tokens.expires_at if self.tokens else None) or now
        else:
            self.retry_at = _NEVER

    def note_lost(self, refresh_token: str) -> None:
        """Remember that *refresh_token* was sent and no answer came."""
        self.times_lost = self.times_lost + 1 if self.lost == refresh_token else 1
        self.lost = refresh_token

    def is_newer(self, stored: OAuthTokens) -> bool:
        """Whether *stored* are the tokens to go on with: those of another process, or of an earlier run.

        The storage is the truth, and no clock is asked: what differs there was saved by somebody else since. Only what this client itself replaced is older: a storage
        that is read late may still show it.
        """
        known = {tokens.access_token for tokens in (self.unsaved, self.tokens) if tokens is not None}
        return stored.access_token not in {*known, self.previous}


def owner_problem(config: OAuthConfig, stored: OAuthTokens) -> str | None:
    """Return whose tokens *stored* are if they are another client's: sent to this provider, they would betray it."""
    if stored.token_url and config.token_url and stored.token_url != config.token_url:
        return "another token_url"
    if stored.client_id and config.client_id and stored.client_id != config.client_id:
        return "another client_id"
    return None
