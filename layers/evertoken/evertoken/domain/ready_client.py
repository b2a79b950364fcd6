"""All that a request to a provider needs, in hand before anything is leased."""

from __future__ import annotations

from dataclasses import dataclass, field

from evertoken.domain.provider import Provider
from evertoken.domain.registration import ClientRegistration, client_binding


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyClient:
    """A client registration with its provider's entry (templates filled) and its secret; the secret is never shown."""

    provider: Provider
    registration: ClientRegistration
    client_secret: str | None = field(repr=False)

    @property
    def binding(self) -> str:
        """The name of the client that grants obtained now belong to."""
        return client_binding(self.provider.token_endpoint, self.registration.client_id)
