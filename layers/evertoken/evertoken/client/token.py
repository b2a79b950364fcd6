"""The access token of one connection, as readers get it: one frozen value whose representation hides the token."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evertoken.client.errors import SecretShapeError

# RFC 6749 appendix A.12 (VSCHAR): whatever else would break, or break out of, the Authorization header.
_SENDABLE = re.compile(r"[\x20-\x7e]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token with what is known of it.

    All fields belong together: they are of one generation. `expires_at` is None when the provider says that the token does not expire.
    `scope` is what was granted, space-separated. `generation` rises with each new token of the connection. `extra` keeps the provider's further
    members (an instance's address, an account). Neither the token nor `extra` is in the representation.
    """

    access_token: str = field(repr=False)
    token_type: str = "Bearer"  # noqa: S105  # the scheme of RFC 6750, no secret
    expires_at: datetime | None = None
    scope: str = ""
    generation: int = 0
    connection_id: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @property
    def authorization(self) -> str:
        """The value of the header Authorization (RFC 6750 section 2.1): `Bearer …`, or the provider's own scheme."""
        scheme = "Bearer" if self.token_type.lower() == "bearer" else self.token_type
        return f"{scheme} {self.access_token}"

    def is_fresh(self, margin_seconds: float = 0, now: datetime | None = None) -> bool:
        """Return whether the token will still be good *margin_seconds* after *now* (the current instant when None).

        A token without `expires_at` always is.
        """
        if self.expires_at is None:
            return True
        moment = datetime.now(UTC) if now is None else now
        return (self.expires_at - moment).total_seconds() > margin_seconds


def decode_token(text: str | None, *, where: str) -> Token | None:
    """Return the token that the JSON *text* holds, or None where there is none: a secret that is still empty, or a withdrawal.

    Members that are not known are ignored, so that a later version may add some. *where* names the document in messages. Raises: SecretShapeError, without the text.
    """
    if text is None:
        raise _misshapen(where, "it is binary")
    if not text.strip():
        return None
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        # The cause is left out: a JSON error carries the document, and the document carries the token.
        raise _misshapen(where, "it is not JSON") from None
    if document is None:
        return None
    if not isinstance(document, dict):
        raise _misshapen(where, "it is not a JSON object")
    if not document or ("access_token" in document and document["access_token"] is None):
        return None
    return _token_of(document, where)


def _token_of(document: dict[str, Any], where: str) -> Token:
    access_token = document.get("access_token")
    if not isinstance(access_token, str) or not _SENDABLE.fullmatch(access_token):
        raise _misshapen(where, "access_token must be a text of visible ASCII characters")
    texts = {name: document.get(name, "") for name in ("token_type", "scope", "connection_id")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise _misshapen(where, f"{name} must be a text")
    if texts["token_type"] and not _SENDABLE.fullmatch(texts["token_type"]):
        raise _misshapen(where, "token_type must be a text of visible ASCII characters")
    generation = document.get("generation")
    if not isinstance(generation, int) or isinstance(generation, bool) or generation < 0:
        raise _misshapen(where, "generation must be a whole number")
    extra = document.get("extra", {})
    if not isinstance(extra, dict):
        raise _misshapen(where, "extra must be an object")
    return Token(
        access_token=access_token,
        token_type=texts["token_type"] or "Bearer",
        expires_at=_instant_of(document.get("expires_at"), where),
        scope=texts["scope"],
        generation=generation,
        connection_id=texts["connection_id"],
        extra=extra,
    )


def _instant_of(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    moment = None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            moment = None if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
    if moment is None or moment < _EPOCH:
        raise _misshapen(
            where, "expires_at must be null or an instant with its offset, such as 2026-11-21T13:00:00.000Z"
        )
    return moment


def _misshapen(where: str, problem: str) -> SecretShapeError:
    return SecretShapeError(
        f"{where} does not hold a token as Evertoken publishes it: {problem}. "
        "Point the reader at a connection's secret_name, and let nothing but Evertoken write there."
    )
