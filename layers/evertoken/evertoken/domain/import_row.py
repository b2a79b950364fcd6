"""One row of an import: a token set that was obtained elsewhere, and how its import ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import PublicationMode, RefreshPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """What a tenant's backend knows of one grant that it has held itself. Nones leave the choice to us, or say that nothing is known.

    `expires_at` or `expires_in_seconds` (counted from `issued_at`, else from now), not both. `granted_at` is when the user consented.
    """

    provider_id: str
    registration_id: str | None = None
    user_id: str
    account: str | None = None
    name: str = ""
    display_name: str = ""
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    expires_in_seconds: int | None = None
    refresh_token_expires_at: datetime | None = None
    granted_at: datetime | None = None
    scope: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    policy: RefreshPolicy | None = None
    publication: PublicationMode | None = None


class ImportStatus(StrEnum):
    """How the import of one row ended."""

    IMPORTED = "imported"
    EXISTS = "exists"
    """The account has a connection already; nothing of it was changed."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The result of the row at *position*, counted from 0: `connection_id` unless it failed, then `code` and `message`."""

    position: int
    status: ImportStatus
    connection_id: str | None = None
    code: str | None = None
    message: str | None = None
