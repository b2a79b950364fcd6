"""What the API's refusals mean: from status, code and message to the class that programs decide by (docs/errors.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evertoken.client.errors import (
    ConnectionNeedsUserError,
    CredentialsError,
    EvertokenClientError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    TemporarilyUnavailableError,
)

_LONGEST_MESSAGE = 1000
_BY_CODE: Mapping[str, type[EvertokenClientError]] = {
    "UNAUTHORIZED": CredentialsError,
    "FORBIDDEN": ForbiddenError,
    "NOT_FOUND": NotFoundError,
    "ACCOUNT_NOT_FOUND": NotFoundError,
    "REAUTH_REQUIRED": ConnectionNeedsUserError,
    "NO_REFRESH_TOKEN": ConnectionNeedsUserError,
    "CLIENT_CHANGED": ConnectionNeedsUserError,
    "DISCONNECTED": ConnectionNeedsUserError,
    "ON_HOLD": ConnectionNeedsUserError,
    "RATE_LIMITED": RateLimitedError,
}
# Answers of what stands before the service have no code: API Gateway's `{"message": …}`, a proxy's page.
_BY_STATUS: Mapping[int, tuple[type[EvertokenClientError], str]] = {
    401: (CredentialsError, "The API does not accept the credentials. Check EVERTOKEN_CLIENT_ID and EVERTOKEN_CLIENT_SECRET."),
    403: (ForbiddenError, "The API's gateway refuses the request. Check the address (EVERTOKEN_API) and what stands before it."),
    404: (NotFoundError, "There is no such route. Check that EVERTOKEN_API is the stack's Output ApiUrl."),
    429: (RateLimitedError, "Too many requests reach the API. Try again later, or raise ApiRequestsPerSecond."),
}  # fmt: skip
_SERVER_ERROR = 500


def _printable(message: str) -> str:
    """Return *message* as logs and terminals can bear it."""
    return "".join(one if one.isprintable() else "?" for one in message)


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> EvertokenClientError:
    """Return the error that an answer of the API stands for; total, whatever the answer is.

    *headers* has lower-case names. The message is the service's, which never holds a token.
    """
    told = _told(body)
    correlation_id = headers.get("x-correlation-id", "")[:64]
    retry_after = _seconds(told.get("retry_after"))
    if retry_after is None:
        retry_after = _seconds(headers.get("retry-after"))
    code, message = told.get("code"), told.get("message")
    if isinstance(code, str) and isinstance(message, str):
        is_retryable = told.get("retryable") is True
        unlisted = TemporarilyUnavailableError if is_retryable else RequestRefusedError
        return _BY_CODE.get(code, unlisted)(
            _printable(message[:_LONGEST_MESSAGE]),
            code=code,
            correlation_id=correlation_id,
            retryable=is_retryable,
            retry_after_seconds=retry_after,
        )
    if status in _BY_STATUS:
        kind, words = _BY_STATUS[status]
        return kind(words, correlation_id=correlation_id, retry_after_seconds=retry_after)
    if status >= _SERVER_ERROR:
        return TemporarilyUnavailableError(
            f"The API's address answers {status} without saying why. Try again; if it stays, look at the stack.",
            correlation_id=correlation_id,
            retry_after_seconds=retry_after,
        )
    return RequestRefusedError(
        f"The API's address answers {status} in a form that is not Evertoken's. Check that EVERTOKEN_API is the stack's Output ApiUrl.",
        correlation_id=correlation_id,
    )


def _told(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else {}


def _seconds(value: object) -> float | None:
    """Return *value* as seconds; a Retry-After that is a date is left out, because its clock is not ours."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < 86_400 * 365 else None
