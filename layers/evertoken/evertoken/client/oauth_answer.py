"""The answer of a token endpoint, read totally: tokens, or the error that it means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from evertoken.client.errors import ConfigurationError, OutcomeUnknownError
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_lifetime import find_expiry
from evertoken.client.oauth_refusal import find_error, find_trace_id, refusal_of
from evertoken.client.oauth_request import TokenRequest
from evertoken.client.oauth_tokens import OAuthTokens

# RFC 6749 appendix A.12 (VSCHAR): whatever else would break, or break out of, the Authorization header.
_SENDABLE: Final = re.compile(r"[\x20-\x7e]{1,16384}")
_SCHEME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_READ: Final = ("access_token", "refresh_token", "token_type", "scope", "expires_in", "expires_at")
_OK, _MULTIPLE_CHOICES, _BAD_REQUEST, _UNAUTHORIZED = 200, 300, 400, 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer; names of headers are in lower case. `body` is None when it was too large or could not be unpacked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


def parse_answer(
    config: OAuthConfig, request: TokenRequest, answer: Answer, *, sent_at: datetime, now: datetime
) -> OAuthTokens:
    """Return the tokens of *answer*.

    `scope` is what was asked for where the answer says nothing (RFC 6749 section 5.1). `refresh_token` is None when none came: the caller keeps its own.

    Raises:
        EvertokenClientError: it holds none. Which error says what it means: `refusal_of`. An answer of success that cannot be read is an
            OutcomeUnknownError where tokens may have been spent for it.
    """
    document = read_json(answer.body)
    trace_id = find_trace_id(config, answer.headers, document)
    if _OK <= answer.status < _MULTIPLE_CHOICES:
        found = _find_tokens(config, document)
        if found is not None:
            return _tokens_of(config, request, found, document, sent_at=sent_at, trace_id=trace_id)
        if find_error(document) is None:
            raise _unreadable(request, answer, trace_id)
    elif answer.status < _BAD_REQUEST:
        raise ConfigurationError(
            f"{_name(request)} answers with a redirect ({answer.status}), which is not followed: it would take the credentials along. "
            "Give the address to which it leads, if it is the provider's, as the URL.",
            correlation_id=trace_id,
        )
    raise refusal_of(config, request, answer.status, answer.headers, document, now=now)


def parse_user(
    config: OAuthConfig, request: TokenRequest, answer: Answer, *, now: datetime
) -> dict[str, Any] | None:
    """Return what the provider says of the user, or None where it refuses the access token (401).

    Raises:
        EvertokenClientError: it says nothing that can be read, and why.
    """
    document = read_json(answer.body)
    if answer.status == _UNAUTHORIZED:
        return None
    if answer.status == _OK and isinstance(document, dict) and find_error(document) is None:
        inner = document.get(config.token_member) if config.token_member else None
        return inner if isinstance(inner, dict) else document
    trace_id = find_trace_id(config, answer.headers, document)
    if answer.status < _BAD_REQUEST:
        raise ConfigurationError(
            f"userinfo_url answers {answer.status} with something that is no JSON object. Check the address.",
            correlation_id=trace_id,
        )
    raise refusal_of(config, request, answer.status, answer.headers, document, now=now)


def read_json(body: bytes | None) -> Any:
    """Return the JSON value of *body*, or None where it is none; never raises."""
    if body is None:
        return None
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _find_tokens(config: OAuthConfig, document: Any) -> Mapping[str, Any] | None:
    inner = document.get(config.token_member) if config.token_member and isinstance(document, dict) else None
    for candidate in (inner, document):
        if isinstance(candidate, dict):
            access_token = candidate.get("access_token")
            if isinstance(access_token, str) and _SENDABLE.fullmatch(access_token):
                return candidate
    return None


def _tokens_of(
    config: OAuthConfig,
    request: TokenRequest,
    found: Mapping[str, Any],
    document: Any,
    *,
    sent_at: datetime,
    trace_id: str,
) -> OAuthTokens:
    refresh_token, scope, token_type = found.get("refresh_token"), found.get("scope"), found.get("token_type")
    extra = {name: value for name, value in found.items() if name not in _READ}
    if found is not document:
        extra |= {name: value for name, value in document.items() if value is not found}
    return OAuthTokens(
        access_token=found["access_token"],
        issued_at=sent_at,
        token_type=token_type if isinstance(token_type, str) and _SCHEME.fullmatch(token_type) else "Bearer",
        expires_at=find_expiry(found, sent_at, config.expires_in_unit),
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        scope=scope if isinstance(scope, str) else request.scope,
        grant=request.grant,
        token_url=config.token_url,
        client_id=config.client_id,
        trace_id=trace_id,
        extra=extra,
    )


def _unreadable(
    request: TokenRequest, answer: Answer, trace_id: str
) -> ConfigurationError | OutcomeUnknownError:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    shown = kind if re.fullmatch(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,40}", kind) else "no content type"
    what = f"{_name(request)} answered {answer.status} with something that holds no access token ({shown})"
    if request.is_repeatable:
        return ConfigurationError(
            f"{what}. Check that the URL is the provider's token endpoint, and token_member.",
            correlation_id=trace_id,
        )
    return OutcomeUnknownError(
        f"{what}, so what was sent may be spent. Check that the URL is the provider's token endpoint, and token_member; "
        "if the next refresh is refused, authorize again.",
        correlation_id=trace_id,
    )


def _name(request: TokenRequest) -> str:
    return f"The token endpoint ({request.purpose})"
