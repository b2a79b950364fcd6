"""What a tenant's backend asks for when it connects an account, and which of it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evertoken.domain.connection import PublicationMode, RefreshPolicy
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionWish:
    """What a tenant's backend asks for. Nones leave the choice to us: `policy`, `publication`, `scopes`, `registration_id`.

    `parameters` are values for what the provider's entry leaves open, and of the authorization parameters that it admits.
    """

    tenant_id: str
    provider_id: str
    registration_id: str | None = None
    user_id: str
    account: str | None = None
    name: str = ""
    display_name: str = ""
    scopes: tuple[str, ...] | None = None
    policy: RefreshPolicy | None = None
    publication: PublicationMode | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def scopes_at(self, ready: ReadyClient) -> tuple[str, ...]:
        """Return the scopes to ask for: these, else the registration's."""
        return ready.registration.scopes if self.scopes is None else self.scopes


def check_publication(provider: Provider, wish: ConnectionWish, minimum_seconds: int) -> None:
    """Refuse to promise a publication that the provider's tokens are known to live too short for. Raises InvalidInputError."""
    lifetime = known_lifetime_seconds(provider)
    if (
        wish.publication is PublicationMode.SECRETS_MANAGER
        and lifetime is not None
        and lifetime < minimum_seconds
    ):
        raise InvalidInputError(
            f"publication: this provider's tokens live {lifetime} s, and tokens that live under {minimum_seconds} s are served by the API "
            "only. Ask for api_only, or leave publication out."
        )


def known_lifetime_seconds(provider: Provider) -> int | None:
    """Return how long the provider's entry says that access tokens live; None when it does not know, or they do not expire."""
    return None if provider.access_token_lifetime_is_assumed else provider.access_token_lifetime_seconds
