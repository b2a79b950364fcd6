"""What the blocking reader and the one for asyncio share: the sources, the memory and the rules over it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from evertoken.client.connection_lookup import ConnectionLookup
from evertoken.client.errors import ConfigurationError, TokenRejectedError
from evertoken.client.reader_commands import Acquired
from evertoken.client.reader_rules import ReaderRules
from evertoken.client.secret_source import SecretSource
from evertoken.client.token import Token
from evertoken.client.token_cache import TokenCache

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from evertoken.client.operation import OnOperation


class ReaderCore:
    """The part of a reader that neither blocks nor awaits."""

    def __init__(
        self,
        *,
        secret_prefix: str,
        secrets_client: SecretsManagerClient | None,
        has_api: bool,
        on_operation: OnOperation | None,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        if not secret_prefix and not has_api:
            raise ConfigurationError(
                "A reader needs secret_prefix (EVERTOKEN_SECRET_PREFIX: evertoken/<stage>/tokens/<tenant>), api (EVERTOKEN_API), or both."
            )
        self._cache = TokenCache()
        self._lookup = ConnectionLookup()
        self._now = now
        self._secrets = (
            SecretSource(secret_prefix, client=secrets_client, on_operation=on_operation)
            if secret_prefix
            else None
        )
        self._rules = ReaderRules(
            self._cache,
            has_secrets=self._secrets is not None,
            has_api=has_api,
            now=now,
            random=random,
        )

    def invalidate(self, connection_id: str | None = None) -> None:
        """Forget one connection, or everything: the next read asks anew."""
        self._cache.forget(connection_id)
        self._lookup.forget(connection_id)

    def note_refused(self, connection_id: str, generation: int) -> None:
        """Say that the provider refused the token of *generation*, and ask for nothing: the next read does, when it is time."""
        self._rules.refuse(connection_id, generation)

    def _flight_of(self, connection_id: str, min_ttl_seconds: int) -> Hashable:
        """Who wants the same: the same connection, life, and distance from what was refused."""
        return connection_id, min_ttl_seconds, self._cache.entry(connection_id).refused

    @staticmethod
    def _newer_than(generation: int, acquired: Acquired) -> Token:
        if acquired.token.generation > generation:
            return acquired.token
        raise acquired.failure or TokenRejectedError(
            f"The provider refuses generation {generation}, and there is nothing newer."
        )
