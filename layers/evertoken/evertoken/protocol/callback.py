"""What a browser brings back from the provider (RFC 6749 section 4.1.2), read totally: nothing in it is believed, little of it is repeated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

from evertoken.domain.provider import IssParameter, Provider
from evertoken.domain.provider_shapes import RFC_CALLBACK, CallbackShape

MAX_CALLBACK_BYTES = 16_384
MAX_CALLBACK_PARAMETERS = 50
_VISIBLE = re.compile(r"[\x20-\x7e]+")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class CallbackError(StrEnum):
    """Why a callback carries no code: the codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core 3.1.2.6, or our own words."""

    ACCESS_DENIED = "access_denied"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INTERACTION_REQUIRED = "interaction_required"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"
    ACCOUNT_SELECTION_REQUIRED = "account_selection_required"
    OTHER = "other"
    """An error code of the provider's own."""
    MALFORMED = "malformed"
    """Not an authorization response: too long, undecodable, a parameter twice, both code and error, or neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackParameters:
    """A callback's parameters: exactly one of `code` and `error` is set.

    `state` is None when there is none that could be ours. `extra` holds the provider's further parameters, of plain names and bounded length.
    """

    state: str | None = field(repr=False)
    code: str | None = field(repr=False)
    error: CallbackError | None
    iss: str | None
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def parse_callback(raw_query_or_form: str, shape: CallbackShape = RFC_CALLBACK) -> CallbackParameters:
    """Return the parameters of a raw query string or form body of *shape*; never raises.

    The raw text matters: some gateways join repeated parameters with commas, and a repeated parameter is an error (RFC 6749 section 3.1).
    """
    malformed = CallbackParameters(state=None, code=None, error=CallbackError.MALFORMED, iss=None)
    if len(raw_query_or_form) > MAX_CALLBACK_BYTES:
        return malformed
    try:
        pairs = parse_qsl(
            raw_query_or_form, keep_blank_values=True, errors="strict", max_num_fields=MAX_CALLBACK_PARAMETERS
        )
    except ValueError:
        return malformed
    values = dict(pairs)
    if len(values) != len(pairs):
        return malformed
    code, error = values.pop(shape.code_parameter, ""), values.pop("error", "")
    values.pop("error_description", None)
    values.pop("error_uri", None)
    state, iss = _visible(values.pop("state", ""), 1024), values.pop("iss", None)
    extra = tuple(
        (name, value)
        for name, value in sorted(values.items())
        if _NAME.fullmatch(name) and _visible(value, 1024)
    )
    for suffix in shape.code_suffixes:
        code = code.removesuffix(suffix)
    code_value = _visible(code, 8192)
    if bool(code) == bool(error) or (code and code_value is None):
        return CallbackParameters(state=state, code=None, error=CallbackError.MALFORMED, iss=iss, extra=extra)
    return CallbackParameters(
        state=state, code=code_value, error=_error(error) if error else None, iss=iss, extra=extra
    )


def check_issuer(provider: Provider, iss: str | None) -> bool:
    """Return whether an authorization response with this `iss` may be *provider*'s (RFC 9207 section 2.4).

    A value must equal the provider's issuer as a string. One from a provider whose issuer is not known is refused; a missing one
    is refused where the provider says that it always sends it. Error responses are held to the same.
    """
    if iss is None:
        return provider.iss_parameter is not IssParameter.ALWAYS
    return provider.issuer is not None and iss == provider.issuer


def _visible(value: str, limit: int) -> str | None:
    return value if len(value) <= limit and _VISIBLE.fullmatch(value) else None


def _error(code: str) -> CallbackError:
    try:
        error = CallbackError(code)
    except ValueError:
        return CallbackError.OTHER
    return CallbackError.OTHER if error is CallbackError.MALFORMED else error
