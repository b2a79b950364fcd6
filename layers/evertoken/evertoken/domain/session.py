"""Sessions of a tenant's users: how long they and their tokens live, and what of a rotation is a repetition and what is reuse (security facts 2a)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from evertoken.domain.credentials import identifier_of
from evertoken.domain.errors import ConfigurationError

SESSION_AUDIENCE = "evertoken/session"
"""The one audience of session tokens; access tokens of the API have another, so neither passes as the other."""
SESSION_PREFIX = "ses_"
"""What every session's id begins with."""
REPLAY_LEEWAY_SECONDS = 15
"""For how long after its first use a refreshed token gets the same successor again, so that a lost answer loses no session."""
LONGEST_GRACE_SECONDS = 7_200
LONGEST_SESSION_SECONDS = 30 * 86_400
_OF_THE_USER = 8
_RANDOM = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTiming:
    """How long a session token lives, how long after that it may still be refreshed, and how long a session lasts at most.

    Raises:
        ConfigurationError: the grace is longer than two hours, or the session than thirty days.
    """

    token_lifetime_seconds: int
    grace_seconds: int
    lifetime_seconds: int

    def __post_init__(self) -> None:
        if not 0 <= self.grace_seconds <= LONGEST_GRACE_SECONDS:
            raise ConfigurationError(
                f"SESSION_GRACE_SECONDS is {self.grace_seconds}: set it from 0 to {LONGEST_GRACE_SECONDS}."
            )
        if self.token_lifetime_seconds <= 0 or not 0 < self.lifetime_seconds <= LONGEST_SESSION_SECONDS:
            raise ConfigurationError(
                f"SESSION_TOKEN_LIFETIME_SECONDS has to be above 0, and SESSION_LIFETIME_SECONDS from 1 to {LONGEST_SESSION_SECONDS}."
            )


class SessionEnd(StrEnum):
    """Why a session is over."""

    SIGNED_OUT = "signed_out"
    """Its user ended it, with one of its own tokens."""
    REVOKED = "revoked"
    """The tenant's backend ended it."""
    REUSE_DETECTED = "reuse_detected"
    """A token came back that had been refreshed before: somebody has a copy."""
    EXPIRED = "expired"
    """Its absolute end has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Whose session it is, in the tenant's own words."""

    email: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, and which of its tokens is the newest.

    `role` is what the tenant says now, `token_role` what the newest token says: the next one copies `role`. `rotated_at` is when the newest token
    came to be. `authenticated_at` and `ends_at` are whole seconds and never change.
    """

    tenant_id: str
    session_id: str
    user_id: str
    role: str
    profile: Profile
    authenticated_at: datetime
    ends_at: datetime
    token_id: str
    previous_token_id: str | None = None
    token_role: str
    generation: int = 1
    rotated_at: datetime
    revoked_at: datetime | None = None
    revoked_because: SessionEnd | None = None

    def end_at(self, now: datetime) -> SessionEnd | None:
        """Return why the session is over at *now*, or None while it is live."""
        if self.revoked_at is not None:
            return self.revoked_because or SessionEnd.REVOKED
        return SessionEnd.EXPIRED if now >= self.ends_at else None

    def has_just_replaced(self, token_id: str, now: datetime) -> bool:
        """Return whether *token_id* is the newest token's immediate parent and its first use is no longer ago than the leeway.

        The window begins with the first use, and no further use moves it; a grandparent is never in it.
        """
        return token_id == self.previous_token_id and now <= self.rotated_at + timedelta(
            seconds=REPLAY_LEEWAY_SECONDS
        )

    def token_expires_at(self, timing: SessionTiming) -> datetime:
        """Return when the newest token expires: never after the session's own end."""
        issued_at = self.rotated_at.replace(microsecond=0)
        return min(issued_at + timedelta(seconds=timing.token_lifetime_seconds), self.ends_at)

    def token_claims(self, issuer: str, timing: SessionTiming) -> dict[str, object]:
        """Return the claims of the newest token: from the stored session alone, so that every answer to one refresh says the same."""
        return {
            "iss": issuer,
            "aud": SESSION_AUDIENCE,
            "sub": self.user_id,
            "tenant": self.tenant_id,
            "sid": self.session_id,
            "jti": self.token_id,
            "iat": int(self.rotated_at.timestamp()),
            "exp": int(self.token_expires_at(timing).timestamp()),
            "auth_time": int(self.authenticated_at.timestamp()),
            "role": self.token_role,
            "gen": self.generation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionToken:
    """What is believed of a session token whose signature and times are good: which one it is. Who the user is stands in the session."""

    tenant_id: str
    session_id: str
    user_id: str
    token_id: str
    authenticated_at: datetime


def new_session_id(tenant_id: str, user_id: str, randomness: str) -> str:
    """Return the id of a new session: a hash of its user, then 90 random bits. It is no credential; a user's sessions stand together."""
    return user_prefix(tenant_id, user_id) + identifier_of("", randomness)[:_RANDOM]


def user_prefix(tenant_id: str, user_id: str) -> str:
    """Return what the ids of a user's sessions begin with; another user's may too, by chance, so whoever lists compares the user."""
    return identifier_of(SESSION_PREFIX, f"{tenant_id}\n{user_id}")[: len(SESSION_PREFIX) + _OF_THE_USER]


def whole_second(moment: datetime) -> datetime:
    """Return *moment* without its fraction: the claims of tokens have whole seconds (RFC 7519 section 2)."""
    return moment.astimezone(UTC).replace(microsecond=0)
