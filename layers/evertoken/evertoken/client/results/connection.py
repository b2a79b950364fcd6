"""What the API says of connections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFailure(ApiResult):
    """The last failure since the last success, and how many there were."""

    cause: str
    code: str
    failed_at: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(ApiResult):
    """A connection, and never a token."""

    connection_id: str
    provider: str
    registration: str
    user_id: str
    account: str
    name: str
    display_name: str
    status: str
    on_hold: bool
    policy: str
    publication: str
    secret_name: str | None
    """Where it is published in Secrets Manager."""
    epoch: int
    generation: int
    scope: str
    missing_scope: str
    expires_at: datetime | None
    minutes_left: int | None
    has_refresh_token: bool
    refresh_token_expires_at: datetime | None
    refresh_at: datetime | None
    attempted_at: datetime | None
    failure: ConnectionFailure | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishedConnection(Connection):
    """A connection that has just been made, and what would surprise later."""

    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFailure(ApiResult):
    """The last failure since the last success."""

    cause: str
    code: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConnection(ApiResult):
    """A connection in a list."""

    connection_id: str
    provider: str
    registration: str
    user_id: str
    account: str
    name: str
    display_name: str
    status: str
    on_hold: bool
    policy: str
    publication: str
    secret_name: str | None
    generation: int
    expires_at: datetime | None
    minutes_left: int | None
    has_refresh_token: bool
    refresh_at: datetime | None
    failure: ListedFailure | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionList(ApiResult):
    """A page of connections; go on while `cursor` is not None."""

    connections: tuple[ListedConnection, ...]
    cursor: str | None
