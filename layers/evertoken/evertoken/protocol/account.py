"""The account: the provider's stable name of the user who consented, from where the provider's entry says."""

from __future__ import annotations

from typing import Any

from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.jwt_claims import find_claims
from evertoken.protocol.token_members import kept_name

MAX_ACCOUNT_CHARACTERS = 255
"""The limit of OpenID Connect Core 1.0 section 2 for `sub`."""


def find_account(provider: Provider, token_set: TokenSet) -> str | None:
    """Return the account that *token_set* belongs to, or None: then the caller's label is the account."""
    member = provider.account.member or ""
    match provider.account.origin:
        case AccountOrigin.ID_TOKEN:
            return token_set.id_token_subject
        case AccountOrigin.ANSWER:
            return token_set.extra.get(kept_name(member)) or None
        case AccountOrigin.CALLBACK:
            return token_set.extra.get(member) or None
        case AccountOrigin.PARAMETER:
            return token_set.context.parameters.get(member) or None
        case AccountOrigin.CALLER:
            return None


def find_subject(id_token: Any) -> str | None:
    """Return the `sub` of an ID token, or None; never raises.

    The signature is not verified: the token came over TLS from the token endpoint itself (OpenID Connect Core 1.0 section 3.1.3.7, rule 6), and
    nothing but the name of the account is taken from it.
    """
    subject = find_claims(id_token).get("sub")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= MAX_ACCOUNT_CHARACTERS
        or not subject.isprintable()
    ):
        return None
    return subject
