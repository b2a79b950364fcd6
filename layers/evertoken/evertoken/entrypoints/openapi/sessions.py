"""What the routes of sessions take and answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, Timestamp
from evertoken.entrypoints.openapi.security import ACCESS_TOKEN, SESSION_TOKEN
from evertoken.entrypoints.session_bodies import ChangeSessionBody, OpenBody, SessionListParameters

SessionId = Annotated[str, Field(pattern=r"^ses_[a-z2-7]{26}$", examples=["ses_fjyyqoxq2mxmjklhf2gpwdqvha"])]


class SessionState(AnswerModel):
    """What a session's own token may see of it."""

    session_id: SessionId
    status: Literal["active", "ended"]
    ends_at: Annotated[
        Timestamp, Field(description="When the session ends for good; no refresh puts it off.")
    ]


class UserProfile(AnswerModel):
    """What the tenant said of its user."""

    email: str | None
    name: str | None


class SessionRecord(SessionState):
    """A session, as its tenant sees it."""

    ended_because: Literal["signed_out", "revoked", "reuse_detected", "expired"] | None
    ended_at: Timestamp | None
    user_id: str
    role: str
    profile: UserProfile
    authenticated_at: Timestamp
    refreshed_at: Annotated[Timestamp, Field(description="When the newest token came to be.")]
    generation: Annotated[int, Field(ge=1, description="How many tokens there have been.")]


class SessionUser(AnswerModel):
    """Whose session it is: from the session's record, never from a token."""

    user_id: str
    email: str | None
    role: str
    name: str | None


class SessionTokenAnswer(AnswerModel):
    """A session token and its user."""

    access_token: str
    token_type: Literal["bearer"]
    expires_at: Timestamp
    user: SessionUser


class OpenedSession(SessionTokenAnswer):
    """A new session with its first token."""

    session: SessionRecord


class SessionList(AnswerModel):
    """A page of sessions."""

    sessions: list[SessionRecord]
    cursor: Annotated[str | None, Field(description="Where the next page begins; null at the end.")]


_TAG = "Sessions"
_ID = {"session_id": "The session's id, `ses_` and 26 letters and digits."}
_OWN = "Takes a session's own token, also within the grace after it expired: then it shows the state alone."
_REFRESH = (
    "Send the session's token, valid or expired within the grace, as the bearer token; a body is not looked at. The same token sent again "
    "within 15 seconds gets the same successor; later, that ends the session."
)
_BY_OWN_TOKEN = ("UNAUTHORIZED", "STORE_UNAVAILABLE", "RATE_LIMITED")
_BY_EITHER_TOKEN = ("UNAUTHORIZED", "STORE_UNAVAILABLE", "FORBIDDEN", "RATE_LIMITED", "NOT_FOUND")
OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="POST /v1/sessions",
        tag=_TAG,
        summary="Open a session of a user",
        description="The tenant's backend has authenticated the user and vouches for them.",
        body=OpenBody,
        answers={201: OpenedSession},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="GET /v1/sessions",
        tag=_TAG,
        summary="List sessions",
        parameters=SessionListParameters,
        answers={200: SessionList},
        errors=("BAD_REQUEST", "VAULT_SEALED"),
    ),
    Operation(
        key="GET /v1/sessions/{session_id}",
        tag=_TAG,
        summary="Read a session",
        description=f"With the scope `sessions:read` it shows the whole record. {_OWN}",
        path=_ID,
        answers={200: SessionRecord | SessionState},
        errors=_BY_EITHER_TOKEN,
        security=(ACCESS_TOKEN, SESSION_TOKEN),
    ),
    Operation(
        key="PATCH /v1/sessions/{session_id}",
        tag=_TAG,
        summary="Change a session's role or profile",
        description="The next token says the new role. A profile is replaced as a whole.",
        path=_ID,
        body=ChangeSessionBody,
        answers={200: SessionRecord},
        errors=("BAD_REQUEST", "NOT_FOUND", "CONFLICT"),
    ),
    Operation(
        key="DELETE /v1/sessions/{session_id}",
        tag=_TAG,
        summary="End a session",
        description="With the scope `sessions:write`, or with one of the session's own tokens that has not expired: logout. May be repeated.",
        path=_ID,
        answers={204: None},
        errors=_BY_EITHER_TOKEN,
        security=(ACCESS_TOKEN, SESSION_TOKEN),
    ),
    Operation(
        key="POST /v1/auth/refresh-token",
        tag=_TAG,
        summary="Refresh a session's token",
        description=_REFRESH,
        answers={200: SessionTokenAnswer},
        errors=_BY_OWN_TOKEN,
        security=(SESSION_TOKEN,),
    ),
    Operation(
        key="POST /api/video/auth/refresh-token",
        tag=_TAG,
        summary="Refresh a session's token, at the path that services of video calls use",
        description=_REFRESH,
        answers={200: SessionTokenAnswer},
        errors=_BY_OWN_TOKEN,
        security=(SESSION_TOKEN,),
    ),
    Operation(
        key="GET /api/video/sessions/{session_id}",
        tag=_TAG,
        summary="Read the state of one's own session, at the path that services of video calls use",
        description=_OWN,
        path=_ID,
        answers={200: SessionState},
        errors=_BY_OWN_TOKEN,
        security=(SESSION_TOKEN,),
    ),
)
