"""Reading an access token."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from evertoken.entrypoints.body_model import Model
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, ConnectionId, Timestamp
from evertoken.entrypoints.token_reader import LONGEST_MIN_TTL_SECONDS, ROUTE


class TokenParameters(Model):
    """The query of a read; the hottest route reads it by hand, and a test compares the two."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    min_ttl: Annotated[
        int | None,
        Field(ge=0, le=LONGEST_MIN_TTL_SECONDS, description="Seconds that the token must still be good for."),
    ] = None
    rejected_generation: Annotated[
        int | None,
        Field(
            ge=0,
            le=999_999_999,
            description="The provider refused the token of this generation: a newer one is wanted.",
        ),
    ] = None


class AccessToken(AnswerModel):
    """A live access token; `expires_at` is null when it does not expire."""

    access_token: str
    token_type: str
    expires_at: Timestamp | None
    scope: str
    generation: int
    connection_id: ConnectionId
    extra: Annotated[
        dict[str, str], Field(description="Further members of the provider's answer that its entry names.")
    ]


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key=ROUTE,
        tag="Tokens",
        summary="Read a valid access token",
        description="Refreshed first when it must be; keep it until `expires_at`, and ask with `rejected_generation` when the provider refuses it.",
        path={"connection_id": "The connection's id, `con_` and 26 letters and digits."},
        parameters=TokenParameters,
        answers={200: AccessToken},
        errors=(
            "ACCOUNT_NOT_FOUND",
            "BAD_REQUEST",
            "CLIENT_CHANGED",
            "DISCONNECTED",
            "NO_REFRESH_TOKEN",
            "ON_HOLD",
            "PROVIDER_REFUSED",
            "PROVIDER_UNAVAILABLE",
            "REAUTH_REQUIRED",
            "REGISTRATION_PAUSED",
            "SIGNER_UNAVAILABLE",
            "SIGNING_KEY_REFUSED",
            "TOKEN_EXPIRED",
            "TOKEN_REFRESH_ERROR",
            "UNKNOWN_PROVIDER",
            "UNKNOWN_REGISTRATION",
            "VAULT_SEALED",
        ),
    ),
)
