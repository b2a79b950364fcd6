"""Access tokens, the keys that verify them, and whether the API answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTokenAnswer(ApiResult):
    """An access token (RFC 6749 section 5.1)."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int
    """Seconds."""
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey(ApiResult):
    """A key that may have signed a live token (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    use: str
    alg: str
    kid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys(ApiResult):
    """The key that signs now comes first, then those that did, or will."""

    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(ApiResult):
    """The function answers."""

    status: str
