"""TokenReader: a valid access token of a connection, from memory while it is good.

reader = TokenReader(secret_prefix="evertoken/prod/tokens/acme")
token = reader.get("con_…")
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from evertoken.client import steps
from evertoken.client.connection_lookup import choose, needs_api
from evertoken.client.reader_commands import Acquired, Command, Delivery, ReadSecret
from evertoken.client.reader_core import ReaderCore
from evertoken.client.single_flight import SingleFlight
from evertoken.client.token import Token

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from evertoken.client.api_token_source import TokenApi
    from evertoken.client.operation import OnOperation


class TokenReader(ReaderCore):
    """Reads access tokens; one for a process, safe under threads.

    From Secrets Manager where *secret_prefix* (`evertoken/<stage>/tokens/<tenant>`) is given, and through the *api* what is not there. A token is kept
    until a tenth of its life (two minutes at most) is left, and never served expired; its generation never falls. Whoever wants the same
    connection at the same time shares one call. *secrets_client* is a boto3 client of your own; *on_operation* is told of every call.
    """

    def __init__(
        self,
        *,
        secret_prefix: str = "",
        api: TokenApi | None = None,
        secrets_client: SecretsManagerClient | None = None,
        on_operation: OnOperation | None = None,
        _now: Callable[[], float] = time.time,
        _random: Callable[[], float] = random,
    ) -> None:
        super().__init__(
            secret_prefix=secret_prefix,
            secrets_client=secrets_client,
            has_api=api is not None,
            on_operation=on_operation,
            now=_now,
            random=_random,
        )
        self._api = api
        self._flights = SingleFlight()

    @classmethod
    def from_env(cls, *, on_operation: OnOperation | None = None) -> Self:
        """Return a reader as the environment says: EVERTOKEN_SECRET_PREFIX, EVERTOKEN_API with EVERTOKEN_CLIENT_ID and
        EVERTOKEN_CLIENT_SECRET or EVERTOKEN_TOKEN, or both. Raises: ConfigurationError.
        """
        from evertoken.client.reader_environment import find_api_from_env, prefix_from_env

        return cls(
            secret_prefix=prefix_from_env(), api=find_api_from_env(on_operation), on_operation=on_operation
        )

    def get(self, connection_id: str, *, min_ttl_seconds: int = 0) -> Token:
        """Return a token that is good for *min_ttl_seconds* more.

        Raises:
            ConnectionNeedsUserError, NotFoundError: there is no token until somebody acts.
            TemporarilyUnavailableError, RateLimitedError, TransportError: try again after `retry_after_seconds`.
            CredentialsError, ForbiddenError, ConfigurationError, SecretShapeError, ClockSkewError: the message says what to correct.
        """
        token = self._cache.find(connection_id, min_ttl_seconds, self._now())
        return self._acquire(connection_id, min_ttl_seconds).token if token is None else token

    def get_for(
        self, user_id: str, provider: str, account: str | None = None, *, min_ttl_seconds: int = 0
    ) -> Token:
        """Return a token of the user's connection at the provider; which one is meant is asked of the API once.

        Raises: AmbiguousAccountError when several match, NotFoundError when none does, and what `get` raises.
        """
        wanted = (user_id, provider, account)
        connection_id = self._lookup.find(wanted) or self._resolve(wanted)
        with self._lookup.dropping(connection_id):
            return self.get(connection_id, min_ttl_seconds=min_ttl_seconds)

    def reject(self, connection_id: str, generation: int) -> Token:
        """Say that the provider refused the token of *generation*, and return a newer one.

        The secret is read once more, then the API is asked, once each, whoever else asks for the same meanwhile. While one generation after the
        other is refused, the pauses between such rounds grow from a second to a minute, and the answer within them comes from memory.

        Raises: TokenRejectedError when there is nothing newer, and what `get` raises.
        """
        self._rules.refuse(connection_id, generation)
        return self._newer_than(generation, self._acquire(connection_id, 0))

    def _acquire(self, connection_id: str, min_ttl_seconds: int) -> Acquired:
        acquired: Acquired = self._flights.run(
            self._flight_of(connection_id, min_ttl_seconds),
            lambda: steps.run(self._rules.acquire(connection_id, min_ttl_seconds), self._perform),
        )
        return acquired

    def _perform(self, command: Command) -> Delivery:
        if isinstance(command, ReadSecret):
            assert self._secrets is not None  # the rules know
            return self._secrets.read(command.connection_id)
        from evertoken.client.api_token_source import token_call

        return self._asked().run(token_call(command))

    def _resolve(self, wanted: tuple[str, str, str | None]) -> str:
        from evertoken.client.api_token_source import find_call

        def ask() -> str:
            return self._lookup.keep(wanted, choose(wanted, self._asked().run(find_call(wanted))))

        connection_id: str = self._flights.run(("connection of", wanted), ask)
        return connection_id

    def _asked(self) -> TokenApi:
        if self._api is None:
            raise needs_api()
        return self._api

    def close(self) -> None:
        """Close the API's connections, where the API has a `close`."""
        close: Callable[[], object] | None = getattr(self._api, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
