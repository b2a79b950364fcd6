"""Give up the id of a connection that is over, and then its secret: a later connect gets a new id (DESIGN section 2)."""

from __future__ import annotations

from evertoken.domain.connection import Connection
from evertoken.usecases.publish_connection import PublishDependencies


def retire_connection(deps: PublishDependencies, row: Connection) -> bool:
    """Retire *row* and delete its secret, unless it moved meanwhile; return whether it was retired.

    The row is given up first: a reconnect that is faster keeps the id, and one that is slower gets a new one, so that no secret that is about
    to go is ever written to again.
    """
    now = deps.clock.now()
    if not deps.store.retire(row.key, expected=row, now=now):
        return False
    delete_retired_secret(deps, row)
    return True


def delete_retired_secret(deps: PublishDependencies, row: Connection) -> None:
    """Schedule the deletion of a retired connection's secret; a failure leaves the row due."""
    deps.publisher.delete(row.key)
    deps.store.forget_retired_secret(row.key, expected=row, now=deps.clock.now())
