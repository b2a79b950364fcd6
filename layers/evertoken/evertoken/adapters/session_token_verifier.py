"""Verifies the tokens of sessions: strictly, or with the bounded grace that two routes alone grant (security facts 2a.3 and 2a.4)."""

from __future__ import annotations

from collections.abc import Callable

from evertoken.adapters.kms_token_keys import KmsTokenKeys
from evertoken.adapters.signed_token import get_text, get_whole, open_token, require_issued
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.instants import from_milliseconds
from evertoken.domain.session import SESSION_AUDIENCE, SessionTiming, SessionToken
from evertoken.ports import Clock


class SessionTokenVerifier:
    """Turns a session token into what may be believed of it, or refuses it with one constant error.

    *on_expired* is called for every token of ours that comes after its end, whether the grace still admits it or not.
    """

    def __init__(
        self, keys: KmsTokenKeys, *, timing: SessionTiming, clock: Clock, on_expired: Callable[[], None]
    ) -> None:
        self._keys = keys
        self._timing = timing
        self._clock = clock
        self._on_expired = on_expired

    def get_token(self, token: str, *, issuer: str, is_lenient: bool = False) -> SessionToken:
        """Return which token of which session this is; *is_lenient* admits it for the grace after its end, never after the session's.

        Raises:
            AuthenticationError: the token is not one of ours for this *issuer* that may still be used; always the same message.
            StoreUnavailableError: the public key cannot be read now.
        """
        claims = open_token(self._keys, token)
        now = self._clock.now().timestamp()
        expires_at = require_issued(
            claims,
            issuer=issuer,
            audience=SESSION_AUDIENCE,
            lifetime_seconds=self._timing.token_lifetime_seconds,
            now=now,
        )
        session_ends_at = get_whole(claims, "auth_time") + self._timing.lifetime_seconds
        get_whole(claims, "gen")
        get_text(claims, "role")
        if not get_whole(claims, "auth_time") <= get_whole(claims, "iat") < session_ends_at:
            raise AuthenticationError
        verified = SessionToken(
            tenant_id=get_text(claims, "tenant"),
            session_id=get_text(claims, "sid"),
            user_id=get_text(claims, "sub"),
            token_id=get_text(claims, "jti"),
            authenticated_at=from_milliseconds(1000 * get_whole(claims, "auth_time")),
        )
        if expires_at <= now:
            self._on_expired()
        grace_seconds = self._timing.grace_seconds if is_lenient else 0
        if min(expires_at + grace_seconds, session_ends_at) <= now:
            raise AuthenticationError
        return verified
