"""Tokens of external OIDC issuers, verified with the keys that the issuers publish (OpenID Connect Discovery 1.0, RFC 7517, RFC 8725)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from evertoken.domain.errors import AuthenticationError, ProviderUnavailableError
from evertoken.domain.http import HttpAnswer, HttpRequest
from evertoken.ports import Clock, ProviderTransport

LONGEST_ASSERTION = 8192
SKEW_SECONDS = 60
"""How far in the future a token may seem to be issued or to begin; an expiry is never stretched."""
KEPT_SECONDS = 900
"""How long an issuer's keys are believed: one that it withdrew is refused this much later at most."""
REFETCH_SECONDS = 300
"""A `kid` that is not among an issuer's keys has them fetched again, and no other for this long (security facts 2a.10)."""
RETRY_SECONDS = 10
"""After a failed fetch an issuer is left alone for this long."""
FETCH_SECONDS = 3.0
MAX_DOCUMENT_BYTES = 150_000
"""What API Gateway reads of an issuer's keys at most:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html (read 2026-11-21).
"""
_KEY_ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}
_RSA_BITS = range(2048, 8193)
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_LAST_INSTANT = 253_402_300_799
"""The end of the year 9999, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    key: Any = field(repr=False)
    algorithms: tuple[str, ...]


@dataclass(slots=True)
class _Issuer:
    """What is known of one issuer, and when it was asked last; instants are those of the monotonic clock."""

    keys: Mapping[str, _Key] = field(default_factory=dict)
    fetched_at: float = float("-inf")
    failed_at: float = float("-inf")
    sought_at: float = float("-inf")


class OidcIssuers:
    """`ExternalIssuers`: keys are fetched once and kept for 15 minutes.

    Call it only with issuers that are configured: it asks whichever it is given. No redirect is followed, and *transport* refuses private addresses.
    *allow_loopback* admits key sets over http (the local stage).
    """

    def __init__(self, transport: ProviderTransport, *, clock: Clock, allow_loopback: bool) -> None:
        self._transport = transport
        self._clock = clock
        self._schemes = ("https://", "http://") if allow_loopback else ("https://",)
        self._issuers: dict[str, _Issuer] = {}
        self._lock = Lock()

    def get_claims(self, assertion: str, *, issuer: str) -> Mapping[str, Any]:
        """Return the claims of a token that *issuer* signed and that is in force now; audience and subject are the caller's to compare.

        Raises:
            AuthenticationError: it is not one; always the same message.
            ProviderUnavailableError: the issuer's keys cannot be had now.
        """
        # Imported late: only who exchanges tokens pays for it.
        import jwt

        if len(assertion) > LONGEST_ASSERTION:
            raise AuthenticationError
        try:
            header = jwt.get_unverified_header(assertion)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise AuthenticationError from None
        name, algorithm = header.get("kid"), header.get("alg")
        # A type that says what else the token is for is believed (RFC 8725 section 3.11).
        if not isinstance(name, str) or str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise AuthenticationError
        key = self._find_key(issuer, name)
        # The key says which algorithms it is for, never the token alone (RFC 8725 section 3.1).
        if key is None or algorithm not in key.algorithms:
            raise AuthenticationError
        try:
            payload = jwt.PyJWS().decode(assertion, key.key, algorithms=[algorithm])
        except (jwt.PyJWTError, ValueError):
            raise AuthenticationError from None
        claims = _parse_claims(payload)
        self._check(claims, issuer)
        return claims

    def _check(self, claims: Mapping[str, Any], issuer: str) -> None:
        now = self._clock.now().timestamp()
        expires_at = _find_instant(claims, "exp")
        begins = [instant for name in ("iat", "nbf") if (instant := _find_instant(claims, name)) is not None]
        subject = claims.get("sub")
        if not (
            claims.get("iss") == issuer
            and expires_at is not None
            and expires_at > now
            and all(instant <= now + SKEW_SECONDS for instant in begins)
            and isinstance(subject, str)
            and subject != ""
            # A logout token or another security event (RFC 8417) is a message, and nobody's credential.
            and "events" not in claims
        ):
            raise AuthenticationError

    def _find_key(self, issuer: str, name: str) -> _Key | None:
        with self._lock:
            known = self._issuers.setdefault(issuer, _Issuer())
            now = self._clock.monotonic()
            if now - known.fetched_at >= KEPT_SECONDS:
                self._fetch(issuer, known)
            elif name not in known.keys and now - known.sought_at >= REFETCH_SECONDS:
                known.sought_at = now
                self._fetch(issuer, known)
            return known.keys.get(name)

    def _fetch(self, issuer: str, known: _Issuer) -> None:
        now = self._clock.monotonic()
        if now - known.failed_at < RETRY_SECONDS:
            raise _unavailable()
        known.failed_at = now
        configuration = self._read(issuer.rstrip("/") + "/.well-known/openid-configuration")
        uri = configuration.get("jwks_uri")
        # The issuer is compared as a string (OpenID Connect Discovery 1.0 section 4.3).
        if (
            configuration.get("issuer") != issuer
            or not isinstance(uri, str)
            or not uri.startswith(self._schemes)
        ):
            raise _unavailable()
        keys = _read_keys(self._read(uri))
        known.keys, known.fetched_at, known.failed_at = keys, now, float("-inf")

    def _read(self, url: str) -> dict[str, Any]:
        request = HttpRequest(method="GET", url=url, headers={"Accept": "application/json"})
        answer = self._transport.send(request, timeout_seconds=FETCH_SECONDS)
        if (
            not isinstance(answer, HttpAnswer)
            or answer.status != 200  # noqa: PLR2004  # RFC 9110's OK: anything else, a redirect too, is no document
            or len(answer.body) > MAX_DOCUMENT_BYTES
        ):
            raise _unavailable()
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise _unavailable()
        return document


def _unavailable() -> ProviderUnavailableError:
    return ProviderUnavailableError(
        "The issuer's keys cannot be read now. Try again; if it lasts, check that its /.well-known/openid-configuration is public, "
        "names the issuer exactly, and has a jwks_uri.",
        retry_after_seconds=RETRY_SECONDS,
    )


def _read_keys(document: Mapping[str, Any]) -> dict[str, _Key]:
    """Return the keys of a JWK set that may have signed a token, by `kid`; others are passed over (RFC 7517 section 5)."""
    listed = document.get("keys")
    keys: dict[str, _Key] = {}
    for jwk in listed if isinstance(listed, list) else []:
        key = _find_public_key(jwk) if isinstance(jwk, dict) else None
        if key is not None:
            keys.setdefault(jwk["kid"], key)
    return keys


def _find_public_key(jwk: Mapping[str, Any]) -> _Key | None:
    import jwt

    kind, own, operations = jwk.get("kty"), jwk.get("alg"), jwk.get("key_ops", ["verify"])
    algorithms = tuple(name for name in _KEY_ALGORITHMS.get(str(kind), ()) if own in (None, name))
    is_for_signatures = (
        jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    )
    is_public_on_p256 = "d" not in jwk and (kind != "EC" or jwk.get("crv") == "P-256")
    if not (algorithms and isinstance(jwk.get("kid"), str) and is_for_signatures and is_public_on_p256):
        return None
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if kind == "RSA" and key.key_size not in _RSA_BITS:
        return None
    return _Key(key=key, algorithms=algorithms)


def _parse_claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise AuthenticationError from None
    if not isinstance(claims, dict):
        raise AuthenticationError
    return claims


def _find_instant(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate, which may have a fraction (RFC 7519 section 2), or None when it is absent. Raises AuthenticationError: it is none."""
    if name not in claims:
        return None
    value: Any = claims[name]
    # type(), not isinstance: a bool is an int to Python. NaN and the infinities are in no range.
    if type(value) not in (int, float) or not 0 <= value <= _LAST_INSTANT:
        raise AuthenticationError
    return float(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _refuse(constant: str) -> None:
    raise ValueError(constant)
