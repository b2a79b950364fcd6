"""What came of a request to a token endpoint, for every exchange that can happen: nothing raises, and nothing that may hold a rotated token is taken for a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from evertoken.domain.answer_shape import ExpiryKind
from evertoken.domain.http import HttpAnswer, HttpExchange
from evertoken.domain.outcome import Issued, Outcome
from evertoken.domain.provider import NewRefreshToken, Provider, RefreshCredential, RotationClass
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.request_shape import Operation
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.account import find_subject
from evertoken.protocol.answer_body import UnreadableBodyError, parse_body
from evertoken.protocol.answer_failure import (
    PROVIDER_PROTOCOL,
    make_failure,
    make_unknown,
    without_answer,
)
from evertoken.protocol.expiry import MAX_REFRESH_TOKEN_LIFETIME_SECONDS, parse_lifetime
from evertoken.protocol.refusal import classify_refusal, find_error, find_ruled_refusal
from evertoken.protocol.token_members import (
    find_kept_members,
    find_member,
    find_token_members,
    is_null_member,
)
from evertoken.protocol.token_scope import parse_scope

__all__ = ["Operation", "parse_token_answer"]

MAX_TOKEN_CHARACTERS = 48 * 1024
"""A token and its company must fit a secret of 64 KiB (Secrets Manager quotas, read 2026-11-21)."""
_TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
"""RFC 6749 appendices A.12 and A.17: visible ASCII; above all no line breaks, since tokens go into headers."""
_ACCESS_TOKEN_TYPES = (
    None,
    "urn:ietf:params:oauth:token-type:access_token",
    "urn:ietf:params:oauth:token-type:jwt",
)
"""RFC 8693 section 3: what a token exchange may issue that can be called with."""
_KEEPS_SCOPE = (Operation.REFRESH, Operation.FOLLOWING_EXCHANGE)


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
    answer left out; the caller merges with `TokenSet.following`. `context` is left to the caller. Rules: security facts P4 to P17.
    """
    if not isinstance(exchange, HttpAnswer):
        return without_answer(exchange)
    shape, status = provider.answer, exchange.status
    is_success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    if not is_success and status < HTTPStatus.BAD_REQUEST:
        return make_unknown(provider, exchange, PROVIDER_PROTOCOL, None, sent_at)
    try:
        body = parse_body(exchange, form_encoded=shape.form_encoded, jsonp=shape.jsonp)
    except UnreadableBodyError:
        # An answer whose tokens are in its headers may have no body at all.
        body = {} if shape.headers and not exchange.body.strip() else None
        if is_success and body is None:
            return make_unknown(provider, exchange, PROVIDER_PROTOCOL, None, sent_at)
    refusal = find_ruled_refusal(provider, operation, status, body)
    error = find_error(body)
    if refusal is None and is_success:
        members = find_token_members(shape, exchange.headers, body)
        if members is not None and error is None:
            return _issue(provider, operation, exchange, members, body, sent_at, requested_scopes)
        if members is not None or error is None:
            # A token beside an error, or neither: whether one was issued cannot be told.
            return make_unknown(provider, exchange, PROVIDER_PROTOCOL, body, sent_at)
    if refusal is None:
        refusal = classify_refusal(provider, operation, status, error)
    return make_failure(provider, exchange, refusal, body, sent_at)


