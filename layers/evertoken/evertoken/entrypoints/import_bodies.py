"""The body of POST /v1/connections/import: rows that are read one by one, so that a bad one is reported and the others live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from evertoken.domain.connection import PublicationMode, RefreshPolicy
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.import_row import ImportRow
from evertoken.entrypoints.body_model import Label, Model, ResourceId, parse_model
from evertoken.entrypoints.connection_bodies import Name, ParameterName, ParameterValue, Policy, Publication

MOST_ROWS = 1_000
LARGEST_IMPORT = 4 * 1024 * 1024
_LONGEST_LIFETIME_SECONDS = 20 * 365 * 86_400
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _parse_instant(value: object) -> datetime:
    """Return the instant that *value* writes (RFC 3339 section 5.6). Raises PydanticCustomError, which repeats nothing of it."""
    moment = None
    if isinstance(value, str) and len(value) <= len("2026-11-21T12:00:00.000000+00:00"):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
    if moment is None or moment.tzinfo is None or not _EARLIEST <= moment < _LATEST:
        raise PydanticCustomError(
            "instant", "It must be an ISO 8601 instant with its zone, such as 2026-11-21T12:00:00Z"
        )
    return moment.astimezone(UTC)


Instant = Annotated[
    datetime, BeforeValidator(_parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
ImportedToken = Annotated[
    str, Field(min_length=1, max_length=16_384, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")
]
"""A token as a provider may issue it (RFC 6749 appendices A.12 and A.17)."""


class ImportRowBody(Model):
    """One row: a token set that you hold, and what you know of it.

    Give the access token, the refresh token, or both; `expires_at` or `expires_in` (seconds from `issued_at`, else from now). The account is what the
    provider calls its user, so that a later connect finds this connection; without it the user id is taken.
    """

    provider: ResourceId
    registration: ResourceId | None = None
    user_id: Label
    account: Label | None = None
    name: Name = ""
    display_name: Name = ""
    access_token: ImportedToken | None = Field(default=None, repr=False)
    token_type: Literal["Bearer", "bearer"] = "Bearer"  # noqa: S105  # the scheme of RFC 6750, no secret
    refresh_token: ImportedToken | None = Field(default=None, repr=False)
    expires_at: Instant | None = None
    expires_in: Annotated[int, Field(ge=0, le=_LONGEST_LIFETIME_SECONDS)] | None = None
    issued_at: Instant | None = None
    refresh_token_expires_at: Instant | None = None
    granted_at: Instant | None = None
    scope: Annotated[str, Field(max_length=4096, pattern=r"^[\x20\x21\x23-\x5b\x5d-\x7e]*$")] | None = None
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=20)] = Field(
        default_factory=dict
    )
    policy: Policy | None = None
    publication: Publication | None = None

    def row(self) -> ImportRow:
        """Return the row in the domain's words."""
        return ImportRow(
            provider_id=self.provider,
            registration_id=self.registration,
            user_id=self.user_id,
            account=self.account,
            name=self.name,
            display_name=self.display_name,
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            expires_in_seconds=self.expires_in,
            refresh_token_expires_at=self.refresh_token_expires_at,
            granted_at=self.granted_at,
            scope=None if self.scope is None else " ".join(self.scope.split()),
            parameters=self.parameters,
            policy=None if self.policy is None else RefreshPolicy(self.policy),
            publication=None if self.publication is None else PublicationMode(self.publication),
        )


class ImportBody(Model):
    """POST /v1/connections/import."""

    connections: Annotated[list[ImportRowBody], Field(min_length=1, max_length=MOST_ROWS)]


class _UnreadRows(Model):
    """The body before its rows are read."""

    connections: Annotated[list[Any], Field(min_length=1, max_length=MOST_ROWS)]


def parse_import(document: Mapping[str, Any]) -> tuple[ImportRow | InvalidInputError, ...]:
    """Return each row, or why it cannot be read. Raises InvalidInputError: there are no rows, or more than are taken at once."""
    return tuple(_parse_row(row) for row in parse_model(_UnreadRows, document).connections)


def _parse_row(row: Any) -> ImportRow | InvalidInputError:
    if not isinstance(row, dict):
        return InvalidInputError("The row must be a JSON object.")
    try:
        return parse_model(ImportRowBody, row).row()
    except InvalidInputError as error:
        return error
