"""Sessions as the API shows them: the record to its tenant, the state to its own token, the user to whoever got a token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evertoken.domain.instants import to_iso
from evertoken.domain.session import Session, SessionEnd
from evertoken.usecases.issue_session_token import IssuedSessionToken


def view_session(session: Session, now: datetime) -> dict[str, Any]:
    """Return the whole record, without what its tokens are made of."""
    end = session.end_at(now)
    ended_at = session.ends_at if end is SessionEnd.EXPIRED else session.revoked_at
    return {
        **view_state(session, now),
        "ended_because": None if end is None else end.value,
        "ended_at": None if end is None or ended_at is None else to_iso(ended_at),
        "user_id": session.user_id,
        "role": session.role,
        "profile": {"email": session.profile.email, "name": session.profile.name},
        "authenticated_at": to_iso(session.authenticated_at),
        "refreshed_at": to_iso(session.rotated_at),
        "generation": session.generation,
    }


def view_state(session: Session, now: datetime) -> dict[str, Any]:
    """Return what a session's own token may see, expired or not: that it goes on, and until when at most."""
    return {
        "session_id": session.session_id,
        "status": "active" if session.end_at(now) is None else "ended",
        "ends_at": to_iso(session.ends_at),
    }


def view_token(issued: IssuedSessionToken) -> dict[str, Any]:
    """Return a token in seed 2's form. The user comes from the session's record; the role is the token's."""
    session = issued.session
    return {
        "access_token": issued.access_token,
        "token_type": "bearer",
        "expires_at": to_iso(issued.expires_at),
        "user": {
            "user_id": session.user_id,
            "email": session.profile.email,
            "role": session.token_role,
            "name": session.profile.name,
        },
    }
