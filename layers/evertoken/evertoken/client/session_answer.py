"""The service's answers about sessions, read into values (docs/sessions.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.errors import SecretShapeError
from evertoken.client.http_date import parse_http_date
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.results import SessionUser
from evertoken.client.session_state import PolledSession

# RFC 6750 section 2.1 (b64token): whatever else would break, or break out of, the Authorization header.
BEARER: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
_TOLERATED_SKEW_SECONDS: Final = 5
"""Clocks that differ by less are left alone: the header Date has whole seconds, and an answer takes its time."""


def parse_tokens(
    answer: ApiAnswer, *, url: str, sent_at: datetime, received_at: datetime, chain: str
) -> OAuthTokens:
    """Return the session's next token; its `expires_at` is by this machine's clock.

    The service's `expires_at` is an instant of its own clock: where the header Date shows that the two disagree, the difference is taken off. `extra` keeps
    the user and *chain*, which names the token that the session's tokens came from. Raises: SecretShapeError, without the answer.
    """
    document = _object(answer)
    token = document.get("access_token")
    expires_at = _instant(document.get("expires_at"))
    if not isinstance(token, str) or not BEARER.fullmatch(token) or expires_at is None:
        raise _misshapen("a token and when it expires")
    served_at = parse_http_date(answer.headers.get("date"))
    if served_at is not None and abs((served_at - received_at).total_seconds()) > _TOLERATED_SKEW_SECONDS:
        expires_at = sent_at + (expires_at - served_at)
    user = document.get("user")
    return OAuthTokens(
        access_token=token,
        issued_at=sent_at,
        expires_at=expires_at,
        grant="given",
        token_url=url,
        extra={"chain": chain, "user": user if isinstance(user, dict) else {}},
    )


def parse_state(answer: ApiAnswer, session_id: str) -> PolledSession:
    """Return a session's state. Raises: SecretShapeError."""
    document = _object(answer)
    status = document.get("status")
    if status not in ("active", "ended"):
        raise _misshapen("a session's status")
    return PolledSession(session_id=session_id, status=status, ends_at=_instant(document.get("ends_at")))


def find_user(tokens: OAuthTokens | None) -> SessionUser | None:
    """Return the user whose tokens these are, or None where no refresh has told."""
    document = tokens.extra.get("user") if tokens is not None else None
    if not isinstance(document, Mapping) or not isinstance(document.get("user_id"), str):
        return None
    email, role, name = (
        value if isinstance(value := document.get(member), str) else None
        for member in ("email", "role", "name")
    )
    return SessionUser(user_id=document["user_id"], email=email, role=role or "", name=name)


def _object(answer: ApiAnswer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _misshapen("a JSON object")
    return document


def _instant(value: object) -> datetime | None:
    # The services from which these routes come wrote no zone, and meant UTC.
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is None:
            return None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _misshapen(what: str) -> SecretShapeError:
    # Not chained to what json raised: that carries the answer.
    return SecretShapeError(
        f"The address did not answer with {what}. Check that it is the stack's Output ApiUrl."
    )
