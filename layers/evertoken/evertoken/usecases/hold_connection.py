"""Hold a connection, or let it go again: readers see no token while it is held, and nothing refreshes it."""

from __future__ import annotations

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import ConflictError, ConnectionNotFoundError, EvertokenError
from evertoken.domain.origin import Trigger
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies

TRIES = 5


def hold_connection(
    deps: RefreshDependencies, key: ConnectionKey, *, on_hold: bool, invocation: Invocation
) -> Connection:
    """Set or lift the hold and publish what readers may see now. A refresh under way still commits, so nothing is lost.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        ConflictError: the row kept moving; nothing was changed.
    """
    for _ in range(TRIES):
        row = deps.store.get(key)
        if row.status is ConnectionStatus.RETIRED:
            raise ConnectionNotFoundError
        if row.on_hold is on_hold:
            return row
        held = deps.store.set_hold(
            key,
            expected=row,
            on_hold=on_hold,
            now=deps.clock.now(),
            origin=invocation.caused_by(Trigger.CHANGE),
        )
        if held is not None:
            try:
                publish_connection(deps.publishing, held)
            except EvertokenError as error:
                if not error.retryable:
                    raise
            return held
    raise ConflictError("The connection is changing too fast to be held. Repeat the request.")
