"""The account: the provider's stable name of the user who consented, from where the provider's entry says."""

from __future__ import annotations

import base64
import json
from typing import Any

from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.token_set import TokenSet

_DOTS = 2
MAX_ACCOUNT_CHARACTERS = 255
"""The limit of OpenID Connect Core 1.0 section 2 for `sub`."""


def find_account(provider: Provider, token_set: TokenSet) -> str | None:
    """Return the account that *token_set* belongs to, or None: then the caller's label is the account."""
    match provider.account.origin:
        case AccountOrigin.ID_TOKEN:
            return token_set.id_token_subject
        case AccountOrigin.ANSWER:
            return token_set.extra.get(provider.account.member or "") or None
        case AccountOrigin.CALLER:
            return None


def find_subject(id_token: Any) -> str | None:
    """Return the `sub` of an ID token, or None; never raises.

    The signature is not verified: the token came over TLS from the token endpoint itself (OpenID Connect Core 1.0 section 3.1.3.7, rule 6), and
    nothing but the name of the account is taken from it.
    """
    if not isinstance(id_token, str) or id_token.count(".") != _DOTS or not id_token.isascii():
        return None
    payload = id_token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_ACCOUNT_CHARACTERS
        or not subject.isprintable()
    ):
        return None
    return subject
