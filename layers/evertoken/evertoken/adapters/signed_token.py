"""Opens tokens that we signed, in an order in which nothing unsigned is believed (security facts 2a.2; RFC 8725, RFC 9068); their claims are the verifiers'.

What every refusal says is the same: nothing is learned from it.
"""

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
from evertoken.domain.errors import AuthenticationError

LONGEST_TOKEN = 4096
SKEW_SECONDS = 60
"""How far in the future a token may seem to be issued; an expiry is never stretched."""
_HEADER = {"alg": "ES256", "typ": "at+jwt"}
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_ES256 = ECDSA(SHA256())


def open_token(keys: KmsTokenKeys, token: str) -> dict[str, Any]:
    """Return the claims of a token that one of our keys signed.

    Raises:
        AuthenticationError: it is not in the one form that we write, or no key of ours signed it.
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
    key = keys.find_public_key(name)
    if key is None:
        raise AuthenticationError
    _verify(key, token.rpartition(".")[0].encode(), _decode(compact[3]))
    return _parse_object(compact[2])


def get_text(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that has to be text and not empty. Raises AuthenticationError."""
    value = claims.get(name)
    if not isinstance(value, str) or value == "":
        raise AuthenticationError
    return value


def get_whole(claims: Mapping[str, Any], name: str) -> int:
    """Return a claim that has to be a whole number, as every instant of ours is. Raises AuthenticationError."""
    # type(), not isinstance: a bool is an int to Python, and nobody issues True as an instant.
    value = claims.get(name)
    if type(value) is not int or value < 0:
        raise AuthenticationError
    return value


def require_issued(
    claims: Mapping[str, Any], *, issuer: str, audience: str, lifetime_seconds: int, now: float
) -> int:
    """Return when the token expires, having made sure that it is ours, for this audience, begun, and lives no longer than what is issued now.

    Whether it has expired is the caller's to decide. Raises AuthenticationError.
    """
    issued_at, expires_at = get_whole(claims, "iat"), get_whole(claims, "exp")
    not_before = get_whole(claims, "nbf") if "nbf" in claims else issued_at
    if not (
        claims.get("iss") == issuer
        and claims.get("aud") == audience
        and 0 < expires_at - issued_at <= lifetime_seconds
        and max(issued_at, not_before) <= now + SKEW_SECONDS
    ):
        raise AuthenticationError
    return expires_at


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
