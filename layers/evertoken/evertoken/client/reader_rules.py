"""When to ask whom for a token, and what to make of the answer: the reader's rules, without input or output.

A miss is one call to Secrets Manager. The API is asked only for what the secret does not hold: a connection that is served by the API alone, a
token that expired, lives too short for the caller, or was refused by the provider. What fails while the token in hand is good is put off.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Generator
from datetime import UTC, datetime

from evertoken.client.errors import (
    ClockSkewError,
    ConfigurationError,
    ConnectionNeedsUserError,
    EvertokenClientError,
    NotFoundError,
    TemporarilyUnavailableError,
    TokenRejectedError,
)
from evertoken.client.reader_admission import admit
from evertoken.client.reader_commands import Acquired, AskApi, Command, Delivery, ReadSecret
from evertoken.client.token_cache import TokenCache

LONGEST_PAUSE_SECONDS = 60.0
API_ONLY_SECONDS = 3600.0
"""How long it is remembered that there is nothing in a connection's secret."""
LATELY_SECONDS = 600.0
"""Refusals that follow each other within this time lengthen the pause between two questions for something newer."""
# Nothing that could lead out of the prefix of secrets, or of the route.
_CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_WITHDRAWN = frozenset({"DISCONNECTED", "ON_HOLD"})

Steps = Generator[Command, Delivery, Acquired]


