"""Disconnect: readers lose the token at once, the provider is told, and no refresh under way can bring it back (DESIGN section 3)."""

from __future__ import annotations

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import ConflictError, ConnectionNotFoundError, EvertokenError
from evertoken.domain.origin import Trigger
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies
from evertoken.usecases.revoke_grant import revoke_grant

TRIES = 5
"""How often the row may move between read and write before the caller is asked to repeat."""


def disconnect_connection(
    deps: RefreshDependencies, key: ConnectionKey, *, invocation: Invocation
) -> Connection:
    """Disconnect the connection, publish the withdrawal, and try to revoke once; what fails there is tried again by the worker.

    Does not wait for a lease: the epoch rises, so that a refresh under way cannot commit. Repeating it is harmless.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        ConflictError: the row kept moving; nothing was changed.
    """
    for _ in range(TRIES):
        row = deps.store.get(key)
        if row.status is ConnectionStatus.RETIRED:
            raise ConnectionNotFoundError
        if row.status is ConnectionStatus.DISCONNECTED:
            return row
        disconnected = deps.store.disconnect(
            key,
            expected=row,
            revoke=row.sealed is not None,
            now=deps.clock.now(),
            origin=invocation.caused_by(Trigger.DISCONNECT),
        )
        if disconnected is not None:
            return _withdraw(deps, disconnected, invocation)
    raise ConflictError("The connection is changing too fast to be disconnected. Repeat the request.")


def _withdraw(deps: RefreshDependencies, row: Connection, invocation: Invocation) -> Connection:
    """Publish and revoke now if it can be done; the row says what is still owed, so a failure here loses nothing."""
    try:
        publish_connection(deps.publishing, row)
        if row.revocation is not None:
            revoke_grant(deps, row, row.revocation, invocation=invocation)
    except EvertokenError as error:
        if not error.retryable:
            raise
    return deps.store.get(row.key)
