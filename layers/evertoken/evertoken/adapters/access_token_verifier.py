"""Verifies our own access tokens in process, in an order in which nothing unsigned is believed (security facts 2a; RFC 8725, RFC 9068)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from evertoken.adapters.kms_token_keys import KmsTokenKeys
from evertoken.domain.access_token import AUDIENCE
from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError
from evertoken.ports import Clock

LONGEST_TOKEN = 4096
SKEW_SECONDS = 60
"""How far in the future a token may seem to be issued; an expiry is never stretched."""
_HEADER = {"alg": "ES256", "typ": "at+jwt"}
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_ES256 = ECDSA(SHA256())


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
        if len(token) > LONGEST_TOKEN:
            raise AuthenticationError
        compact = _COMPACT.fullmatch(token)
        if compact is None:
            raise AuthenticationError
        header = _parse_object(compact[1])
        name = header.pop("kid", None)
        if header != _HEADER or not isinstance(name, str):
            raise AuthenticationError
        key = self._keys.find_public_key(name)
        if key is None:
            raise AuthenticationError
        _verify(key, token.rpartition(".")[0].encode(), _decode(compact[3]))
        return self._caller(_parse_object(compact[2]), issuer)

    def _caller(self, claims: Mapping[str, Any], issuer: str) -> Caller:
        issued_at, expires_at = _instant(claims, "iat"), _instant(claims, "exp")
        now = self._clock.now().timestamp()
        tenant_id = claims.get("tenant")
        if not (
            claims.get("iss") == issuer
            and claims.get("aud") == AUDIENCE
            and 0 < expires_at - issued_at <= self._lifetime_seconds
            and issued_at <= now + SKEW_SECONDS
            and expires_at > now
            and (tenant_id is None or (isinstance(tenant_id, str) and tenant_id != ""))
        ):
            raise AuthenticationError
        _text(claims, "jti")
        return Caller(
            client_id=_text(claims, "sub"),
            tenant_id=tenant_id,
            scopes=frozenset(_text(claims, "scope").split()),
        )


def _verify(key: EllipticCurvePublicKey, signed: bytes, signature: bytes) -> None:
    """Check an ES256 signature, whose two numbers stand one after the other (RFC 7518 section 3.4).

    On cryptography itself: importing PyJWT for this one call costs 7 % of the token reader's cold start.
    """
    half = len(signature) // 2
    numbers = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    try:
        key.verify(encode_dss_signature(*numbers), signed, _ES256)
    except InvalidSignature:
        raise AuthenticationError from None


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or value == "":
        raise AuthenticationError
    return value


def _instant(claims: Mapping[str, Any], name: str) -> int:
    # type(), not isinstance: a bool is an int to Python, and nobody issues True as an instant.
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise AuthenticationError
    return value


def _parse_object(part: str) -> dict[str, Any]:
    try:
        parsed = json.loads(_decode(part), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise AuthenticationError from None
    if not isinstance(parsed, dict):
        raise AuthenticationError
    return parsed


def _decode(part: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise AuthenticationError from None
    # Unused bits must be zero, or one token could be written in several ways (RFC 4648 section 3.5).
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise AuthenticationError
    return decoded


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(constant: str) -> None:
    raise ValueError(constant)
