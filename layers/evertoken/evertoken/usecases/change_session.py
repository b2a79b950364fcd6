"""Change the role or the profile of a live session; the next token says the new role."""

from __future__ import annotations

from evertoken.control_ports import SessionChange
from evertoken.domain.errors import ConflictError
from evertoken.domain.session import Session
from evertoken.usecases.issue_session_token import SessionDependencies
from evertoken.usecases.read_session import get_session


def change_session(
    deps: SessionDependencies, tenant_id: str, session_id: str, change: SessionChange
) -> Session:
    """Change a session and return it.

    Raises:
        NotFoundError: the tenant has no such session.
        ConflictError: it is over.
        StoreUnavailableError: try again.
    """
    changed = deps.sessions.change(tenant_id, session_id, change, now=deps.clock.now())
    if changed is None:
        get_session(deps, tenant_id, session_id)
        raise ConflictError(
            "This session is over and cannot be changed. Open another with POST /v1/sessions."
        )
    return changed
