"""The tokens of one grant as the standalone OAuth client holds and stores them: one frozen value whose representation hides them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self, get_args

Grant = Literal[
    "client_credentials", "user_token", "authorization_code", "refresh_token", "session_login", "given"
]
"""How tokens were first obtained; `given` is an access token that the program brought itself."""

GRANTS: Final[tuple[Grant, ...]] = get_args(Grant)
MARGIN_SHARE: Final = 0.1
MAX_MARGIN_SECONDS: Final = 300
_TEXTS = ("access_token", "token_type", "scope", "token_url", "client_id", "trace_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthTokens:
    """One answer of a token endpoint; all fields belong together.

    `expires_at` is None when the provider said nothing that can be read: such a token is used until it is refused. `issued_at` is when it was asked
    for. `grant` says how the grant began, `token_url` and `client_id` whose tokens these are. `extra` keeps the answer's further members.
    `trace_id` is the provider's id of the request that brought them, "" when it gave none.
    """

    access_token: str = field(repr=False)
    issued_at: datetime
    token_type: str = "Bearer"  # noqa: S105  # the scheme of RFC 6750, no secret
    expires_at: datetime | None = None
    refresh_token: str | None = field(default=None, repr=False)
    scope: str = ""
    grant: Grant = "refresh_token"
    token_url: str = ""
    client_id: str = ""
    trace_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @property
    def authorization(self) -> str:
        """The value of the header Authorization (RFC 6750 section 2.1)."""
        scheme = "Bearer" if self.token_type.lower() == "bearer" else self.token_type
        return f"{scheme} {self.access_token}"

    @property
    def refresh_margin_seconds(self) -> float:
        """How long before its end a token is due: a tenth of its life, 300 seconds at most.

        A fixed margin of five minutes would refresh a token of two minutes at every call.
        """
        if self.expires_at is None:
            return 0
        return min((self.expires_at - self.issued_at).total_seconds() * MARGIN_SHARE, MAX_MARGIN_SECONDS)

    def is_fresh(self, margin_seconds: float | None = None, now: datetime | None = None) -> bool:
        """Return whether the access token is good for more than *margin_seconds* after *now*; None means `refresh_margin_seconds`, and this instant."""
        if self.expires_at is None:
            return True
        margin = self.refresh_margin_seconds if margin_seconds is None else margin_seconds
        return self.expires_at - (now or datetime.now(UTC)) > timedelta(seconds=margin)

    def to_document(self) -> dict[str, Any]:
        """Return the tokens as values that JSON has, for a storage of one's own. It holds secrets."""
        document = asdict(self)
        document["issued_at"] = self.issued_at.isoformat()
        document["expires_at"] = None if self.expires_at is None else self.expires_at.isoformat()
        return document

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Return the tokens that `to_document` gave. Members that it does not know are passed over.

        Raises:
            ValueError: *document* is not one of those; the message names the member and no value.
        """
        _require(isinstance(document, Mapping), "it is not an object")
        assert isinstance(document, Mapping)
        texts = {name: document[name] for name in _TEXTS if name in document}
        for name, value in texts.items():
            _require(isinstance(value, str), f"{name} must be a text")
        _require(texts.get("access_token"), "access_token is missing")
        refresh_token, grant = document.get("refresh_token"), document.get("grant", "refresh_token")
        _require(
            refresh_token is None or isinstance(refresh_token, str), "refresh_token must be a text or null"
        )
        _require(grant in GRANTS, f"grant must be one of {', '.join(GRANTS)}")
        extra = document.get("extra", {})
        _require(isinstance(extra, Mapping), "extra must be an object")
        expires_at = document.get("expires_at")
        return cls(
            **texts,
            issued_at=_instant("issued_at", document.get("issued_at")),
            expires_at=None if expires_at is None else _instant("expires_at", expires_at),
            refresh_token=refresh_token or None,
            grant=grant,
            extra=dict(extra),
        )


def _require(holds: object, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def _instant(name: str, value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{name} must be an instant with its offset, such as 2026-11-21T13:00:00+00:00")
    return moment.astimezone(UTC)
