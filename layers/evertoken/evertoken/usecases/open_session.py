"""Open a session of a user, whom the tenant's backend has authenticated and vouches for."""

from __future__ import annotations

from datetime import timedelta

from evertoken.domain.session import Profile, Session, new_session_id, whole_second
from evertoken.usecases.issue_session_token import (
    IssuedSessionToken,
    SessionDependencies,
    issue_session_token,
)


def open_session(
    deps: SessionDependencies, *, tenant_id: str, user_id: str, role: str, profile: Profile, issuer: str
) -> IssuedSessionToken:
    """Return a new session with its first token. Its end is fixed now and nothing puts it off.

    Raises:
        StoreUnavailableError: try again; a session of which nobody has a token may be left, and ends by itself.
    """
    begin = whole_second(deps.clock.now())
    session = Session(
        tenant_id=tenant_id,
        session_id=new_session_id(tenant_id, user_id, deps.randomness.token(256)),
        user_id=user_id,
        role=role,
        profile=profile,
        authenticated_at=begin,
        ends_at=begin + timedelta(seconds=deps.timing.lifetime_seconds),
        token_id=deps.randomness.token(128),
        token_role=role,
        rotated_at=begin,
    )
    deps.sessions.create(session)
    return issue_session_token(deps, session, issuer=issuer)
