"""A user's session from the side of a program that holds its token: always a valid one, its state, its end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx

from evertoken.client import steps
from evertoken.client.api_address import checked_address
from evertoken.client.api_environment import api_from_env
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.operation import OnOperation
from evertoken.client.results import SessionUser
from evertoken.client.session_answer import find_user
from evertoken.client.session_commands import Command, Exchange, Load, NeedTokens, Pause, Save
from evertoken.client.session_http import TIMEOUT_SECONDS, send
from evertoken.client.session_reading import POLL_SECONDS, SessionReading
from evertoken.client.session_rules import SessionRules, current_instant
from evertoken.client.session_state import PolledSession
from evertoken.client.session_storage import call_storage
from evertoken.client.single_flight import SingleFlight
from evertoken.client.token_storage import TokenStorage


class SessionTokens:
    """Keeps the token of one session valid; safe under threads.

    *token* is what the backend's `POST /v1/sessions` answered with, and *expires_at* its end (without it, the token is refreshed at first use). With a *storage*
    a program goes on where it ended, and programs that share one share the session: a token given again after a restart does not go before its successors.
    Everybody who refreshes one session has to share an object or a storage, because the service ends a session whose old token comes back.

    Raises:
        ConfigurationError: neither a token nor a storage; an address that is not https (http only on loopback).
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        expires_at: datetime | None = None,
        storage: TokenStorage | None = None,
        client: httpx.Client | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        on_operation: OnOperation | None = None,
        _clock: Callable[[], datetime] = current_instant,
        _sleep: Callable[[float], None] = time.sleep,
        _random: Callable[[], float] = random.random,
    ) -> None:
        self._base_url = checked_address(base_url)
        self._rules = SessionRules(
            self._base_url,
            token=token,
            expires_at=expires_at,
            storage=storage,
            on_operation=on_operation,
            clock=_clock,
            random=_random,
        )
        self._reading = SessionReading(self._rules, on_operation)
        self._client = client or httpx.Client(timeout=timeout_seconds)
        self._owns_client = client is None
        self._sleep = _sleep
        self._flights = SingleFlight()

    @classmethod
    def from_env(
        cls,
        *,
        token: str = "",
        expires_at: datetime | None = None,
        storage: TokenStorage | None = None,
        on_operation: OnOperation | None = None,
    ) -> Self:
        """Return the same for the service that EVERTOKEN_API names. Raises: ConfigurationError."""
        return cls(
            api_from_env(), token=token, expires_at=expires_at, storage=storage, on_operation=on_operation
        )

    def __repr__(self) -> str:
        return f"SessionTokens({self._base_url!r})"

    @property
    def user(self) -> SessionUser | None:
        """The user as the last refresh described them, or None before the first."""
        return find_user(self._rules.tokens)

    def get_valid_token(self) -> str:
        """Return a token that is good now, refreshed when a tenth of its life is left, or five minutes if that is less.

        While a refresh fails and the token still lives, it is returned as it is. Raises: CredentialsError when the session has ended; EvertokenClientError
        when there is no living token, and why.
        """
        return (self._rules.find_ready() or self._obtain(None)).access_token

    def refresh(self, refused: str = "") -> str:
        """Return a newer token than *refused* (the one held, if none is named), after somebody refused that one.

        Raises: CredentialsError when the session has ended; EvertokenClientError.
        """
        return self._obtain(refused or self._rules.held_token).access_token

    def read_session(self, session_id: str) -> PolledSession:
        """Return the session's state. Raises: CredentialsError for another session's id; EvertokenClientError when asking again would not help."""
        state: PolledSession = steps.run(self._reading.read(session_id), self._perform)
        return state

    def poll_session(self, session_id: str, every_seconds: float = POLL_SECONDS) -> Iterator[PolledSession]:
        """Yield the session's state now and every so often, until it has ended: that state is the last.

        Refreshes on the way. A service that does not answer makes a state `unknown` and ends nothing. Raises: as `read_session`.
        """
        while True:
            state = self.read_session(session_id)
            yield state
            if state.status == "ended":
                return
            self._sleep(every_seconds)

    def end_session(self, session_id: str) -> None:
        """End the session: no token of it is refreshed any more. May be repeated. Raises: EvertokenClientError when it may not have ended."""
        steps.run(self._reading.end(session_id), self._perform)

    def close(self) -> None:
        """Close the connections, unless the caller brought the client."""
        if self._owns_client:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _obtain(self, refused: str | None) -> OAuthTokens:
        while True:
            led: list[bool] = []
            tokens: OAuthTokens = self._flights.run("tokens", partial(self._lead, refused, led))
            # Who joined a flight may have got the very token that was refused.
            if led or tokens.access_token != refused:
                return tokens

    def _lead(self, refused: str | None, led: list[bool]) -> OAuthTokens:
        led.append(True)
        return steps.run(self._rules.obtain(refused), self._perform)

    def _perform(self, command: Command) -> Any:
        match command:
            case Exchange():
                return send(self._client, self._base_url, command)
            case NeedTokens(refused=refused):
                return self._obtain(refused)
            case Load() | Save():
                return call_storage(command)
            case Pause(seconds=seconds):
                return self._sleep(seconds)
