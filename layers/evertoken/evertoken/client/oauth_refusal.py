"""What a provider's refusal means for a program: which error, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from evertoken.client.errors import (
    ConfigurationError,
    ConnectionNeedsUserError,
    CredentialsError,
    EvertokenClientError,
    ForbiddenError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestRefusedError,
    TemporarilyUnavailableError,
)
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_request import TokenRequest

_TRACE_ID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_WORDS: Final = re.compile(r"[a-z0-9_.-]{1,100}")
_MAX_ERROR_CHARACTERS: Final = 1000
_ERROR_MEMBERS: Final = ("error", "errorCode", "error_code", "code")
# RFC 6749 section 5.2: only these pass into a message, never a provider's own words.
_CONFIGURATION: Final = {
    "invalid_scope": "Ask for a scope that the provider grants to this client.",
    "invalid_request": "Check client_authentication, redirect_uri and parameters against the provider's documentation.",
    "unsupported_grant_type": "Check the provider's documentation for the grants that it supports.",
}
_PASSING: Final = ("temporarily_unavailable", "slow_down")


def refusal_of(
    config: OAuthConfig,
    request: TokenRequest,
    status: int,
    headers: Mapping[str, str],
    document: Any,
    *,
    now: datetime,
) -> EvertokenClientError:
    """Return the error that a refusal is.

    Nothing is concluded from a word that is not known: it means "not now" to a refresh. Neither ends a status of 500 and more a grant, for such an
    answer may come from anything between us and the provider.
    """
    trace_id = find_trace_id(config, headers, document)
    code = _code_of(config, document)
    said = f"{code}, {status}" if code else str(status)
    wait = _find_wait(headers, now)
    if status == 429 or code == "slow_down":  # noqa: PLR2004  # RFC 6585 section 4
        return RateLimitedError(
            f"The provider takes no more requests for now ({said}). Ask less often.",
            correlation_id=trace_id,
            retry_after_seconds=wait,
        )
    if status == 503 or code == "temporarily_unavailable":  # noqa: PLR2004  # RFC 9110 section 15.6.4
        return _not_now(said, trace_id, wait)
    if status >= 500 or status == 408 or code == "server_error":  # noqa: PLR2004  # RFC 9110 sections 15.5.9, 15.6
        return _not_now(said, trace_id, wait) if request.is_repeatable else _unknown(config, said, trace_id)
    # Where no client proves itself, all that can be refused is the refresh token.
    only_token = request.purpose == "refresh" and status == 401 and not config.client_id  # noqa: PLR2004  # RFC 9110 section 15.5.2
    if code in config.reauthorization_errors or only_token:
        return _dead(request, said, trace_id)
    if code == "invalid_client" or (status == 401 and request.purpose != "refresh"):  # noqa: PLR2004  # RFC 9110 section 15.5.2
        return _credentials(request, said, trace_id)
    if code == "unauthorized_client":
        return ForbiddenError(
            f"The provider does not let this client use this grant ({said}). Allow it where the client is registered.",
            correlation_id=trace_id,
        )
    if code in _CONFIGURATION:
        return ConfigurationError(
            f"The provider refuses the request ({said}). {_CONFIGURATION[code]}", correlation_id=trace_id
        )
    if status in (404, 405):
        return ConfigurationError(
            f"There is no token endpoint at that address ({said}). Check the URL against the provider's documentation.",
            correlation_id=trace_id,
        )
    if request.purpose == "refresh":
        return _not_now(said, trace_id, wait)
    return RequestRefusedError(
        f"The provider refuses the request ({said}). Its documentation, or its support with the trace id, says why.",
        correlation_id=trace_id,
    )


def find_error(document: Any) -> str | None:
    """Return the error that a document says there is, in lower case, or None."""
    if not isinstance(document, dict):
        return None
    for member in _ERROR_MEMBERS:
        value = document.get(member)
        if isinstance(value, dict):
            value = value.get("code") or value.get("type")
        if isinstance(value, str) and value:
            return value[:_MAX_ERROR_CHARACTERS].lower()
    return None


def find_trace_id(config: OAuthConfig, headers: Mapping[str, str], document: Any) -> str:
    """Return the provider's id of a request, of a closed alphabet so that nothing else reaches a log in its place, or ""."""
    members = document if isinstance(document, dict) else {}
    found = [headers.get(name.lower()) for name in config.trace_headers]
    found += [members.get(name) for name in config.trace_members]
    return next((value for value in found if isinstance(value, str) and _TRACE_ID.fullmatch(value)), "")


def _code_of(config: OAuthConfig, document: Any) -> str:
    """Return the code if it is one that the configuration or RFC 6749 knows, else ""."""
    error = find_error(document)
    if error is None:
        return ""
    words = {error, *_WORDS.findall(error), *(word.rstrip(".:") for word in _WORDS.findall(error))}
    for code in config.reauthorization_errors:
        if code.lower() in words:
            return code
    known = (
        "invalid_client",
        "unauthorized_client",
        "server_error",
        *_CONFIGURATION,
        *_PASSING,
        "invalid_grant",
    )
    return error if error in known else ""


def _find_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 section 10.2.3), or None."""
    value = headers.get("retry-after", "").strip()[:64]
    if re.fullmatch(r"[0-9]{1,8}", value):
        return int(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - now).total_seconds())


def _not_now(said: str, trace_id: str, wait: float | None) -> EvertokenClientError:
    return TemporarilyUnavailableError(
        f"The provider gives no token now ({said}). Try again later.",
        correlation_id=trace_id,
        retry_after_seconds=wait,
    )


def _unknown(config: OAuthConfig, said: str, trace_id: str) -> EvertokenClientError:
    return OutcomeUnknownError(
        f"The provider failed while it worked on the request ({said}): what was sent may be spent. {UNKNOWN_MEND}",
        correlation_id=trace_id,
        retryable=config.survives_repetition,
    )


UNKNOWN_MEND: Final = (
    "It is not sent again by itself unless OAuthConfig(rotation=) says that refresh tokens survive that; "
    "if the next refresh is refused, authorize again."
)


def _dead(request: TokenRequest, said: str, trace_id: str) -> EvertokenClientError:
    if request.purpose == "code_exchange":
        return ConnectionNeedsUserError(
            f"The provider refuses the code ({said}): it is spent, too old or of another redirect_uri. Start again with authorization_url().",
            correlation_id=trace_id,
        )
    if request.purpose == "refresh":
        return ConnectionNeedsUserError(
            f"The refresh token is dead ({said}). Authorize again, or give refresh() one that lives.",
            correlation_id=trace_id,
        )
    return _credentials(request, said, trace_id)


def _credentials(request: TokenRequest, said: str, trace_id: str) -> EvertokenClientError:
    what = {
        "session_login": "user name and password",
        "user_token": "client's credentials or the user's token",
    }.get(request.purpose, "client's credentials")
    return CredentialsError(
        f"The provider refuses the {what} ({said}). They are not sent again by themselves; correct them in OAuthConfig.",
        correlation_id=trace_id,
    )