def _issue(
    provider: Provider,
    operation: Operation,
    answer: HttpAnswer,
    members: Mapping[str, Any],
    body: Any,
    sent_at: datetime,
    requested_scopes: Sequence[str],
) -> Outcome:
    shape = provider.answer
    anomalies: list[str] = []
    access_token = _find_token(find_member(shape, members, "access_token"))
    stated_refresh_token = find_member(shape, members, "refresh_token")
    refresh_token = _find_token(stated_refresh_token)
    if access_token is None or (refresh_token is None and stated_refresh_token not in (None, "")):
        return make_unknown(provider, answer, "token_unusable", body, sent_at)
    token_type = find_member(shape, members, "token_type")
    if token_type in (None, ""):
        anomalies.append("token_type_missing")
    elif not isinstance(token_type, str) or not _is_bearer(provider, token_type.lower()):
        # A token of a type that we do not understand must not be used (RFC 6749 section 7.1); N_A is none at all (RFC 8693 section 2.2.1).
        return make_unknown(provider, answer, "token_type_unsupported", body, sent_at)
    if operation is Operation.TOKEN_EXCHANGE and members.get("issued_token_type") not in _ACCESS_TOKEN_TYPES:
        return make_unknown(provider, answer, "issued_token_type_unsupported", body, sent_at)
    if (
        refresh_token is None
        and operation is Operation.REFRESH
        and provider.rotation.new_token is NewRefreshToken.ALWAYS
        and provider.refresh_credential is RefreshCredential.REFRESH_TOKEN
    ):
        anomalies.append("refresh_token_missing")
    scope = find_member(shape, members, "scope")
    if scope is not None:
        scope = parse_scope(scope, shape.scope_separator, anomalies)
    else:
        # Left out means: as requested (RFC 6749 section 5.1), or else as before, which `following` fills in.
        scope = "" if operation in _KEEPS_SCOPE else " ".join(requested_scopes)
    token_set = TokenSet(
        access_token=access_token,
        token_type=shape.authorization_scheme,
        expires_at=_find_expiry(provider, members, access_token, sent_at, anomalies),
        issued_at=sent_at,
        scope=scope,
        refresh_token=refresh_token,
        refresh_token_expires_at=_find_refresh_token_expiry(
            provider, operation, members, sent_at, was_issued=refresh_token is not None
        ),
        id_token_subject=find_subject(find_member(shape, members, "id_token")),
        extra=_find_extra(provider, members, body),
    )
    return Issued(token_set=token_set, anomalies=tuple(anomalies))


def _is_bearer(provider: Provider, token_type: str) -> bool:
    return token_type == "bearer" or token_type in provider.answer.token_types  # noqa: S105  # a type, no secret


def _find_expiry(
    provider: Provider,
    members: Mapping[str, Any],
    access_token: str,
    sent_at: datetime,
    anomalies: list[str],
) -> datetime | None:
    shape = provider.answer.expiry
    if shape.kind is ExpiryKind.JWT_EXP:
        value: Any = access_token
    else:
        value = find_member(provider.answer, members, "expires_in")
        if value is None and shape.zero_is_never and is_null_member(provider.answer, members, "expires_in"):
            value = 0
    lifetime = parse_lifetime(value, shape, sent_at)
    if lifetime.anomaly:
        anomalies.append(lifetime.anomaly)
    seconds = lifetime.seconds
    if seconds is None and not lifetime.is_endless:
        seconds = provider.access_token_lifetime_seconds
        if provider.access_token_lifetime_is_assumed:
            anomalies.append("expires_in_assumed")
    return None if seconds is None else sent_at + timedelta(seconds=seconds)


def _find_refresh_token_expiry(
    provider: Provider,
    operation: Operation,
    members: Mapping[str, Any],
    sent_at: datetime,
    *,
    was_issued: bool,
) -> datetime | None:
    """Return the earlier of what the answer says and what the entry knows."""
    value = find_member(provider.answer, members, "refresh_token_expires_in")
    stated = None
    if value is not None:
        shape = provider.answer.refresh_token_expiry
        stated = (
            parse_lifetime(value, shape, sent_at, limit=MAX_REFRESH_TOKEN_LIFETIME_SECONDS).seconds or None
        )
    known = provider.refresh_token_lifetime_seconds
    if known is not None:
        is_refresh = operation is Operation.REFRESH
        # A static refresh token that an answer repeats is as old as it was.
        is_new = was_issued and not (is_refresh and provider.rotation.kind is RotationClass.STATIC)
        if not is_new and not (is_refresh and provider.use_extends_refresh_token):
            known = None
    lifetimes = [seconds for seconds in (stated, known) if seconds is not None]
    return sent_at + timedelta(seconds=min(lifetimes)) if lifetimes else None


def _find_extra(provider: Provider, members: Mapping[str, Any], body: Any) -> dict[str, str]:
    account = provider.account
    keeps = dict.fromkeys(provider.answer.keeps)
    if account.origin is AccountOrigin.ANSWER and account.member:
        keeps[account.member] = None
    return find_kept_members(keeps, members, body) if keeps else {}


def _find_token(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_TOKEN_CHARACTERS:
        return None
    return value if _TOKEN.fullmatch(value) else None
