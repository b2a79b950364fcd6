"""Assertions yet to be signed (RFC 7523): the claims with which a client proves itself, or asks for tokens in somebody's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from evertoken.domain.assertion import AssertionShape, Audience, SigningAlgorithm, UnsignedAssertion
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import ClientAuthentication, RequestShape
from evertoken.protocol.client_authentication import find_method
from evertoken.protocol.shaped_request import fill_placeholders


def client_assertion(
    ready: ReadyClient, shape: RequestShape, *, now: datetime, jti: str
) -> UnsignedAssertion:
    """Return the assertion that proves the client in a request of *shape* (RFC 7523 section 3), for one use: *jti* is fresh.

    Its audience is one value, the same for every endpoint of the provider, so that it is good nowhere else. *shape* is of a request that `signs`.

    Raises:
        InvalidInputError: the registration has no key for it; the message names the mend.
    """
    client_id = ready.registration.client_id
    by_secret = find_method(ready, shape) is ClientAuthentication.CLIENT_SECRET_JWT
    return _make(
        ready,
        ready.provider.client_assertion,
        _header(ready, by_secret=by_secret),
        known={"client_id": client_id, "subject": client_id},
        now=now,
        jti=jti,
    )


def grant_assertion(
    ready: ReadyClient, *, subject: str, scopes: Sequence[str], now: datetime, jti: str
) -> UnsignedAssertion:
    """Return the assertion that a JWT bearer grant is run with, in the name of *subject* (RFC 7523 section 2.1).

    Raises:
        InvalidInputError: the registration has no key for it; the message names the mend.
    """
    shape = ready.provider.grant_assertion
    by_secret = (
        ready.registration.signing_key is None
        and ready.client_secret is not None
        and SigningAlgorithm.HS256 in shape.algorithms
    )
    known = {
        "client_id": ready.registration.client_id,
        "subject": subject,
        "scope": ready.provider.authorization.scope_separator.join(scopes),
    }
    return _make(ready, shape, _header(ready, by_secret=by_secret), known=known, now=now, jti=jti)


def _header(ready: ReadyClient, *, by_secret: bool) -> dict[str, str]:
    header = {"alg": SigningAlgorithm.HS256.value, "typ": "JWT"}
    if by_secret:
        return header
    key = ready.registration.signing_key
    if key is None:
        raise InvalidInputError(
            f"The registration {ready.registration.registration_id} needs a signing_key. Put it again with its algorithm and a private_key or a kms_key_id."
        )
    header["alg"] = key.algorithm.value
    if key.key_id is not None:
        header["kid"] = key.key_id
    if key.certificate_thumbprint is not None:
        header["x5t#S256"] = key.certificate_thumbprint
    return header


def _make(
    ready: ReadyClient,
    shape: AssertionShape,
    header: Mapping[str, str],
    *,
    known: Mapping[str, str],
    now: datetime,
    jti: str,
) -> UnsignedAssertion:
    issued_at = int(now.timestamp())
    claims: dict[str, str | int] = {
        "iss": known["client_id"],
        "sub": known["subject"],
        "aud": _find_audience(ready, shape.audience),
        "iat": issued_at,
        "exp": issued_at + shape.lifetime_seconds,
        "jti": jti,
    }
    for name, text in shape.claims.items():
        value = fill_placeholders(text, known)
        if value is not None:
            claims[name] = value
    return UnsignedAssertion(
        header=header,
        claims={name: value for name, value in claims.items() if name not in shape.omits and value != ""},
    )


def _find_audience(ready: ReadyClient, audience: str) -> str:
    provider = ready.provider
    if audience == Audience.ISSUER and provider.issuer is not None:
        return provider.issuer
    # Where the issuer is not known, the token endpoint names the server as well (RFC 7523 section 3).
    return provider.token_endpoint if audience in (Audience.ISSUER, Audience.TOKEN_ENDPOINT) else audience
