"""What somebody did to the control plane: one entry an action, kept for as long as the installation says (FEATURES D7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

OPERATORS = ""
"""The tenant of entries that belong to the operators: no tenant has an empty id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, from where, and how it ended; never what was sent or answered.

    `source_ip` is API Gateway's own word, never a header's. `code` is the error code of a refusal, else empty.
    """

    tenant_id: str
    entry_id: str
    at: datetime
    action: str
    actor: str
    target: str
    status: int
    code: str
    source_ip: str
    user_agent: str
    correlation_id: str
