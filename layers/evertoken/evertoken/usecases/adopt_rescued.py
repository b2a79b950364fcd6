"""Adopt an answer that the store could not take in time, by the same conditional write (security facts D5 and 4.9)."""

from __future__ import annotations

from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import CommitAccepted, RescuedAnswer
from evertoken.usecases.commit_token_set import drop_token_set
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies


def adopt_rescued(deps: RefreshDependencies, rescued: RescuedAnswer) -> bool:
    """Commit *rescued* IF its epoch and generation are still current, and publish what the row then says; return whether it was adopted.

    Needs no lease, and works on a connection that was declared dead meanwhile. What came too late after a disconnect is revoked instead.

    Raises:
        StoreUnavailableError: worth another delivery.
    """
    result = deps.store.commit_token_set(rescued.key, rescued.commit)
    if isinstance(result, CommitAccepted):
        publish_connection(deps.publishing, result.connection)
        return True
    before = rescued.commit
    if result.connection is not None and result.connection.epoch != before.epoch:
        purpose = token_set_purpose(rescued.key.connection_id, before.epoch, before.generation + 1)
        token_set = decode_token_set(deps.sealer.open(rescued.key.tenant_id, purpose, before.sealed))
        drop_token_set(
            deps.committing, rescued.key, before.epoch, before.generation, token_set, result.connection
        )
    return False
