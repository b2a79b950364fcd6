"""A scripted provider that an installation knows: provider entry, client registration, and the ledger as oracle."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.http_api import document
from tests.e2e.installation import Installation, new_name
from tests.support.provider_ledger import IssuedToken
from tests.support.provider_profile import ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

CLIENT_ID = "client-1"
ROTATIONS: Mapping[str, Mapping[str, Any]] = {
    "static": {"kind": "static"},
    "grace": {"kind": "grace", "grace_seconds": 60},
    "strict": {"kind": "strict"},
    "strict_kill": {"kind": "strict_kill"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedSite:
    """A running provider, and under which names the installation knows it and our client there."""

    installation: Installation
    provider: ScriptedProvider
    provider_id: str
    registration_id: str
    client_secret: str
    tenants: tuple[str, ...]

    def register(self, *, client_secret: str | None = None) -> None:
        """Put the client registration."""
        body = {
            "provider": self.provider_id,
            "client_id": CLIENT_ID,
            "client_secret": client_secret or self.client_secret,
            "tenants": list(self.tenants),
            "scopes": ["read"],
        }
        made = document(self.installation.operator.put(f"/v1/registrations/{self.registration_id}", body))
        assert made["redirect_uri"] == self.installation.redirect_uri(self.registration_id)

    def count_posts(self, grant_type: str = "refresh_token") -> int:
        """How many token requests of this kind the provider has seen, whatever came of them."""
        return sum(record.grant_type == grant_type for record in self.provider.ledger.find_requests())

    def posts_of(self, connection_token: str) -> int:
        """How many refreshes the grant behind an access token has seen."""
        family = self.provider.ledger.get_token(connection_token).family
        known = self.provider.ledger.tokens
        return sum(
            record.grant_type == "refresh_token"
            and record.presented in known
            and known[record.presented].family == family
            for record in list(self.provider.ledger.requests)
        )

    def newest_refresh_token(self, access_token: str) -> IssuedToken:
        """The refresh token that was issued last to the grant behind an access token."""
        family = self.provider.ledger.get_token(access_token).family
        of_grant = [token for token in self.provider.ledger.tokens.values() if token.family == family]
        return [token for token in of_grant if token.kind == "refresh"][-1]


@contextmanager
def open_site(
    installation: Installation,
    *tenants: str,
    profile: ProviderProfile | None = None,
    rotation: str = "static",
    **document_members: Any,
) -> Iterator[ScriptedSite]:
    """Run a provider and make it known; its issued values are looked for at the end of the run."""
    registration_id = new_name("reg")
    plain = secrets.token_urlsafe(24)
    secret = f"{plain}: % + & é"  # what has to survive every encoding
    changes = {"clients": {CLIENT_ID: secret}, "redirect_uris": (installation.redirect_uri(registration_id),)}
    with ScriptedProvider() as provider:
        if profile is not None:
            provider.rules.profile = profile
        provider.rules.change_profile(**changes)
        provider.rules.change_secret(CLIENT_ID, secret)
        # Every token and code that it issues begins with this.
        installation.canaries.add(provider.token_prefix, plain)
        installation.canaries.add_client(CLIENT_ID, secret)
        site = ScriptedSite(
            installation=installation,
            provider=provider,
            provider_id=new_name("provider"),
            registration_id=registration_id,
            client_secret=secret,
            tenants=tenants,
        )
        entry = {"issuer": provider.issuer, "rotation": dict(ROTATIONS[rotation]), **document_members}
        document(installation.operator.put(f"/v1/providers/{site.provider_id}", entry))
        site.register()
        yield site
        assert provider.errors == []
        assert provider.ledger.violations == []
