"""Verifies access tokens of our own API in process (security facts 2a; RFC 9068)."""

from __future__ import annotations

from evertoken.adapters.kms_token_keys import KmsTokenKeys
from evertoken.adapters.signed_token import get_text, get_whole, open_token, require_issued
from evertoken.domain.access_token import AUDIENCE
from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError
from evertoken.domain.instants import from_milliseconds
from evertoken.ports import Clock


class AccessTokenVerifier:
    """Turns an access token into its caller, or refuses it with one constant error.

    *lifetime_seconds* bounds `exp - iat`: no token lives longer than what is issued now, whatever it says.
    """

    def __init__(self, keys: KmsTokenKeys, *, lifetime_seconds: int, clock: Clock) -> None:
        self._keys = keys
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def get_caller(self, token: str, *, issuer: str) -> Caller:
        """Return who *token* says is calling.

        Raises:
            AuthenticationError: the token is not a live one of ours for this *issuer*; always the same message.
            StoreUnavailableError: the public key cannot be read now.
        """
        claims = open_token(self._keys, token)
        now = self._clock.now().timestamp()
        expires_at = require_issued(
            claims, issuer=issuer, audience=AUDIENCE, lifetime_seconds=self._lifetime_seconds, now=now
        )
        tenant_id = None if claims.get("tenant") is None else get_text(claims, "tenant")
        if expires_at <= now:
            raise AuthenticationError
        get_text(claims, "jti")
        return Caller(
            client_id=get_text(claims, "sub"),
            tenant_id=tenant_id,
            scopes=frozenset(get_text(claims, "scope").split()),
            issued_at=from_milliseconds(1000 * get_whole(claims, "iat")),
        )
