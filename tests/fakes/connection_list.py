"""What a list of a tenant's connections shows, from rows in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.errors import InvalidInputError
from evertoken.ports import ConnectionFilter, ConnectionPage

HIDDEN = (ConnectionStatus.CONNECTING, ConnectionStatus.RETIRED)


def list_rows(
    rows: Iterable[Connection], tenant_id: str, *, only: ConnectionFilter, limit: int, position: str | None
) -> ConnectionPage:
    """Return a page, ordered by expiry; a position is a number of rows."""
    if position is not None and not position.isdecimal():
        raise InvalidInputError("The cursor is not one that this API gave.")
    start = int(position or 0)
    found = sorted(
        (row for row in rows if row.tenant_id == tenant_id and _passes(row, only)),
        key=lambda row: (_expiry(row) is None, _expiry(row) or row.created_at, row.connection_id),
    )
    page = found[start : start + limit]
    end = start + len(page)
    return ConnectionPage(
        connections=tuple(map(_summary, page)), position=str(end) if end < len(found) else None
    )


def _summary(row: Connection) -> Connection:
    return replace(row, sealed=None, lease=None, revocation=None, commit_id=None, attempted_at=None)


def _expiry(row: Connection) -> datetime | None:
    return None if row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED else row.expires_at


def _passes(row: Connection, only: ConnectionFilter) -> bool:
    if row.status in HIDDEN or (only.is_refreshable and not row.is_refreshable):
        return False
    expiry = _expiry(row)
    if only.expires_before is not None and (expiry is None or expiry >= only.expires_before):
        return False
    wanted = (only.user_id, only.provider_id, only.account, only.status)
    actual = (row.user_id, row.provider_id, row.account, row.status)
    return all(want is None or want == have for want, have in zip(wanted, actual, strict=True))
