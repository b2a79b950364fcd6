"""The audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord(ApiResult):
    """What somebody did: never what was sent or answered."""

    entry_id: str
    at: datetime
    action: str
    actor: str
    """The API client that asked."""
    target: str
    """What it was done to; empty when it was nothing of its own."""
    status: int
    """The HTTP status that was answered."""
    code: str | None
    """Why it was refused; None when it was not."""
    source_ip: str
    """As API Gateway saw it, never from a header."""
    user_agent: str
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditList(ApiResult):
    """Some entries, newest first, and the cursor of the next page, or None at the end."""

    entries: tuple[AuditRecord, ...]
    cursor: str | None
