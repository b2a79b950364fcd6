"""The audit entry of one request: written after the action, so that it tells how it ended; an entry that is lost is counted and logged."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from evertoken.control_ports import AuditTrail
from evertoken.domain.audit import OPERATORS, AuditEntry
from evertoken.domain.authorization import Caller
from evertoken.domain.errors import StoreUnavailableError
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.http_event import HttpEvent


class ErrorLogger(Protocol):
    """A logger that takes fields."""

    def error(self, msg: str, *, extra: Mapping[str, object]) -> None:
        """Write a line that somebody should look at."""


class AuditTelemetry(Protocol):
    """Where a lost entry is told."""

    @property
    def logger(self) -> ErrorLogger:
        """Where the lines go."""

    def count(self, name: str, value: int) -> None:
        """Add to a counter."""


def write_audit(
    audit: AuditTrail,
    telemetry: AuditTelemetry,
    event: HttpEvent,
    answer: Answer,
    *,
    action: str,
    caller: Caller,
    target: str,
    now: datetime,
) -> None:
    """Keep what *caller* did. The action is done already, so an entry that cannot be kept refuses nothing: a line and a metric say so."""
    entry = AuditEntry(
        tenant_id=caller.tenant_id or OPERATORS,
        entry_id=secrets.token_hex(8),
        at=now,
        action=action,
        actor=caller.client_id,
        target=target[:128],
        status=answer.status,
        code=answer.code or "",
        source_ip=event.source_ip,
        user_agent=event.user_agent,
        correlation_id=event.correlation_id,
    )
    try:
        audit.write(entry)
    except StoreUnavailableError:
        telemetry.count("AuditLost", 1)
        telemetry.logger.error(  # noqa: TRY400  # an exception's text may hold what must not be logged
            "audit_lost",
            extra={"action": action, "client": entry.actor, "correlation_id": entry.correlation_id},
        )
