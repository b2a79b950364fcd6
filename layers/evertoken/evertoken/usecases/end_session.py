"""End a session: by the tenant's backend, or by its user, which is logout. Afterwards none of its tokens passes and none can be had."""

from __future__ import annotations

from evertoken.domain.errors import AuthenticationError, NotFoundError
from evertoken.domain.session import SessionEnd, SessionToken
from evertoken.usecases.issue_session_token import SessionDependencies, require_admitted_tenant
from evertoken.usecases.read_session import NO_SUCH_SESSION


def end_session(deps: SessionDependencies, tenant_id: str, session_id: str) -> None:
    """End a session of the tenant; fine when it is over. Raises NotFoundError, StoreUnavailableError."""
    if _revoke(deps, tenant_id, session_id, SessionEnd.REVOKED) is None:
        raise NotFoundError(NO_SUCH_SESSION)


def end_own_session(deps: SessionDependencies, presented: SessionToken, session_id: str) -> None:
    """End the session that a verified token is of; fine when it is over.

    Raises:
        AuthenticationError: it is not the session named, or unknown, or its tenant may not pass; always the same message.
        StoreUnavailableError: try again.
    """
    require_admitted_tenant(deps, presented)
    if presented.session_id != session_id:
        raise AuthenticationError
    if _revoke(deps, presented.tenant_id, session_id, SessionEnd.SIGNED_OUT) is None:
        raise AuthenticationError


def _revoke(deps: SessionDependencies, tenant_id: str, session_id: str, because: SessionEnd) -> bool | None:
    return deps.sessions.revoke(tenant_id, session_id, because=because, now=deps.clock.now())
