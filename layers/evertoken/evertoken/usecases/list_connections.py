"""List a tenant's connections by page; the cursor is sealed, so that it can be neither read, nor made, nor used by another tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.ports import Clock, ConnectionFilter, ConnectionStore, TokenSealer
from evertoken.usecases.cursor import open_cursor, seal_cursor

LARGEST_PAGE = 100
_PURPOSE = "cursor|connections"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDependencies:
    """What listing needs."""

    store: ConnectionStore
    sealer: TokenSealer
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a list is narrowed to; Nones mean any.

    `refresh_before_minutes` keeps what needs a refresh within that time, as the statistics count it: what can be refreshed (active and not on hold) and
    expires by then or has expired.
    """

    user_id: str | None = None
    provider_id: str | None = None
    account: str | None = None
    status: ConnectionStatus | None = None
    refresh_before_minutes: int | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConnections:
    """A page, and the cursor of the next one, or None at the end."""

    connections: tuple[Connection, ...]
    cursor: str | None


def list_connections(deps: ListDependencies, tenant_id: str, query: ListQuery) -> ListedConnections:
    """Return a page of the tenant's connections; a page may be shorter than its limit although more follow.

    Raises:
        InvalidInputError: the cursor is not one of ours for this tenant.
        StoreUnavailableError, VaultSealedError: try again.
    """
    minutes = query.refresh_before_minutes
    only = ConnectionFilter(
        user_id=query.user_id,
        provider_id=query.provider_id,
        account=query.account,
        status=query.status,
        expires_before=None if minutes is None else deps.clock.now() + timedelta(minutes=minutes),
        is_refreshable=minutes is not None,
    )
    position = None if query.cursor is None else open_cursor(deps.sealer, tenant_id, _PURPOSE, query.cursor)
    page = deps.store.list_by_tenant(
        tenant_id, only=only, limit=min(query.limit, LARGEST_PAGE), position=position
    )
    cursor = None if page.position is None else seal_cursor(deps.sealer, tenant_id, _PURPOSE, page.position)
    return ListedConnections(connections=page.connections, cursor=cursor)
