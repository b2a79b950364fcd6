"""The audit entry of one request: written after the action, so that it tells how it ended; an entry that is lost is counted and logged."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from evertoken.domain.audit import OPERATORS, AuditEntry
from evertoken.domain.authorization import Caller
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.http_event import HttpEvent
from evertoken.entrypoints.request_log import where_from

if TYPE_CHECKING:
    # Every API imports this, token_reader too, which has no use for what the ports beside it speak of.
    from evertoken.control_ports import AuditTrail


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


_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TARGETS = ("connection", "schedule", "job", "session", "created_client")
"""What an answer's log line may name, in the order in which it is taken for what was acted on."""


def target_of(answer: Answer, path: Mapping[str, str]) -> str:
    """Return what an action was done to: the connection that the answer names, else what the path names, else what was made; empty when it is none of them."""
    names = [answer.logged.get("connection"), *path.values(), *map(answer.logged.get, _TARGETS)]
    return next((name for name in names if name and _IDENTIFIER.fullmatch(name)), "")


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
        target=target,
        status=answer.status,
        code=answer.code or "",
        source_ip=event.source_ip,
        user_agent=event.user_agent,
        correlation_id=event.correlation_id,
    )
    try:
        audit.write(entry)
    except Exception as error:  # noqa: BLE001  # whatever it is, the action is done and its answer stands
        telemetry.count("AuditLost", 1)
        fields = {"action": action, "client": entry.actor, "correlation_id": entry.correlation_id}
        telemetry.logger.error(  # noqa: TRY400  # an exception's text may hold what must not be logged
            "audit_lost", extra={**fields, "fault": where_from(error)}
        )
