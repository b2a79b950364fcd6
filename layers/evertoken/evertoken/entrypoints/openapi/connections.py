"""Connections: connecting, importing, looking, changing, refreshing, disconnecting, and the browser's way back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evertoken.domain.connection import ConnectionStatus, PublicationMode, RefreshPolicy
from evertoken.entrypoints.connection_bodies import (
    ChangeBody,
    ClientCredentialsBody,
    CompleteBody,
    DeviceBody,
    JwtBearerBody,
    ListParameters,
    SessionLoginBody,
    StartBody,
    TokenExchangeBody,
    UserTokenBody,
)
from evertoken.entrypoints.import_bodies import ImportBody
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, ConnectionId, ErrorCode, Timestamp

TAG = "Connections"
ConnectBody = (
    StartBody
    | DeviceBody
    | ClientCredentialsBody
    | UserTokenBody
    | SessionLoginBody
    | TokenExchangeBody
    | JwtBearerBody
)
Status = Literal["connecting", "active", "reauthorization_required", "disconnected"]
Policy = Literal["scheduled", "lazy"]
Publication = Literal["secrets_manager", "api_only"]


class ListedFailure(AnswerModel):
    """The last failure since the last success."""

    cause: str
    code: str
    failed_at: Timestamp


class ConnectionFailure(ListedFailure):
    """The last failure since the last success, and how many there were."""

    count: Annotated[int, Field(ge=0)]


class ListedConnection(AnswerModel):
    """A connection in a list."""

    connection_id: ConnectionId
    provider: str
    registration: str
    user_id: str
    account: str
    name: str
    display_name: str
    status: Status
    on_hold: bool
    policy: Policy
    publication: Publication
    secret_name: str | None
    generation: int
    expires_at: Timestamp | None
    minutes_left: Annotated[int, Field(ge=0)] | None
    has_refresh_token: bool
    refresh_at: Timestamp | None
    failure: ListedFailure | None
    created_at: Timestamp
    updated_at: Timestamp


class Connection(AnswerModel):
    """A connection, and never a token."""

    connection_id: ConnectionId
    provider: str
    registration: str
    user_id: str
    account: str
    name: str
    display_name: str
    status: Status
    on_hold: bool
    policy: Policy
    publication: Publication
    secret_name: Annotated[str | None, Field(description="Where it is published in Secrets Manager.")]
    epoch: int
    generation: int
    scope: str
    missing_scope: str
    expires_at: Timestamp | None
    minutes_left: Annotated[int, Field(ge=0)] | None
    has_refresh_token: bool
    refresh_token_expires_at: Timestamp | None
    refresh_at: Timestamp | None
    attempted_at: Timestamp | None
    failure: ConnectionFailure | None
    created_at: Timestamp
    updated_at: Timestamp


class EstablishedConnection(Connection):
    """A connection that has just been made, and what would surprise later."""

    notices: list[str]


class StartedAuthorization(AnswerModel):
    """Where the browser has to go."""

    connection_id: ConnectionId
    authorization_url: str
    session_uri: str
    expires_at: Timestamp


class StartedDevice(AnswerModel):
    """What to show the user of a device (RFC 8628 section 3.2)."""

    connection_id: ConnectionId
    session_uri: str
    user_code: str
    verification_uri: str
    verification_uri_complete: Annotated[str, Field(description="Only where the provider gives one.")] = (
        Field(default_factory=str)
    )
    expires_at: Timestamp
    interval_seconds: Annotated[int, Field(ge=1)]


class PendingDevice(AnswerModel):
    """The user of the device has not decided yet."""

    status: Literal["pending"]
    retry_after: Annotated[int, Field(ge=1, description="Seconds until the provider may be asked again.")]


class ConnectionList(AnswerModel):
    """A page of connections; go on while `cursor` is not null."""

    connections: list[ListedConnection]
    cursor: str | None


class RefreshAnswer(AnswerModel):
    """How a demanded refresh ended."""

    outcome: Literal["refreshed", "not_needed", "in_flight"]
    connection: Connection


class ImportedRow(AnswerModel):
    """A row whose account has a connection now: a new one (`imported`), or the one that it had (`exists`), unchanged."""

    position: Annotated[int, Field(ge=0)]
    status: Literal["imported", "exists"]
    connection_id: ConnectionId


class FailedRow(AnswerModel):
    """A row that was not taken over, and how to mend it."""

    position: Annotated[int, Field(ge=0)]
    status: Literal["failed"]
    code: ErrorCode
    message: str


class ImportAnswer(AnswerModel):
    """A result for each row, in their order, and how many there are of each."""

    imported: Annotated[int, Field(ge=0)]
    exists: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    results: list[ImportedRow | FailedRow]


_CONNECTION = {"connection_id": "The connection's id, `con_` and 26 letters and digits."}
_ASKS_PROVIDER = (
    "PROVIDER_REFUSED",
    "PROVIDER_UNAVAILABLE",
    "SIGNER_UNAVAILABLE",
    "SIGNING_KEY_REFUSED",
    "VAULT_SEALED",
)
_CHOOSES = ("UNKNOWN_PROVIDER", "UNKNOWN_REGISTRATION")

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="POST /v1/connections",
        tag=TAG,
        summary="Connect an account",
        description=(
            "With a browser the answer says where to send it; then call `POST /v1/connections/complete`. A device shows a code and is completed the same "
            "way. Every other grant answers with the connection at once."
        ),
        body=ConnectBody,
        answers={201: StartedAuthorization | StartedDevice | EstablishedConnection},
        errors=("BAD_REQUEST", *_CHOOSES, *_ASKS_PROVIDER, "CONFLICT", "PUBLISHER_UNAVAILABLE"),
    ),
    Operation(
        key="POST /v1/connections/complete",
        tag=TAG,
        summary="Finish connecting",
        description="Name the user who is logged in where the browser came back. 202: the user of a device has not decided yet.",
        body=CompleteBody,
        answers={200: EstablishedConnection, 202: PendingDevice},
        errors=(
            "BAD_REQUEST",
            *_CHOOSES,
            *_ASKS_PROVIDER,
            "CLIENT_CHANGED",
            "CONFLICT",
            "CONNECT_EXPIRED",
            "INVALID_STATE",
            "PUBLISHER_UNAVAILABLE",
            "USER_MISMATCH",
        ),
    ),
    Operation(
        key="POST /v1/connections/import",
        tag=TAG,
        summary="Take over token sets from elsewhere",
        description=(
            "Up to 1,000 rows and 4 MiB. Every row has a result of its own, so that a bad one harms no good one; repeating an import changes nothing. "
            "Publication to Secrets Manager follows at its rate."
        ),
        body=ImportBody,
        answers={200: ImportAnswer},
        errors=("BAD_REQUEST", "VAULT_SEALED"),
    ),
    Operation(
        key="GET /v1/connections",
        tag=TAG,
        summary="List connections",
        description="`refresh_before_minutes`: those that expire within that time.",
        parameters=ListParameters,
        answers={200: ConnectionList},
        errors=("BAD_REQUEST", "VAULT_SEALED"),
    ),
    Operation(
        key="GET /v1/connections/{connection_id}",
        tag=TAG,
        summary="Inspect a connection",
        path=_CONNECTION,
        answers={200: Connection},
        errors=("ACCOUNT_NOT_FOUND",),
    ),
    Operation(
        key="PATCH /v1/connections/{connection_id}",
        tag=TAG,
        summary="Change a connection",
        description="What is absent stays. On hold it is not refreshed, and nobody sees its token.",
        path=_CONNECTION,
        body=ChangeBody,
        answers={200: Connection},
        errors=(
            "ACCOUNT_NOT_FOUND",
            "BAD_REQUEST",
            *_CHOOSES,
            "CONFLICT",
            "PUBLISHER_UNAVAILABLE",
            "VAULT_SEALED",
        ),
    ),
    Operation(
        key="DELETE /v1/connections/{connection_id}",
        tag=TAG,
        summary="Disconnect",
        description="Readers lose the token at once and the provider is told. Repeating it is harmless.",
        path=_CONNECTION,
        answers={200: Connection},
        errors=("ACCOUNT_NOT_FOUND", "CONFLICT", "VAULT_SEALED"),
    ),
    Operation(
        key="GET /v1/oauth/callback/{registration_id}",
        tag=TAG,
        summary="Where providers send the browser",
        description="Answers a browser: a redirect to the tenant's return URL with `status` and `session_uri`, else a page that says to start again.",
        path={"registration_id": "The client registration's id."},
        answers={303: None},
        shows_errors_as_page=True,
    ),
    Operation(
        key="POST /v1/oauth/callback/{registration_id}",
        tag=TAG,
        summary="The same, for providers that post a form",
        path={"registration_id": "The client registration's id."},
        body=dict[str, str],
        media_types=("application/x-www-form-urlencoded",),
        answers={303: None},
        shows_errors_as_page=True,
    ),
)
assert {*ConnectionStatus} - {ConnectionStatus.RETIRED} == set(Status.__args__)  # type: ignore[attr-defined]
assert set(RefreshPolicy) == set(Policy.__args__)  # type: ignore[attr-defined]
assert set(PublicationMode) == set(Publication.__args__)  # type: ignore[attr-defined]
