"""What came of telling a provider that a token is over (RFC 7009 section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from evertoken.domain.http import HttpAnswer, HttpExchange
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider import Provider
from evertoken.protocol.answer_body import UnreadableBodyError, parse_body
from evertoken.protocol.refusal import Refusal, closed_code, find_error, find_ruled_refusal
from evertoken.protocol.retry_after import find_retry_after

_GONE_CODES = frozenset({"invalid_token", "invalid_grant", "token_revoked", "token_expired"})
"""Refusals that say: this token is over already. RFC 7009 has 200 for it; not every server has."""
_PASSING = (FailureKind.THROTTLED, FailureKind.PROVIDER_DOWN, FailureKind.OUTCOME_UNKNOWN)


class RevocationStatus(StrEnum):
    """How a revocation ended."""

    REVOKED = "revoked"
    RETRY = "retry"
    """The token must be taken to be alive (RFC 7009 section 2.2.1)."""
    GAVE_UP = "gave_up"
    """The provider refuses for a reason that repeating will not change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """How a revocation ended, the wait that the provider asks for, and a code of the closed alphabet."""

    status: RevocationStatus
    code: str
    retry_after_seconds: int | None = None


def parse_revocation_answer(
    exchange: HttpExchange, now: datetime, provider: Provider | None = None
) -> RevocationAnswer:
    """Return what *exchange* came to; never raises. A token that the provider no longer knows is revoked.

    Of *provider* those rules for errors count that are for any operation; with them an answer of 200 can be a refusal.
    """
    if not isinstance(exchange, HttpAnswer):
        return RevocationAnswer(
            status=RevocationStatus.RETRY, code=closed_code(exchange.reason) or "no_answer"
        )
    status = exchange.status
    try:
        body = parse_body(exchange)
    except UnreadableBodyError:
        body = None
    refusal = None if provider is None else find_ruled_refusal(provider, None, status, body)
    if refusal is not None:
        return _ruled(refusal, exchange, now)
    error = find_error(body)
    code = closed_code(error)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and error is None:
        return RevocationAnswer(status=RevocationStatus.REVOKED, code=f"http_{status}")
    if status in (408, 425, 429) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        retry_after = find_retry_after(exchange.headers, now)
        return RevocationAnswer(
            status=RevocationStatus.RETRY, code=code or f"http_{status}", retry_after_seconds=retry_after
        )
    is_gone = code in _GONE_CODES or status == HTTPStatus.NOT_FOUND
    return RevocationAnswer(
        status=RevocationStatus.REVOKED if is_gone else RevocationStatus.GAVE_UP,
        code=code or f"http_{status}",
    )


def _ruled(refusal: Refusal, answer: HttpAnswer, now: datetime) -> RevocationAnswer:
    if refusal.kind is FailureKind.GRANT_DEAD or refusal.code in _GONE_CODES:
        return RevocationAnswer(status=RevocationStatus.REVOKED, code=refusal.code)
    if refusal.kind in _PASSING:
        return RevocationAnswer(
            status=RevocationStatus.RETRY,
            code=refusal.code,
            retry_after_seconds=find_retry_after(answer.headers, now),
        )
    return RevocationAnswer(status=RevocationStatus.GAVE_UP, code=refusal.code)
