"""A failure made of an answer that issued nothing: its kind and code, the wait that it asks for, and the provider's id of the request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from evertoken.domain.http import HttpAnswer, HttpExchange, NoAnswer, NotSent
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.provider import Provider
from evertoken.domain.request_shape import Operation
from evertoken.protocol.answer_body import UnreadableBodyError, parse_body
from evertoken.protocol.refusal import (
    Refusal,
    classify_refusal,
    closed_code,
    find_error,
    find_ruled_refusal,
)
from evertoken.protocol.retry_after import find_retry_after, find_retry_hint
from evertoken.protocol.trace import find_trace_id

PROVIDER_PROTOCOL = "provider_protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBody:
    """The body of an answer that refuses nothing."""

    document: Any


def without_answer(exchange: NotSent | NoAnswer) -> Failure:
    """Return the failure of an exchange that brought no answer."""
    if isinstance(exchange, NotSent):
        return Failure(kind=FailureKind.NOT_SENT, code=closed_code(exchange.reason) or "not_sent")
    return Failure(kind=FailureKind.OUTCOME_UNKNOWN, code=closed_code(exchange.reason) or "no_answer")


def make_failure(
    provider: Provider, answer: HttpAnswer, refusal: Refusal, body: Any, sent_at: datetime
) -> Failure:
    """Return the failure that *refusal* makes of *answer*; *body* is None where it cannot be read."""
    shape = provider.answer
    wait = find_retry_after(answer.headers, sent_at)
    # The provider's own hint may stand on every answer; it is a wish to wait only where the provider is too busy.
    is_busy = refusal.kind is FailureKind.THROTTLED or answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    if wait is None and is_busy and shape.retry_after is not None:
        wait = find_retry_hint(shape.retry_after, answer.headers, body, sent_at)
    return Failure(
        kind=refusal.kind,
        code=refusal.code,
        status=answer.status,
        retry_after_seconds=wait,
        trace_id=find_trace_id(shape.trace, answer.headers, body),
    )


def make_unknown(provider: Provider, answer: HttpAnswer, code: str, body: Any, sent_at: datetime) -> Failure:
    """Return the failure of an answer of which it cannot be told whether it issued something."""
    return make_failure(provider, answer, Refusal(kind=FailureKind.OUTCOME_UNKNOWN, code=code), body, sent_at)


def read_answer(
    provider: Provider, operation: Operation, exchange: HttpExchange, sent_at: datetime
) -> AnswerBody | Failure:
    """Return the body of an answer of 200 to 299 that refuses nothing, else the failure; for answers that issue no tokens. Never raises."""
    if not isinstance(exchange, HttpAnswer):
        return without_answer(exchange)
    status = exchange.status
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    try:
        body = parse_body(exchange, form_encoded=provider.answer.form_encoded, jsonp=provider.answer.jsonp)
    except UnreadableBodyError:
        body = None
    if status < HTTPStatus.BAD_REQUEST and (body is None or not is_success):
        return make_unknown(provider, exchange, PROVIDER_PROTOCOL, body, sent_at)
    refusal = find_ruled_refusal(provider, operation, status, body)
    error = find_error(body)
    if refusal is None and is_success and error is None:
        return AnswerBody(document=body)
    if refusal is None:
        refusal = classify_refusal(provider, operation, status, error)
    return make_failure(provider, exchange, refusal, body, sent_at)