class ReaderRules:
    """The rules, over what the process remembers. *now* gives seconds since the epoch, *random* a number from 0 to 1."""

    def __init__(
        self,
        cache: TokenCache,
        *,
        has_secrets: bool,
        has_api: bool,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._cache = cache
        self._has_secrets = has_secrets
        self._has_api = has_api
        self._now = now
        self._random = random

    def refuse(self, connection_id: str, generation: int) -> None:
        """Note that the provider refused *generation*."""
        self._cache.refuse(connection_id, generation, lately_seconds=LATELY_SECONDS, now=self._now())

    def acquire(self, connection_id: str, min_ttl_seconds: int) -> Steps:
        """Return a token that is good for *min_ttl_seconds*, and newer than what was refused if a newer one is to be had.

        At most one secret is read and the API asked once. While the provider refuses one generation after the other, the pauses between two
        rounds double from a second to a minute, and nobody is asked within them.

        Raises: EvertokenClientError, as the source that was asked last says.
        """
        # None is what an environment variable that is not set becomes.
        if not isinstance(connection_id, str) or not _CONNECTION_ID.fullmatch(connection_id):
            raise ConfigurationError(
                f"{str(connection_id)[:40]!r} is no connection id. It is the connection_id that POST /v1/connections answers with (con_…)."
            )
        entry, now = self._cache.entry(connection_id), self._now()
        if entry.is_refused and now < entry.ask_again_at:
            return self._rest(connection_id, min_ttl_seconds)
        # Who waited for the flight before this one finds what it brought.
        token = self._cache.find(connection_id, min_ttl_seconds, now)
        if token is not None:
            return Acquired(token=token)
        if not entry.is_refused:
            return (yield from self._ask(connection_id, min_ttl_seconds, rejected=None))
        try:
            return (yield from self._ask(connection_id, min_ttl_seconds, rejected=entry.refused))
        finally:
            pause = self._pause(entry.refusals)
            self._cache.rest(connection_id, until=self._now() + pause)

    def _ask(self, connection_id: str, min_ttl_seconds: int, *, rejected: int | None) -> Steps:
        failure: EvertokenClientError | None = None
        is_api_only = self._now() < self._cache.entry(connection_id).api_only_until
        if self._has_secrets and not (self._has_api and is_api_only):
            try:
                delivery = yield ReadSecret(connection_id)
                return self._admit(connection_id, delivery, min_ttl_seconds)
            except EvertokenClientError as error:
                failure = error
        if self._has_api and not isinstance(failure, ClockSkewError):
            try:
                delivery = yield AskApi(connection_id, min_ttl_seconds, rejected)
                acquired = self._admit(connection_id, delivery, min_ttl_seconds)
            except EvertokenClientError as error:
                if failure is not None:
                    error.__cause__ = failure
                failure = error
            else:
                if _holds_nothing(failure):
                    self._cache.remember_api_only(connection_id, until=self._now() + API_ONLY_SECONDS)
                return acquired
        assert failure is not None  # a reader has a source
        return self._fall_back(connection_id, failure, min_ttl_seconds)

    def _admit(self, connection_id: str, delivery: Delivery, min_ttl_seconds: int) -> Acquired:
        """Keep what came if it is good for anybody, and return it if it is good for this caller."""
        now = self._now()
        entry = self._cache.entry(connection_id)
        token, remaining = admit(
            delivery,
            connection_id=connection_id,
            known_generation=entry.generation,
            now=datetime.fromtimestamp(now, UTC),
        )
        self._cache.keep(connection_id, token, remaining_seconds=remaining, now=now)
        if token.generation <= entry.refused:
            raise _still_refused(connection_id, entry.refused, has_api=self._has_api)
        if remaining <= min_ttl_seconds:
            raise TemporarilyUnavailableError(
                f"The token of {connection_id} is good for {remaining:.0f} s more, and {min_ttl_seconds} s were asked for. "
                "Ask for less than the provider's tokens live, or give the reader the API (api=), which refreshes early."
            )
        return Acquired(token=token)

    def _fall_back(self, connection_id: str, failure: EvertokenClientError, min_ttl_seconds: int) -> Acquired:
        entry, now = self._cache.entry(connection_id), self._now()
        # An empty secret takes the token in hand away, unless the API is known to serve it alone.
        is_withdrawn = _holds_nothing(failure) or (
            _holds_nothing(failure.__cause__) and entry.api_only_until == 0
        )
        if is_withdrawn or (entry.is_refused and isinstance(failure, ConnectionNeedsUserError)):
            self._cache.withdraw(connection_id, failure)
            raise failure
        token = entry.token_good_for(min_ttl_seconds, now)
        if token is None:
            raise failure
        pause = max(self._pause(entry.failures), failure.retry_after_seconds or 0.0)
        self._cache.put_off(connection_id, failure, until=now + pause)
        return Acquired(token=token, failure=failure)

    def _rest(self, connection_id: str, min_ttl_seconds: int) -> Acquired:
        """Answer from memory: whether there is something newer was asked a moment ago."""
        entry, now = self._cache.entry(connection_id), self._now()
        failure: EvertokenClientError
        if entry.failure is not None:
            failure = copy.copy(entry.failure)
        else:
            failure = _still_refused(connection_id, entry.refused, has_api=self._has_api)
        failure.retry_after_seconds = math.ceil(entry.ask_again_at - now)
        token = entry.token_good_for(min_ttl_seconds, now)
        if token is None:
            raise failure
        self._cache.serve(connection_id, until=entry.ask_again_at)
        return Acquired(token=token, failure=failure)

    def _pause(self, repeats: int) -> float:
        """Return the seconds to the next question: doubled with each repeat, and spread, so that a fleet does not ask in step."""
        return min(2.0 ** min(repeats, 10), LONGEST_PAUSE_SECONDS) * (0.5 + 0.5 * self._random())


def _holds_nothing(failure: BaseException | None) -> bool:
    """Whether the source has no token of the connection at all."""
    return isinstance(failure, NotFoundError) or (
        isinstance(failure, ConnectionNeedsUserError) and failure.code in _WITHDRAWN
    )


def _still_refused(connection_id: str, generation: int, *, has_api: bool) -> TokenRejectedError:
    mend = (
        "Look at what else the provider wants (scope, account, API key, address)."
        if has_api
        else "Give the reader the API (api=, or EVERTOKEN_API), which can refresh at once, or wait for the next refresh."
    )
    return TokenRejectedError(
        f"The provider refuses generation {generation} of {connection_id}, and there is nothing newer. {mend}"
    )
