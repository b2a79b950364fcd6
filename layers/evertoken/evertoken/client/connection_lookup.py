"""Which connection a user has at a provider, asked once and kept until it turns out to be gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evertoken.client.errors import (
    AmbiguousAccountError,
    ConfigurationError,
    ConnectionNeedsUserError,
    NotFoundError,
)

Wanted = tuple[str, str, str | None]
"""User, provider, and account (None: the only one)."""

MOST_REMEMBERED = 10_000
_NAMED = 5
# A connection that never came to be, or is no more, has no token to read.
_WITHOUT_TOKEN = frozenset({"connecting", "disconnected"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConnectionMatch:
    """A connection that a user has at a provider."""

    connection_id: str
    account: str
    status: str


class ConnectionLookup:
    """Connection ids by user, provider and account; safe under threads."""

    def __init__(self) -> None:
        self._known: dict[Wanted, str] = {}
        self._lock = threading.Lock()

    def find(self, wanted: Wanted) -> str | None:
        """Return the id that was found before."""
        return self._known.get(wanted)

    def keep(self, wanted: Wanted, connection_id: str) -> str:
        """Keep and return the id."""
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[wanted] = connection_id
        return connection_id

    def forget(self, connection_id: str | None) -> None:
        """Forget what leads to one connection, or everything."""
        with self._lock:
            if connection_id is None:
                self._known.clear()
            else:
                self._known = {key: value for key, value in self._known.items() if value != connection_id}

    @contextlib.contextmanager
    def dropping(self, connection_id: str) -> Iterator[None]:
        """Forget the connection if the block finds that it is gone: the user may have connected anew under another id."""
        try:
            yield
        except (NotFoundError, ConnectionNeedsUserError):
            self.forget(connection_id)
            raise


def choose(wanted: Wanted, matches: Sequence[ConnectionMatch]) -> str:
    """Return the only connection that can have a token.

    Raises:
        NotFoundError: there is none.
        AmbiguousAccountError: there are several; the message names them.
    """
    user_id, provider, account = wanted
    usable = [match for match in matches if match.status not in _WITHOUT_TOKEN]
    if len(usable) == 1:
        return usable[0].connection_id
    whose = f"{user_id!r} at {provider!r}" + ("" if account is None else f", account {account!r},")
    if not usable:
        raise NotFoundError(f"{whose} has no connection. Start one with POST /v1/connections.")
    named = ", ".join(f"{match.connection_id} (account {match.account!r})" for match in usable[:_NAMED])
    more = "" if len(usable) <= _NAMED else f" and {len(usable) - _NAMED} more"
    raise AmbiguousAccountError(
        f"{whose} has {len(usable)} connections: {named}{more}. Name the account, or use the connection id."
    )


def needs_api() -> ConfigurationError:
    """Return the error of a lookup without the API."""
    return ConfigurationError(
        "Finding a connection by user and provider needs the API. Give the reader api= (or set EVERTOKEN_API), or use the connection id."
    )
