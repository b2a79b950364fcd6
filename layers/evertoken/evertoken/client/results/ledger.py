"""A connection's history, and why it is as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(ApiResult):
    """Why the connection is as it is."""

    summary: str
    cause: str
    since: datetime | None
    mend: str
    """What to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFailure(ApiResult):
    """The last failure of the connection."""

    cause: str
    """A kind of failure, or `lost_response` or `expired`."""
    code: str
    """The provider's error code, or our word for what happened."""
    count: int
    """How many failures there were in a row."""
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(ApiResult):
    """One thing that happened; `status`, `on_hold`, `failure`, `expires_at` and `consent_ends_at` are the connection's after it."""

    type: str
    at: datetime
    epoch: int
    generation: int
    status: str
    on_hold: bool
    trigger: str | None
    """What set it off."""
    actor: str | None
    """The API client that asked, if one did."""
    correlation_id: str | None
    failure: LedgerFailure | None
    duration_ms: int | None
    """How long a refresh took, from its lease to its commit."""
    expires_at: datetime | None
    consent_ends_at: datetime | None
    """The end that no refresh can put off."""
    changed: tuple[str, ...]
    """The settings that changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger(ApiResult):
    """A page of a connection's ledger, newest first."""

    connection_id: str
    explanation: Explanation
    entries: tuple[LedgerEntry, ...]
    cursor: str | None
