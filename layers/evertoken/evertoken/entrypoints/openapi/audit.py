"""What the route of audits takes and answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evertoken.entrypoints.audit_routes import AuditParameters
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, ErrorCode, Timestamp


class AuditRecord(AnswerModel):
    """What somebody did: never what was sent or answered."""

    entry_id: str
    at: Timestamp
    action: Annotated[str, Field(examples=["connection.disconnect"])]
    actor: Annotated[str, Field(description="The API client that asked.")]
    target: Annotated[str, Field(description="What it was done to; empty when it was nothing of its own.")]
    status: Annotated[int, Field(description="The HTTP status that was answered.")]
    code: Annotated[ErrorCode | None, Field(description="Why it was refused; null when it was not.")]
    source_ip: Annotated[str, Field(description="As API Gateway saw it, never from a header.")]
    user_agent: str
    correlation_id: str


class AuditList(AnswerModel):
    """Some entries, newest first, and the cursor of the next page, or null at the end."""

    entries: list[AuditRecord]
    cursor: str | None


OPERATIONS = (
    Operation(
        key="GET /v1/audit",
        tag="Audit",
        summary="Read the audit trail",
        description="A tenant's own trail; the operator reads that of the operators. Newest first. `since` is included, `until` is not. A list narrowed by "
        "action or connection may have short or empty pages before its last: go on while there is a cursor.",
        parameters=AuditParameters,
        answers={200: AuditList},
    ),
)
