"""The route of audits: a tenant sees its own trail, the operator that of the operators."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from evertoken.control_ports import AuditFilter
from evertoken.domain.access_token import AUDIT_READ, OPERATOR
from evertoken.domain.audit import OPERATORS, AuditEntry
from evertoken.domain.instants import to_iso
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import Model, parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.import_bodies import Instant
from evertoken.usecases.list_audit import AuditDependencies, list_audit


class AuditParameters(Model):
    """The query of GET /v1/audit; numbers and times arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    since: Instant | None = None
    until: Instant | None = None
    action: Annotated[str, Field(pattern=r"^[a-z_.]{1,64}$")] | None = None
    connection_id: Annotated[str, Field(pattern=r"^con_[a-z2-7]{26}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | None = None


def audit_routes(deps: AuditDependencies) -> tuple[Route, ...]:
    """Return the route of audits."""

    def read(request: Request) -> Answer:
        assert request.caller is not None
        parameters = parse_model(AuditParameters, request.query())
        page = list_audit(
            deps,
            request.caller.tenant_id or OPERATORS,
            AuditFilter(
                since=parameters.since,
                until=parameters.until,
                action=parameters.action,
                target=parameters.connection_id,
            ),
            limit=parameters.limit,
            cursor=parameters.cursor,
        )
        return Answer(body={"entries": [view_entry(one) for one in page.entries], "cursor": page.cursor})

    return (Route(key="GET /v1/audit", handle=read, scope=AUDIT_READ, or_scope=OPERATOR),)


def view_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return the JSON form of an audit entry; `code` is None when the action was not refused."""
    return {
        "entry_id": entry.entry_id,
        "at": to_iso(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "target": entry.target,
        "status": entry.status,
        "code": entry.code or None,
        "source_ip": entry.source_ip,
        "user_agent": entry.user_agent,
        "correlation_id": entry.correlation_id,
    }
