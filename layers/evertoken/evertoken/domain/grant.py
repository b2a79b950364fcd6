"""How a grant was obtained: what a token set carries along so that it can be renewed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Grant(StrEnum):
    """The ways to a token set that a provider may offer."""

    AUTHORIZATION_CODE = "authorization_code"
    """RFC 6749 section 4.1."""
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # a name, no secret
    """RFC 6749 section 6."""
    CLIENT_CREDENTIALS = "client_credentials"
    """RFC 6749 section 4.4."""
    USER_TOKEN = "user_token"  # noqa: S105  # likewise
    """Client credentials beside an access token of the user, in whose name the client then acts."""
    SESSION_LOGIN = "session_login"
    """A provider's documented login with user name and password; no password grant of RFC 6749 section 4.3."""
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105  # likewise
    """RFC 8693."""
    DEVICE_CODE = "device_code"
    """RFC 8628."""
    JWT_BEARER = "jwt_bearer"
    """RFC 7523 section 2.1."""

    @property
    def can_run_again(self) -> bool:
        """Whether what was given for the grant gives a new token set whenever it is asked again."""
        return self in (Grant.CLIENT_CREDENTIALS, Grant.SESSION_LOGIN, Grant.JWT_BEARER)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantContext:
    """What one grant was obtained with; sealed with the token set and as secret as that.

    `parameters` fill what the client registration left open of the provider's templates (a shop, a data centre). `redirect_uri` is the one that the
    code was sent to. `credentials` are what a grant that can run again is run with: `username` and `password` of a session login, `subject` of a
    JWT bearer grant; `scopes` are what it asks for, None where that was not kept. `granted_at` is when the resource owner consented, or None for grants
    from before this was kept.
    """

    grant: Grant = Grant.AUTHORIZATION_CODE
    granted_at: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    redirect_uri: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    scopes: tuple[str, ...] | None = None


UNKNOWN_CONTEXT = GrantContext()
