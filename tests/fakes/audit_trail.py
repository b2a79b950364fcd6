"""Audit entries in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from evertoken.control_ports import AuditFilter, AuditPage
from evertoken.domain.audit import AuditEntry


@dataclass
class MemoryAuditTrail:
    """`AuditTrail`. `fail_with` is raised by every call."""

    entries: list[AuditEntry] = field(default_factory=list)
    fail_with: Exception | None = None

    def write(self, entry: AuditEntry) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.entries.append(entry)

    def list(self, tenant_id: str, *, only: AuditFilter, limit: int, position: str | None) -> AuditPage:
        found = sorted(
            (one for one in self.entries if one.tenant_id == tenant_id and _passes(one, only)),
            key=_place,
            reverse=True,
        )
        if position is not None:
            found = [one for one in found if _place(one) < position]
        page = found[:limit]
        return AuditPage(entries=tuple(page), position=_place(page[-1]) if len(found) > limit else None)


def _place(entry: AuditEntry) -> str:
    return f"{entry.at.isoformat()}#{entry.entry_id}"


def _passes(entry: AuditEntry, only: AuditFilter) -> bool:
    return (
        (only.since is None or entry.at >= only.since)
        and (only.until is None or entry.at < only.until)
        and only.action in (None, entry.action)
        and only.target in (None, entry.target)
    )
