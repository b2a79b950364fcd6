"""What came of a request to a token endpoint, for every exchange that can happen: nothing raises, and nothing that may hold a rotated token is taken for a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from evertoken.domain.http import HttpAnswer, HttpExchange, NoAnswer, NotSent
from evertoken.domain.outcome import Failure, FailureKind, Issued, Outcome
from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import Operation
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.account import find_subject
from evertoken.protocol.answer_body import UnreadableBodyError, find_at, parse_body
from evertoken.protocol.expiry import MAX_REFRESH_TOKEN_LIFETIME_SECONDS, parse_lifetime
from evertoken.protocol.refusal import classify_refusal, closed_code, find_error, find_ruled_refusal
from evertoken.protocol.retry_after import find_retry_after

__all__ = ["Operation", "parse_token_answer"]

MAX_TOKEN_CHARACTERS = 48 * 1024
"""A token and its company must fit a secret of 64 KiB (Secrets Manager quotas, read 2026-11-21)."""
MAX_EXTRA_CHARACTERS = 1024
MAX_SCOPE_CHARACTERS = 8192
_TOKEN = re.compile(r"[\x20-\x7e]+")
"""RFC 6749 appendices A.12 and A.17: visible ASCII; above all no line breaks, since tokens go into headers."""
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_REFRESH_LIFETIME_MEMBERS = ("refresh_token_expires_in", "refresh_expires_in", "x_refresh_token_expires_in")


def parse_token_answer(
    provider: Provider,
    operation: Operation,
    exchange: HttpExchange,
    *,
    sent_at: datetime,
    requested_scopes: Sequence[str],
) -> Outcome:
    """Return the outcome of *exchange*; never raises.

    Expiry counts from *sent_at*: the clock that ran while the answer travelled is ours to lose. A set issued on a refresh lacks what the
    answer left out; the caller merges with `TokenSet.following`. Rules: security facts P4 to P17.
    """
    match exchange:
        case NotSent():
            return Failure(kind=FailureKind.NOT_SENT, code=closed_code(exchange.reason) or "not_sent")
        case NoAnswer():
            return Failure(kind=FailureKind.OUTCOME_UNKNOWN, code=closed_code(exchange.reason) or "no_answer")
        case HttpAnswer():
            return _parse_answer(provider, operation, exchange, sent_at, requested_scopes)


def _parse_answer(
    provider: Provider,
    operation: Operation,
    answer: HttpAnswer,
    sent_at: datetime,
    requested_scopes: Sequence[str],
) -> Outcome:
    status = answer.status
    retry_after = find_retry_after(answer.headers, sent_at)
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    if not is_success and status < HTTPStatus.BAD_REQUEST:
        return _unknown("provider_protocol", status)
    try:
        body = parse_body(answer, form_encoded=provider.answer.form_encoded)
    except UnreadableBodyError:
        if is_success:
            return _unknown("provider_protocol", status)
        body = None
    refusal = find_ruled_refusal(provider, operation, status, body)
    if refusal is None and is_success:
        members = _find_members(provider, body)
        error = find_error(body)
        if members is not None and error is None:
            return _parse_members(
                provider,
                operation,
                members,
                sent_at=sent_at,
                requested_scopes=requested_scopes,
                status=status,
            )
        if members is not None or error is None:
            # A token beside an error, or neither: whether one was issued cannot be told.
            return _unknown("provider_protocol", status)
    if refusal is None:
        refusal = classify_refusal(provider, operation, status, find_error(body))
    return Failure(kind=refusal.kind, code=refusal.code, status=status, retry_after_seconds=retry_after)


def _find_members(provider: Provider, body: Any) -> Mapping[str, Any] | None:
    for path in provider.answer.token_paths:
        members = find_at(body, path)
        if isinstance(members, Mapping) and members.get("access_token") not in (None, ""):
            return members
    return None


def _parse_members(
    provider: Provider,
    operation: Operation,
    members: Mapping[str, Any],
    *,
    sent_at: datetime,
    requested_scopes: Sequence[str],
    status: int,
) -> Outcome:
    anomalies: list[str] = []
    access_token = _find_token(members.get("access_token"))
    refresh_token = _find_token(members.get("refresh_token"))
    if access_token is None or (refresh_token is None and members.get("refresh_token") not in (None, "")):
        return _unknown("token_unusable", status)
    token_type = members.get("token_type")
    if token_type in (None, ""):
        anomalies.append("token_type_missing")
    elif not isinstance(token_type, str) or token_type.lower() not in {
        "bearer",
        *provider.answer.token_types,
    }:
        # A token of a type that we do not understand must not be used (RFC 6749 section 7.1).
        return _unknown("token_type_unsupported", status)
    keeps = dict.fromkeys(
        (*provider.answer.keeps, *((provider.account.member,) if provider.account.member else ()))
    )
    token_set = TokenSet(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106  # a name, no secret
        expires_at=_find_expiry(provider, members, sent_at, anomalies),
        issued_at=sent_at,
        scope=_find_scope(provider, operation, members, requested_scopes, anomalies),
        refresh_token=refresh_token,
        refresh_token_expires_at=_find_refresh_token_expiry(provider, operation, members, sent_at),
        id_token_subject=find_subject(members.get("id_token")),
        extra={name: text for name in keeps if (text := _find_text(members.get(name))) is not None},
    )
    return Issued(token_set=token_set, anomalies=tuple(anomalies))


def _find_expiry(
    provider: Provider, members: Mapping[str, Any], sent_at: datetime, anomalies: list[str]
) -> datetime | None:
    lifetime = parse_lifetime(members.get("expires_in"))
    if lifetime.anomaly:
        anomalies.append(lifetime.anomaly)
    seconds = lifetime.seconds
    if seconds is None:
        seconds = provider.access_token_lifetime_seconds
        if provider.access_token_lifetime_is_assumed:
            anomalies.append("expires_in_assumed")
    return None if seconds is None else sent_at + timedelta(seconds=seconds)


def _find_refresh_token_expiry(
    provider: Provider, operation: Operation, members: Mapping[str, Any], sent_at: datetime
) -> datetime | None:
    for name in _REFRESH_LIFETIME_MEMBERS:
        seconds = parse_lifetime(members.get(name), limit=MAX_REFRESH_TOKEN_LIFETIME_SECONDS).seconds
        # Zero is how some servers write "does not end".
        if seconds:
            return sent_at + timedelta(seconds=seconds)
    was_issued = members.get("refresh_token") not in (None, "")
    was_used = operation is Operation.REFRESH and provider.use_extends_refresh_token
    if provider.refresh_token_lifetime_seconds is None or not (was_issued or was_used):
        return None
    return sent_at + timedelta(seconds=provider.refresh_token_lifetime_seconds)


def _find_scope(
    provider: Provider,
    operation: Operation,
    members: Mapping[str, Any],
    requested_scopes: Sequence[str],
    anomalies: list[str],
) -> str:
    value = next(
        (members[name] for name in provider.answer.scope_members if members.get(name) is not None), None
    )
    if value is None:
        # Left out means: as requested (RFC 6749 section 5.1), or else as before, which `following` fills in.
        return (
            ""
            if operation in (Operation.REFRESH, Operation.FOLLOWING_EXCHANGE)
            else " ".join(requested_scopes)
        )
    if isinstance(value, str):
        parts = value.replace(provider.answer.scope_separator, " ").split()
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        parts = list(value)
    else:
        parts = []
        anomalies.append("scope_unreadable")
    kept = [part for part in dict.fromkeys(parts) if _SCOPE_TOKEN.fullmatch(part)]
    if len(kept) < len(parts):
        anomalies.append("scope_repaired")
    scope = " ".join(kept)
    if len(scope) > MAX_SCOPE_CHARACTERS:
        anomalies.append("scope_too_long")
        return scope[: scope.rfind(" ", 0, MAX_SCOPE_CHARACTERS)]
    return scope


def _find_token(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_TOKEN_CHARACTERS:
        return None
    return value if _TOKEN.fullmatch(value) else None


def _find_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or len(text) > MAX_EXTRA_CHARACTERS or not text.isprintable():
        return None
    return text


def _unknown(code: str, status: int) -> Failure:
    return Failure(kind=FailureKind.OUTCOME_UNKNOWN, code=code, status=status)
