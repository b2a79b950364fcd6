"""The answer to whoever opens or refreshes a session: its newest token, signed, and its user as the session's record says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from evertoken.control_ports import SessionStore
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.session import Session, SessionTiming, SessionToken
from evertoken.ports import Clock, Randomness, TokenSigner


class RevokedTenants(Protocol):
    """Which tenants may not pass any more."""

    def is_revoked_tenant(self, tenant_id: str, *, issued_at: datetime) -> bool:
        """Return whether the tenant was suspended or deleted since *issued_at*, as it was known within the last minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDependencies:
    """What sessions need."""

    sessions: SessionStore
    tenants: RevokedTenants
    signer: TokenSigner
    clock: Clock
    randomness: Randomness
    timing: SessionTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSessionToken:
    """A session's newest token, when it expires, and the session that it is of."""

    access_token: str = field(repr=False)
    expires_at: datetime
    session: Session


def issue_session_token(deps: SessionDependencies, session: Session, *, issuer: str) -> IssuedSessionToken:
    """Sign the newest token of *session*; one token, however often it is signed. Raises StoreUnavailableError."""
    return IssuedSessionToken(
        access_token=deps.signer.sign(session.token_claims(issuer, deps.timing)),
        expires_at=session.token_expires_at(deps.timing),
        session=session,
    )


def require_admitted_tenant(deps: SessionDependencies, presented: SessionToken) -> None:
    """Let no session pass whose tenant was suspended or deleted since it began. Raises AuthenticationError."""
    if deps.tenants.is_revoked_tenant(presented.tenant_id, issued_at=presented.authenticated_at):
        raise AuthenticationError
