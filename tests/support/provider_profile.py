"""What kind of authorization server the scripted provider plays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What happens to a refresh token when it is used; build one with the functions below.

    `static`: nothing, it works for ever. `grace`: it is replaced, and works on for `grace_seconds` after its
    first use for at most `grace_uses` more requests, each of which gets a child of its own. `strict`: it is
    replaced and dead. `strict_kill`: it is replaced, and using it again kills every token of the grant.
    """

    kind: Literal["static", "grace", "strict", "strict_kill"]
    grace_seconds: float = 0
    grace_uses: int = 0


STATIC = Rotation(kind="static")
STRICT = Rotation(kind="strict")
STRICT_KILL = Rotation(kind="strict_kill")


def grace(seconds: float, uses: int) -> Rotation:
    """A replaced refresh token works on for `seconds` and `uses` more requests."""
    return Rotation(kind="grace", grace_seconds=seconds, grace_uses=uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderProfile:
    """The scripted provider's behaviour when no fault is scripted.

    `expires_in` overrides the member of that name in the answer with any JSON value; None leaves it out.
    `extra` adds members. `client_authentication` is the one method that is accepted, or "any".
    """

    rotation: Rotation = STRICT_KILL
    access_token_seconds: int = 3600
    expires_in: Any = "as issued"
    extra: Mapping[str, Any] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=lambda: {"client-1": "secret: % + & é"}, repr=False)
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:9/callback",)
    client_authentication: Literal["basic", "post", "any"] = "any"
    pkce_required: bool = True
    sends_issuer: bool = True
    # Whether a static provider repeats the refresh token in its answer to a refresh.
    repeats_refresh_token: bool = False
    refresh_kills_access_tokens: bool = False
    late_reuse_kills: bool = False
