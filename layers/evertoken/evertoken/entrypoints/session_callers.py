"""Who is calling where a session's own token passes: its routes are public to the API, and verify here."""

from __future__ import annotations

from typing import Protocol

from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.session import SessionToken
from evertoken.entrypoints.api import Admission, Request
from evertoken.entrypoints.bearer import TokenVerifier, get_bearer


class SessionVerifier(Protocol):
    """Verifies tokens of sessions."""

    def get_token(self, token: str, *, issuer: str, is_lenient: bool = False) -> SessionToken:
        """Return which token this is; *is_lenient* grants the grace. Raises AuthenticationError."""


class SessionCallers:
    """Tells a session's own token from an API client's. Each verifier takes its own audience alone, so a token is one of them or none."""

    def __init__(
        self, sessions: SessionVerifier, clients: TokenVerifier, *, admission: Admission | None
    ) -> None:
        self._sessions = sessions
        self._clients = clients
        self._admission = admission

    def get_token(self, request: Request, *, is_lenient: bool) -> SessionToken:
        """Return the session token of a request. Raises AuthenticationError, RateLimitedError."""
        token = self._sessions.get_token(
            get_bearer(request.event), issuer=request.base_url, is_lenient=is_lenient
        )
        if self._admission is not None:
            # A session has a share of its own, or one user's loop would use up the throttle and the signatures of all.
            self._admission.admit(
                Caller(
                    client_id=f"session {token.session_id}",
                    tenant_id=token.tenant_id,
                    scopes=frozenset(),
                    issued_at=token.authenticated_at,
                )
            )
        return token

    def get_token_or_client(self, request: Request, *, is_lenient: bool = False) -> SessionToken | Caller:
        """Return the session token of a request, or the API client, whose scope is the caller's to look at.

        Raises:
            AuthenticationError: it is neither.
            RateLimitedError: it asks too often.
        """
        try:
            return self.get_token(request, is_lenient=is_lenient)
        except AuthenticationError:
            caller = self._clients.get_caller(get_bearer(request.event), issuer=request.base_url)
        if self._admission is not None:
            self._admission.admit(caller)
        return caller
