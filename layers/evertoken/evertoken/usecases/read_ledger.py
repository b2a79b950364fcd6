"""Read the ledger of one connection by page, with an explanation of what the connection is now."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.control_ports import Ledger
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError
from evertoken.domain.ledger import LedgerEntry
from evertoken.ports import TokenSealer
from evertoken.usecases.cursor import CURSOR_KEY_OWNER, open_cursor, seal_cursor
from evertoken.usecases.explain_connection import ENTRIES_CONSIDERED, Explanation, explain_connection

LONGEST_ID = 128
"""No id of ours is longer, and no key of the table may be as long as a path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDependencies:
    """What reading ledgers needs."""

    ledger: Ledger
    sealer: TokenSealer


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLedger:
    """A page, newest first, the cursor of the next one, or None at the end, and what all of it comes to."""

    entries: tuple[LedgerEntry, ...]
    cursor: str | None
    explanation: Explanation


def read_ledger(
    deps: LedgerDependencies, key: ConnectionKey, *, limit: int, cursor: str | None
) -> ReadLedger:
    """Return a page of the connection's ledger.

    Raises:
        ConnectionNotFoundError: the tenant never had this connection, or it is long over.
        InvalidInputError: the cursor is not one of this ledger's.
        StoreUnavailableError, VaultSealedError: try again.
    """
    if len(key.connection_id) > LONGEST_ID:
        raise ConnectionNotFoundError
    newest = deps.ledger.list(key, limit=ENTRIES_CONSIDERED, position=None)
    if not newest.entries and not deps.ledger.knows(key):
        raise ConnectionNotFoundError
    purpose = f"cursor|ledger|{key.tenant_id}|{key.connection_id}"
    position = None if cursor is None else open_cursor(deps.sealer, CURSOR_KEY_OWNER, purpose, cursor)
    is_same = position is None and limit == ENTRIES_CONSIDERED
    page = newest if is_same else deps.ledger.list(key, limit=limit, position=position)
    next_cursor = None
    if page.position is not None:
        deps.sealer.make_ready(CURSOR_KEY_OWNER)
        next_cursor = seal_cursor(deps.sealer, CURSOR_KEY_OWNER, purpose, page.position)
    return ReadLedger(
        entries=page.entries,
        cursor=next_cursor,
        explanation=explain_connection(newest.entries),
    )
