"""What is not known of a provider, and what the protocol does because of it."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.domain.grant import Grant
from evertoken.domain.provider import Pkce, Provider, RefreshCredential, RotationClass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFact:
    """A field of the provider document that says nothing, and what follows from that."""

    field: str
    consequence: str


def find_unknown_facts(provider: Provider) -> tuple[UnknownFact, ...]:
    """Return what is unknown of *provider* and would change what is done; what is only unverified counts as unknown where it is not used."""
    refreshes = provider.refresh_credential is RefreshCredential.REFRESH_TOKEN and provider.supports(
        Grant.REFRESH_TOKEN
    )
    redirects = provider.supports(Grant.AUTHORIZATION_CODE)
    found = (
        (
            "issuer",
            redirects and provider.issuer is None,
            "a callback that names an issuer is refused, because there is nothing to compare it with",
        ),
        ("pkce.support", redirects and provider.pkce is Pkce.UNKNOWN, "a challenge is sent all the same"),
        (
            "rotation.kind",
            refreshes and provider.rotation.kind is RotationClass.UNKNOWN,
            "a refresh whose answer was lost is repeated once, late; if that is refused, the user has to connect again",
        ),
        (
            "lifetimes.access_token_seconds",
            provider.access_token_lifetime_is_assumed,
            "where an answer does not say when a token ends, it is taken to live an hour",
        ),
        (
            "lifetimes.refresh_token_seconds",
            refreshes and provider.refresh_token_lifetime_seconds is None,
            "where an answer does not say when a refresh token ends, nothing is done to keep an unused one alive",
        ),
        (
            "endpoints.revocation",
            provider.revocation_endpoint is None,
            "a disconnect withdraws the token here, and the provider is not told",
        ),
    )
    return tuple(
        UnknownFact(field=field, consequence=consequence)
        for field, is_unknown, consequence in found
        if is_unknown
    )
