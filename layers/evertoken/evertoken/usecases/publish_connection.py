"""Show readers of Secrets Manager what the row says, in the order of the publication numbers (DESIGN section 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from evertoken.domain.connection import Connection
from evertoken.domain.due import due_when_settled
from evertoken.domain.publication import (
    EMPTY_SECRET,
    Publication,
    publish_token_set,
    publish_withdrawal,
)
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import Clock, ConnectionStore, Publisher, TokenSealer


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishDependencies:
    """What publishing needs."""

    store: ConnectionStore
    publisher: Publisher
    sealer: TokenSealer
    clock: Clock


class PublishResult(StrEnum):
    """How a publication ended; all but PASSED leave nothing owed at this number."""

    NOTHING_OWED = "nothing_owed"
    PUBLISHED = "published"
    PASSED = "passed"
    """A newer publisher was faster, or the row moved: what is owed now is another worker's, or due at once."""


def publish_connection(
    deps: PublishDependencies,
    connection: Connection,
    *,
    owner: str | None = None,
    token_set: TokenSet | None = None,
) -> PublishResult:
    """Put the newest publication of *connection*, a row that was just read or written, and acknowledge it.

    A row that came without a secret gets the empty one first, acknowledged, as every other row did before it held a token. Then every skipped number
    is spent, so that a put that is still under way for one of them is refused by Secrets Manager itself. A withdrawal is put under its last two
    numbers, so that neither AWSCURRENT nor AWSPREVIOUS holds a token. *owner*'s lease ends with the acknowledgement. *token_set* spares opening the
    ciphertext when the caller has just sealed it.

    Raises:
        PublisherUnavailableError: nothing was acknowledged; the row stays due and any worker may go on.
        StoreUnavailableError: the acknowledgement may be missing; the same publication is then put again, which does nothing.
    """
    if not connection.owes_publication:
        return PublishResult.NOTHING_OWED
    if connection.published_number < EMPTY_SECRET:
        deps.publisher.create_empty(connection.key)
        connection = replace(connection, published_number=EMPTY_SECRET)
    newest = connection.publication_number
    first_shown = newest - 1 if connection.is_withdrawn else newest
    for number in range(connection.published_number + 1, first_shown):
        deps.publisher.spend(connection.key, number)
    for number in range(max(first_shown, connection.published_number + 1), newest + 1):
        if not deps.publisher.put(_publication(deps, connection, number, token_set)):
            return PublishResult.PASSED
    now = deps.clock.now()
    acknowledged = deps.store.acknowledge_publication(
        connection.key, number=newest, owner=owner, due_at=due_when_settled(connection), now=now
    )
    return PublishResult.PUBLISHED if acknowledged else PublishResult.PASSED


def _publication(
    deps: PublishDependencies, connection: Connection, number: int, token_set: TokenSet | None
) -> Publication:
    if connection.is_withdrawn or connection.sealed is None:
        return publish_withdrawal(connection.key, number)
    if token_set is None:
        purpose = token_set_purpose(connection.connection_id, connection.epoch, connection.generation)
        token_set = decode_token_set(deps.sealer.open(connection.tenant_id, purpose, connection.sealed))
    if not token_set.access_token:
        # It was imported with its refresh token alone: until its first refresh there is nothing to show.
        return publish_withdrawal(connection.key, number)
    return publish_token_set(connection.key, number, token_set, connection.generation)
