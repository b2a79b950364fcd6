"""List a tenant's sessions, or one user's, by page."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.control_ports import SessionStore
from evertoken.domain.session import Session
from evertoken.ports import TokenSealer
from evertoken.usecases.cursor import open_cursor, seal_cursor

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessionsDependencies:
    """What listing needs; cursors are sealed with *cursor_key_owner*'s data key."""

    sessions: SessionStore
    sealer: TokenSealer
    cursor_key_owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSessions:
    """A page, and the cursor of the next one, or None at the end."""

    sessions: tuple[Session, ...]
    cursor: str | None


def list_sessions(
    deps: ListSessionsDependencies, tenant_id: str, *, user_id: str | None, limit: int, cursor: str | None
) -> ListedSessions:
    """Return a page of the tenant's sessions, by id.

    Raises:
        InvalidInputError: the cursor is not one that this list gave to this tenant for this user.
        StoreUnavailableError, VaultSealedError: try again.
    """
    owner, purpose = deps.cursor_key_owner, f"cursor|sessions|{tenant_id}|{user_id or ''}"
    position = None if cursor is None else open_cursor(deps.sealer, owner, purpose, cursor)
    page = deps.sessions.list(tenant_id, user_id=user_id, limit=min(limit, LARGEST_PAGE), position=position)
    following = None if page.position is None else seal_cursor(deps.sealer, owner, purpose, page.position)
    return ListedSessions(sessions=page.sessions, cursor=following)
