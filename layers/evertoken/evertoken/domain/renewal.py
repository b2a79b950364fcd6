"""How a token set is renewed: by what it holds, or by running its grant again; decided by the grant first and by the provider's entry second."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from evertoken.domain.grant import Grant
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.provider import Provider, RefreshCredential, RotationClass
from evertoken.domain.schedule import lifetime_seconds
from evertoken.domain.token_set import TokenSet

_NEEDED_CREDENTIALS = {
    Grant.CLIENT_CREDENTIALS: frozenset[str](),
    Grant.SESSION_LOGIN: frozenset({"username", "password"}),
    Grant.JWT_BEARER: frozenset({"subject"}),
}
_MENDED_BY_RUNNING_AGAIN = frozenset(
    {FailureKind.GRANT_DEAD, FailureKind.REJECTED, FailureKind.OUTCOME_UNKNOWN}
)


class Renewal(StrEnum):
    """How a new access token is had."""

    REFRESH = "refresh"
    """By what the token set holds: its refresh token, or the access token itself."""
    RUN_AGAIN = "run_again"
    """By running the grant again with what it was given for."""
    NONE = "none"


def choose_renewal(provider: Provider, token_set: TokenSet) -> Renewal:
    """Return how *token_set* is renewed: a refresh token goes before a grant that can run again, and that before an access token."""
    credential = provider.refresh_credential
    if credential is RefreshCredential.REFRESH_TOKEN and token_set.refresh_token is not None:
        return Renewal.REFRESH
    if find_grant_to_run(provider, token_set) is not None:
        return Renewal.RUN_AGAIN
    return Renewal.REFRESH if credential is RefreshCredential.ACCESS_TOKEN else Renewal.NONE


def find_grant_to_run(provider: Provider, token_set: TokenSet) -> Grant | None:
    """Return the grant that gives a new token set whenever it is asked again, or None where *token_set* has none.

    Of sets from before their grant was kept the provider's entry says whether they are the client's own. Since it is kept, no user's grant is ever
    replaced by one of the client.
    """
    context = token_set.context
    needed = _NEEDED_CREDENTIALS.get(context.grant)
    if needed is not None:
        return context.grant if needed <= context.credentials.keys() else None
    is_clients_own = provider.refresh_credential is RefreshCredential.CLIENT_CREDENTIALS
    return Grant.CLIENT_CREDENTIALS if is_clients_own and context.granted_at is None else None


def find_fallback(provider: Provider, token_set: TokenSet, failure: Failure) -> Renewal | None:
    """Return what is left when a refresh of *token_set* ended in *failure*: running its grant again, where a new grant would mend that, or None."""
    if failure.kind not in _MENDED_BY_RUNNING_AGAIN:
        return None
    return None if find_grant_to_run(provider, token_set) is None else Renewal.RUN_AGAIN


def may_repeat_at_once(provider: Provider, renewal: Renewal) -> bool:
    """Return whether a request of unknown outcome may be repeated at once without risk to the grant.

    A grant is run once in an attempt: a login that is repeated may lock the user out.
    """
    if renewal is Renewal.RUN_AGAIN:
        return False
    if provider.refresh_credential is RefreshCredential.ACCESS_TOKEN:
        # Rotation is a fact about refresh tokens. An access token that is renewed by itself goes on working, so that a lost answer costs nothing and
        # the same request brings the next token; only where the renewal kills it the answer may have been the last.
        return not provider.refresh_kills_access_token
    return provider.rotation.may_repeat_at_once


def may_repeat_later(provider: Provider, renewal: Renewal, failed_at: datetime | None, now: datetime) -> bool:
    """Return whether a request whose outcome is unknown may be repeated at *now*, when the last failure was at *failed_at*: inside a grace only."""
    if not may_repeat_at_once(provider, renewal):
        return False
    is_graced = (
        provider.rotation.kind is RotationClass.GRACE
        and provider.refresh_credential is not RefreshCredential.ACCESS_TOKEN
    )
    if not is_graced or failed_at is None:
        return True
    return (now - failed_at).total_seconds() < provider.rotation.grace_seconds


def is_past_renewal(provider: Provider, token_set: TokenSet, now: datetime) -> bool:
    """Return whether nothing that *token_set* holds can be renewed at *now*, because the provider renews nothing that has expired.

    An expiry that nobody stated ends nothing: then the provider is asked.
    """
    if provider.refreshable_after_expiry or not token_set.is_expired(now):
        return False
    lifetime = lifetime_seconds(token_set.issued_at, token_set.expires_at)
    return not (
        provider.access_token_lifetime_is_assumed and lifetime == provider.access_token_lifetime_seconds
    )
