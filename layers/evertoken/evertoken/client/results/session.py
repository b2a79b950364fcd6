"""Users' sessions and their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfile(ApiResult):
    """What the tenant said of its user."""

    email: str | None
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUser(ApiResult):
    """Whose session it is: from the session's record, never from a token."""

    user_id: str
    email: str | None
    role: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState(ApiResult):
    """What a session's own token may see of it."""

    session_id: str
    status: str
    ends_at: datetime
    """When the session ends for good; no refresh puts it off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord(SessionState):
    """A session, as its tenant sees it."""

    ended_because: str | None
    ended_at: datetime | None
    user_id: str
    role: str
    profile: UserProfile
    authenticated_at: datetime
    refreshed_at: datetime
    """When the newest token came to be."""
    generation: int
    """How many tokens there have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList(ApiResult):
    """A page of sessions."""

    sessions: tuple[SessionRecord, ...]
    cursor: str | None
    """Where the next page begins; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTokenAnswer(ApiResult):
    """A session token and its user."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: datetime
    user: SessionUser


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession(ApiResult):
    """A new session with its first token."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: datetime
    user: SessionUser
    session: SessionRecord
