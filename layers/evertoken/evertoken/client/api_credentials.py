"""How a program proves itself to the API: client credentials exchanged for a bearer that is kept while it lives, or a bearer of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from typing import Any

from evertoken.client.api_errors import error_of
from evertoken.client.api_exchange import ApiAnswer, ApiRequest
from evertoken.client.errors import ConfigurationError, CredentialsError, SecretShapeError
from evertoken.client.token_cache import margin_seconds

_OK = 200


def _is_visible(value: str) -> bool:
    """Return whether *value* is visible ASCII alone, as header values of ours are: httpx would show any other in its exception."""
    return all("!" <= character <= "~" for character in value)


class BearerCache:
    """The bearer in hand, and when to get another."""

    def __init__(self, *, bearer: str = "", now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._bearer = bearer
        self._renew_at = float("inf") if bearer else 0.0

    def find(self, *, refused: str) -> str:
        """Return the bearer in hand, or "" when there is none that is good and other than *refused*."""
        return self._bearer if self._bearer != refused and self._now() < self._renew_at else ""

    def exchange(self, *, refused: str) -> Generator[Any, Any, str]:
        """Return a bearer other than *refused*: the one in hand, or a new one.

        Raises: CredentialsError, or what else the API says.
        """
        bearer = self.find(refused=refused)
        if bearer:
            return bearer
        asked_at = self._now()
        answer: ApiAnswer = yield from self._ask()
        if answer.status != _OK:
            raise error_of(answer.status, answer.headers, answer.body)
        self._bearer, lifetime = _issued(answer.body)
        self._renew_at = asked_at + lifetime - margin_seconds(lifetime)
        return self._bearer

    def _ask(self) -> Generator[Any, Any, ApiAnswer]:
        """Ask the API for another bearer, and return its answer."""
        raise NotImplementedError


class ApiCredentials(BearerCache):
    """Client credentials (RFC 6749 section 4.4), or an access token that somebody else keeps valid.

    Raises: ConfigurationError when both or neither are given.
    """

    def __init__(
        self,
        *,
        client_id: str = "",
        client_secret: str = "",
        token: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        if bool(token) == bool(client_id and client_secret):
            raise ConfigurationError(
                "Give client_id and client_secret (EVERTOKEN_CLIENT_ID, EVERTOKEN_CLIENT_SECRET), or token (EVERTOKEN_TOKEN), and not both."
            )
        if not all(_is_visible(value) for value in (client_id, token)):
            raise ConfigurationError(
                "The token (EVERTOKEN_TOKEN) or client_id (EVERTOKEN_CLIENT_ID) holds a blank, a line break or another character that neither has. "
                "A value read from a file ends with a line break: strip it."
            )
        super().__init__(bearer=token, now=now)
        self._basic = (client_id, client_secret)
        self._given = token

    @property
    def can_renew(self) -> bool:
        """Whether a bearer that was refused can be exchanged for another."""
        return not self._given

    def _ask(self) -> Generator[ApiRequest, ApiAnswer, ApiAnswer]:
        if not self.can_renew:
            raise CredentialsError(
                "The API refuses the token that was given (EVERTOKEN_TOKEN). Get a new one."
            )
        return (
            yield ApiRequest(
                method="POST",
                path="/v1/auth/token",
                basic=self._basic,
                form={"grant_type": "client_credentials"},
            )
        )


def _issued(body: bytes) -> tuple[str, float]:
    try:
        document: Any = json.loads(body)
        bearer, lifetime = document["access_token"], float(document["expires_in"])
    except (ValueError, KeyError, TypeError, RecursionError):
        bearer, lifetime = "", 0.0
    if (
        not isinstance(bearer, str)
        or not bearer.isascii()
        or not bearer.isprintable()
        or not bearer
        or lifetime <= 0
    ):
        # Without the cause: it may hold the answer.
        raise SecretShapeError(
            "The API did not answer with an access token where it issues one. Check that EVERTOKEN_API is the stack's Output ApiUrl."
        ) from None
    return bearer, lifetime
