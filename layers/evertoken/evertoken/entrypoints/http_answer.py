"""HTTP answers: the one table from error codes to statuses, the one envelope, and the headers that every answer has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evertoken.domain.errors import EvertokenError
from evertoken.entrypoints.http_event import CORRELATION_HEADER

STATUS_OF_CODE = {
    "BAD_REQUEST": 400,
    "UNKNOWN_PROVIDER": 400,
    "UNKNOWN_REGISTRATION": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "ACCOUNT_NOT_FOUND": 404,
    "CONFLICT": 409,
    "INVALID_STATE": 400,
    "CONNECT_EXPIRED": 410,
    "USER_MISMATCH": 403,
    "TOKEN_REFRESH_ERROR": 503,
    "TOKEN_EXPIRED": 503,
    "NO_REFRESH_TOKEN": 409,
    "REAUTH_REQUIRED": 409,
    "DISCONNECTED": 409,
    "ON_HOLD": 409,
    "PROVIDER_UNAVAILABLE": 503,
    "PROVIDER_REFUSED": 422,
    "REGISTRATION_PAUSED": 503,
    "CLIENT_CHANGED": 409,
    "RATE_LIMITED": 429,
    "VAULT_SEALED": 503,
    "SIGNER_UNAVAILABLE": 503,
    "SIGNING_KEY_REFUSED": 422,
    "STORE_UNAVAILABLE": 503,
    "PUBLISHER_UNAVAILABLE": 503,
    "INTERNAL": 500,
}
"""The HTTP status of every error code; `docs/errors.md` shows the same table."""

INTERNAL_MESSAGE = (
    "Something is wrong on our side. Give the correlation id to whoever runs this installation."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer before it is written: *body* as a JSON document, or *html*, or neither. *logged* goes to the request's log line."""

    status: int = 200
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    logged: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None


def error_answer(error: EvertokenError, correlation_id: str) -> Answer:
    """Return the answer that says *error*; a message of ours only, and none at all for what is our own fault."""
    return envelope(
        error.code,
        INTERNAL_MESSAGE if error.code == "INTERNAL" else error.message,
        correlation_id=correlation_id,
        retryable=error.retryable,
        retry_after_seconds=error.retry_after_seconds,
    )


def envelope(
    code: str,
    message: str,
    *,
    correlation_id: str,
    retryable: bool = False,
    retry_after_seconds: int | None = None,
) -> Answer:
    """Return an error answer in the envelope that all our errors have."""
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "correlation_id": correlation_id,
        "retryable": retryable,
    }
    headers = {"WWW-Authenticate": "Bearer"} if code == "UNAUTHORIZED" else {}
    if retry_after_seconds is not None:
        error["retry_after"] = retry_after_seconds
        headers["Retry-After"] = str(retry_after_seconds)
    return Answer(status=STATUS_OF_CODE[code], body={"error": error}, headers=headers, code=code)


def write_answer(answer: Answer, correlation_id: str) -> dict[str, Any]:
    """Return the answer as Lambda gives it to an HTTP API. It is never stored by anybody on the way unless its headers allow it."""
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        CORRELATION_HEADER: correlation_id,
        **answer.headers,
    }
    if answer.html is not None:
        body, headers["Content-Type"] = answer.html, "text/html; charset=utf-8"
    elif answer.body is not None:
        body = json.dumps(answer.body, separators=(",", ":"), ensure_ascii=False)
        headers["Content-Type"] = "application/json"
    else:
        body = ""
    return {"statusCode": answer.status, "headers": headers, "body": body, "isBase64Encoded": False}
