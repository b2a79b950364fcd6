"""Refresh a session's token: one conditional write decides between a rotation, a repetition and reuse (security facts 2a.5 to 2a.9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.control_ports import NotRotated, Rotated
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.session import Session, SessionEnd, SessionToken
from evertoken.usecases.issue_session_token import (
    IssuedSessionToken,
    SessionDependencies,
    issue_session_token,
    require_admitted_tenant,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReused:
    """A token came back that had been refreshed before; this refresh has ended the session, and its caller is refused like any other."""

    session: Session


def refresh_session_token(
    deps: SessionDependencies, presented: SessionToken, *, issuer: str
) -> IssuedSessionToken | SessionReused:
    """Return the successor of a token that was verified: a new one at its first use, the same one again within the leeway of it.

    Raises:
        AuthenticationError: the session is unknown or over, or its tenant may not pass; always the same message.
        StoreUnavailableError: the refresh may have happened; repeated within the leeway it gives the same successor.
    """
    require_admitted_tenant(deps, presented)
    now = deps.clock.now()
    successor = deps.randomness.token(128)
    match deps.sessions.rotate(presented, successor=successor, now=now):
        case Rotated(session=session):
            return issue_session_token(deps, session, issuer=issuer)
        case NotRotated(session=session):
            return _repeat_or_revoke(deps, presented, session, successor=successor, now=now, issuer=issuer)


def _repeat_or_revoke(
    deps: SessionDependencies,
    presented: SessionToken,
    session: Session | None,
    *,
    successor: str,
    now: datetime,
    issuer: str,
) -> IssuedSessionToken | SessionReused:
    if session is None or session.end_at(now) is not None:
        raise AuthenticationError
    # A write whose answer was lost is repeated by the SDK and refused: its own successor is there, or has been refreshed by one who was given it.
    is_own_write = successor in (session.token_id, session.previous_token_id)
    if is_own_write or session.has_just_replaced(presented.token_id, now):
        return issue_session_token(deps, session, issuer=issuer)
    is_ended_here = deps.sessions.revoke(
        session.tenant_id, session.session_id, because=SessionEnd.REUSE_DETECTED, now=now
    )
    if not is_ended_here:
        raise AuthenticationError
    return SessionReused(session=session)
