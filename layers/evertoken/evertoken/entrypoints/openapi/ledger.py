"""What the route of ledgers takes and answers."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.ledger import LedgerType
from evertoken.domain.origin import Trigger
from evertoken.entrypoints.ledger_routes import LedgerParameters
from evertoken.entrypoints.openapi.operation import Operation


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LedgerFailure(_Exact):
    """The last failure of the connection."""

    cause: str = Field(description="A kind of failure, or `lost_response` or `expired`.")
    code: str = Field(description="The provider's error code, or our word for what happened.")
    count: int = Field(ge=1, description="How many failures there were in a row.")
    failed_at: datetime


class LedgerEntryView(_Exact):
    """One thing that happened; `status`, `on_hold`, `failure`, `expires_at` and `consent_ends_at` are the connection's after it."""

    type: LedgerType
    at: datetime
    epoch: int
    generation: int
    status: ConnectionStatus
    on_hold: bool
    trigger: Trigger | None = Field(description="What set it off.")
    actor: str | None = Field(description="The API client that asked, if one did.")
    correlation_id: str | None
    failure: LedgerFailure | None
    duration_ms: int | None = Field(description="How long a refresh took, from its lease to its commit.")
    expires_at: datetime | None
    consent_ends_at: datetime | None = Field(description="The end that no refresh can put off.")
    changed: list[str] = Field(description="The settings that changed.")


class ExplanationView(_Exact):
    """Why the connection is as it is."""

    summary: str
    cause: str
    since: datetime | None
    mend: str = Field(description="What to do about it.")


class LedgerView(_Exact):
    """A page of a connection's ledger, newest first."""

    connection_id: str
    explanation: ExplanationView
    entries: list[LedgerEntryView]
    cursor: str | None


OPERATIONS = (
    Operation(
        key="GET /v1/connections/{connection_id}/ledger",
        tag="Connections",
        summary="Explain a connection",
        description="What happened to it, newest first, and in a sentence why it is as it is and what to do. Written from the table's stream, about a "
        "second behind: until its first entry is there, a new connection is answered with 404.",
        path={"connection_id": "The connection's id."},
        parameters=LedgerParameters,
        answers={200: LedgerView},
        errors=("ACCOUNT_NOT_FOUND",),
    ),
)
