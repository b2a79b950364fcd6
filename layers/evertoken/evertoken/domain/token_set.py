"""The token set: what a provider issued, as one frozen value whose representation hides the tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from evertoken.domain.grant import UNKNOWN_CONTEXT, GrantContext


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """Tokens of one grant, issued together.

    `expires_at` is None when the provider says that the access token does not expire. `scope` is what was granted,
    space-separated. `extra` keeps the provider's further members that its entry names (instance_url, open_id …). `context` says how the grant was
    obtained, which every later set of the grant inherits.
    """

    access_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  # the scheme of RFC 6750, no secret
    expires_at: datetime | None = None
    issued_at: datetime
    scope: str = ""
    refresh_token: str | None = field(default=None, repr=False)
    refresh_token_expires_at: datetime | None = None
    id_token_subject: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    context: GrantContext = UNKNOWN_CONTEXT

    def is_expired(self, now: datetime) -> bool:
        """Return whether the access token is expired at *now*."""
        return self.expires_at is not None and self.expires_at <= now

    def following(self, previous: TokenSet) -> TokenSet:
        """Return this set with what a refresh answer may leave out taken from *previous*.

        A refresh answer without a refresh token keeps the old one (RFC 6749 section 6), and one without a scope
        keeps the old scope (RFC 6749 section 5.1).
        """
        return replace(
            self,
            refresh_token=self.refresh_token or previous.refresh_token,
            refresh_token_expires_at=self.refresh_token_expires_at or previous.refresh_token_expires_at,
            scope=self.scope or previous.scope,
            id_token_subject=self.id_token_subject or previous.id_token_subject,
            extra={**previous.extra, **self.extra},
            context=previous.context,
        )
