"""Assertions: signed JWTs with which a client proves itself (RFC 7523 section 2.2), obtains tokens (section 2.1), or that are its secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SigningAlgorithm(StrEnum):
    """The algorithms of RFC 7518 and RFC 8037 with which assertions are signed."""

    RS256 = "RS256"
    PS256 = "PS256"
    ES256 = "ES256"
    ES384 = "ES384"
    EDDSA = "EdDSA"
    HS256 = "HS256"
    """With the client secret as key: `client_secret_jwt`."""


class Audience(StrEnum):
    """Who an assertion is meant for (`aud`): one value, so that it is good nowhere else (RFC 7523 section 3)."""

    ISSUER = "issuer"
    TOKEN_ENDPOINT = "token_endpoint"  # noqa: S105  # a name, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionShape:
    """What a provider wants in an assertion; the defaults are those of RFC 7523.

    `algorithms` are those that it takes, the one to use first unless the registration's key is of another. `audience` is a word of `Audience` or the
    literal value. `claims` are added to iss, sub, aud, iat, exp and jti, or replace them; their values may hold `{client_id}`, `{subject}`, `{scope}` and
    what the registration's parameters fill. `omits` names claims that are left out.
    """

    algorithms: tuple[SigningAlgorithm, ...] = (
        SigningAlgorithm.RS256,
        SigningAlgorithm.ES256,
        SigningAlgorithm.PS256,
    )
    audience: str = Audience.TOKEN_ENDPOINT
    lifetime_seconds: int = 60
    claims: Mapping[str, str] = field(default_factory=dict)
    omits: frozenset[str] = frozenset()


RFC_ASSERTION = AssertionShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A client registration's key for assertions: held by KMS (`kms_key_id`), or as a private key in Secrets Manager.

    `key_id` is sent as `kid` when it is not None; `certificate_thumbprint` as `x5t#S256`, for providers that know keys by their certificates.
    """

    algorithm: SigningAlgorithm
    key_id: str | None = None
    kms_key_id: str | None = None
    certificate_thumbprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsignedAssertion:
    """The header (with `alg`) and the claims of an assertion that is yet to be signed."""

    header: Mapping[str, str]
    claims: Mapping[str, str | int]
