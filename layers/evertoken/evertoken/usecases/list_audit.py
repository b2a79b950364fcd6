"""List audit entries by page, newest first; the cursor is sealed, so that it opens one tenant's trail and no other."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.control_ports import AuditFilter, AuditTrail
from evertoken.domain.audit import AuditEntry
from evertoken.domain.errors import InvalidInputError
from evertoken.ports import TokenSealer
from evertoken.usecases.cursor import CURSOR_KEY_OWNER, open_cursor, seal_cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDependencies:
    """What listing needs."""

    audit: AuditTrail
    sealer: TokenSealer


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedAudit:
    """A page, and the cursor of the next one, or None at the end."""

    entries: tuple[AuditEntry, ...]
    cursor: str | None


def list_audit(
    deps: AuditDependencies, tenant_id: str, only: AuditFilter, *, limit: int, cursor: str | None
) -> ListedAudit:
    """Return a page of a tenant's trail, or of the operators' (`OPERATORS`); a narrowed page may be short although more follow.

    Raises:
        InvalidInputError: the cursor is not one of ours for this trail, or no time is between `since` and `until`.
        StoreUnavailableError, VaultSealedError: try again.
    """
    if only.since is not None and only.until is not None and only.until <= only.since:
        raise InvalidInputError("until: must be later than since.")
    purpose = f"cursor|audit|{tenant_id}"
    position = None
    if cursor is not None:
        position = open_cursor(deps.sealer, CURSOR_KEY_OWNER, purpose, cursor)
    page = deps.audit.list(tenant_id, only=only, limit=limit, position=position)
    following = None
    if page.position is not None:
        following = seal_cursor(deps.sealer, CURSOR_KEY_OWNER, purpose, page.position)
    return ListedAudit(entries=page.entries, cursor=following)
