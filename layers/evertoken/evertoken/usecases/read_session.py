"""Read a session: the whole record by its tenant, its state alone by its own token."""

from __future__ import annotations

from evertoken.domain.errors import AuthenticationError, NotFoundError
from evertoken.domain.session import Session, SessionToken
from evertoken.usecases.issue_session_token import SessionDependencies, require_admitted_tenant

NO_SUCH_SESSION = "No session of this tenant has that id. List them with GET /v1/sessions."


def get_session(deps: SessionDependencies, tenant_id: str, session_id: str) -> Session:
    """Return a session of the tenant. Raises NotFoundError, StoreUnavailableError."""
    session = deps.sessions.find(tenant_id, session_id)
    if session is None:
        raise NotFoundError(NO_SUCH_SESSION)
    return session


def get_own_session(deps: SessionDependencies, presented: SessionToken, session_id: str) -> Session:
    """Return the session that a verified token is of, while it is live.

    Raises:
        AuthenticationError: it is not the session asked for, or over, or unknown, or its tenant may not pass; always the same message.
        StoreUnavailableError: try again.
    """
    require_admitted_tenant(deps, presented)
    if presented.session_id != session_id:
        raise AuthenticationError
    session = deps.sessions.find(presented.tenant_id, session_id)
    if session is None or session.end_at(deps.clock.now()) is not None:
        raise AuthenticationError
    return session
