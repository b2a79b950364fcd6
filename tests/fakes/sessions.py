"""Sessions in memory, and the signer of their tokens."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from evertoken.control_ports import NotRotated, Rotated, SessionChange, SessionPage
from evertoken.domain.authorization import Revoked
from evertoken.domain.session import Session, SessionEnd, SessionToken


@dataclass
class MemorySessions:
    """`SessionStore`; `writes` counts what was sent to be written, done or refused."""

    sessions: dict[tuple[str, str], Session] = field(default_factory=dict)
    writes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def create(self, session: Session) -> None:
        with self.lock:
            self.writes += 1
            self.sessions[session.tenant_id, session.session_id] = session

    def find(self, tenant_id: str, session_id: str) -> Session | None:
        return self.sessions.get((tenant_id, session_id))

    def list(self, tenant_id: str, *, user_id: str | None, limit: int, position: str | None) -> SessionPage:
        found = [
            session
            for (tenant, session_id), session in sorted(self.sessions.items())
            if tenant == tenant_id
            and user_id in (None, session.user_id)
            and (position is None or session_id > position)
        ]
        page = tuple(found[:limit])
        return SessionPage(
            sessions=page, position=page[-1].session_id if len(found) > limit and page else None
        )

    def rotate(self, presented: SessionToken, *, successor: str, now: datetime) -> Rotated | NotRotated:
        with self.lock:
            self.writes += 1
            session = self.find(presented.tenant_id, presented.session_id)
            if session is None or session.token_id != presented.token_id or session.end_at(now) is not None:
                return NotRotated(session=session)
            rotated = replace(
                session,
                previous_token_id=session.token_id,
                token_id=successor,
                generation=session.generation + 1,
                rotated_at=now,
                token_role=session.role,
            )
            self.sessions[session.tenant_id, session.session_id] = rotated
            return Rotated(session=rotated)

    def change(
        self, tenant_id: str, session_id: str, change: SessionChange, *, now: datetime
    ) -> Session | None:
        with self.lock:
            self.writes += 1
            session = self.find(tenant_id, session_id)
            if session is None or session.end_at(now) is not None:
                return None
            changed = replace(
                session, role=change.role or session.role, profile=change.profile or session.profile
            )
            self.sessions[tenant_id, session_id] = changed
            return changed

    def revoke(self, tenant_id: str, session_id: str, *, because: SessionEnd, now: datetime) -> bool | None:
        with self.lock:
            self.writes += 1
            session = self.find(tenant_id, session_id)
            if session is None:
                return None
            if session.revoked_at is not None:
                return False
            self.sessions[tenant_id, session_id] = replace(session, revoked_at=now, revoked_because=because)
            return True


@dataclass
class MemoryRevokedTenants:
    """`RevokedTenants`."""

    tenants: dict[str, datetime | None] = field(default_factory=dict)

    def is_revoked_tenant(self, tenant_id: str, *, issued_at: datetime) -> bool:
        return Revoked(clients=frozenset(), tenants=self.tenants).refuses_tenant(
            tenant_id, issued_at=issued_at
        )


@dataclass
class FakeTokenSigner:
    """`TokenSigner` whose signatures are none: every token holds its claims, readable, and differs from the one before as ES256's do."""

    signed: list[dict[str, object]] = field(default_factory=list)

    def sign(self, claims: dict[str, object]) -> str:
        self.signed.append(claims)
        encoded = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{encoded}.{len(self.signed)}"

    def public_keys(self) -> dict[str, object]:
        return {"keys": []}


def claims_of(token: str) -> dict[str, object]:
    """What a token of the fake signer says."""
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(token.partition(".")[0]))
    return claims
