"""What a provider's refusal means: the entry's own rules first, then the error codes of RFC 6749 section 5.2, then the status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from evertoken.domain.answer_shape import ErrorRule
from evertoken.domain.outcome import FailureKind
from evertoken.domain.provider import Provider
from evertoken.domain.request_shape import ClientPart, Operation, RequestShape
from evertoken.protocol.answer_body import find_at

_CODE = re.compile(r"[a-z0-9_.-]{1,64}")
_RENEWING = frozenset({Operation.REFRESH, Operation.SESSION_LOGIN, Operation.JWT_BEARER})
"""What a stored grant is renewed by. A first login is one of these as well: whoever connects takes its dead grant for a refusal."""
_FIRST_OR_RENEWING = frozenset({Operation.CLIENT_CREDENTIALS, Operation.SESSION_LOGIN, Operation.JWT_BEARER})
_CLIENT_PARTS = (ClientPart.AUTHENTICATED, ClientPart.SECRET_AS_USERNAME)

_KINDS = {
    "invalid_grant": FailureKind.GRANT_DEAD,
    "invalid_client": FailureKind.CLIENT_MISCONFIGURED,
    "unauthorized_client": FailureKind.CLIENT_MISCONFIGURED,
    "unsupported_grant_type": FailureKind.CLIENT_MISCONFIGURED,
    "temporarily_unavailable": FailureKind.PROVIDER_DOWN,
    "slow_down": FailureKind.THROTTLED,
    "server_error": FailureKind.OUTCOME_UNKNOWN,
}
_PENDING = "authorization_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal's kind, and its code from the closed alphabet."""

    kind: FailureKind
    code: str


def find_ruled_refusal(
    provider: Provider, operation: Operation | None, status: int, body: Any
) -> Refusal | None:
    """Return what the first of the entry's rules that applies makes of the answer, or None; without an *operation* only rules for any apply."""
    for rule in provider.error_rules:
        if rule.operations and operation not in rule.operations:
            continue
        if rule.statuses and status not in rule.statuses:
            continue
        found = None if rule.path is None else find_at(body, rule.path)
        if rule.path is None or _matches(rule, found):
            code = rule.code or closed_code(found) or f"http_{status}"
            return Refusal(kind=_for_operation(rule.kind, operation), code=code)
    return None


def find_error(body: Any) -> Any:
    """Return the member `error` of a body when it says that there is one, else None."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if error not in (None, "", False, 0) else None


def classify_refusal(provider: Provider, operation: Operation, status: int, error: Any) -> Refusal:
    """Return what a refusal means that no rule of the entry knows; *error* is the body's member `error`, or None.

    Only `invalid_grant`, or a 401 to a login, ends a grant, and never with a status of 500 and more: such an answer may come from anything between us
    and the provider. An unknown code where a stored grant is renewed is taken as "not now": nothing is concluded from a word that we do not know.
    """
    code = closed_code(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refusal(kind=FailureKind.THROTTLED, code=code or "http_429")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Refusal(kind=FailureKind.PROVIDER_DOWN, code=code or "http_503")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Refusal(kind=FailureKind.OUTCOME_UNKNOWN, code=code or f"http_{status}")
    if code == _PENDING and operation is Operation.DEVICE_CODE:
        return Refusal(kind=FailureKind.THROTTLED, code=code)
    kind = _KINDS.get(code or "")
    if kind is not None:
        return Refusal(kind=_for_operation(kind, operation), code=code or "")
    if status == HTTPStatus.UNAUTHORIZED and _carries_client(provider, operation):
        return Refusal(kind=FailureKind.CLIENT_MISCONFIGURED, code=code or "http_401")
    if status == HTTPStatus.UNAUTHORIZED and operation is Operation.SESSION_LOGIN:
        # All that such a request proves is the user: repeating it could lock the account.
        return Refusal(kind=FailureKind.GRANT_DEAD, code=code or "http_401")
    if operation is not Operation.REFRESH and (
        operation not in _FIRST_OR_RENEWING or code in ("invalid_scope", "access_denied")
    ):
        return Refusal(kind=FailureKind.REJECTED, code=code or f"http_{status}")
    return Refusal(kind=FailureKind.PROVIDER_DOWN, code=code or f"http_{status}")


def closed_code(value: Any) -> str | None:
    """Return an error code of the closed alphabet, or None where *value* is none: a description never passes."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = f"error_{value}" if isinstance(value, int) else value.lower()
    return text if _CODE.fullmatch(text) else None


def _for_operation(kind: FailureKind, operation: Operation | None) -> FailureKind:
    """A dead grant means something only where a stored grant is renewed."""
    if kind is not FailureKind.GRANT_DEAD or operation in _RENEWING or operation is None:
        return kind
    # With client credentials the only grant is the client itself.
    return (
        FailureKind.CLIENT_MISCONFIGURED
        if operation is Operation.CLIENT_CREDENTIALS
        else FailureKind.REJECTED
    )


def _carries_client(provider: Provider, operation: Operation) -> bool:
    if operation is Operation.FOLLOWING_EXCHANGE:
        shapes = provider.requests.following_exchanges
    else:
        shape: RequestShape = getattr(provider.requests, operation.value)
        shapes = (shape,)
    return all(shape.client in _CLIENT_PARTS for shape in shapes)


def _matches(rule: ErrorRule, found: Any) -> bool:
    if rule.negated:
        # Without regard to the type: a success that says "0" for 0 must not be taken for a refusal, its tokens would be lost.
        return found not in (None, "") and _text(found) not in {_text(value) for value in rule.values}
    if not isinstance(found, (str, int)):
        return False
    if rule.contains:
        return any(_text(value).lower() in _text(found).lower() for value in rule.values)
    return any(type(value) is type(found) and value == found for value in rule.values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
