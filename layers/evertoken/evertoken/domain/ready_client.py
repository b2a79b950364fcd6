"""All that a request to a provider needs, in hand before anything is leased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evertoken.domain.provider import Provider
from evertoken.domain.registration import ClientRegistration, client_binding


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyClient:
    """A client registration with its provider's entry, its secret and its private key (PEM); neither is ever shown.

    The provider's templates are filled with what the registration says; what that leaves open is filled for each grant.
    """

    provider: Provider
    registration: ClientRegistration
    client_secret: str | None = field(repr=False)
    private_key: str | None = field(default=None, repr=False)

    @property
    def binding(self) -> str:
        """The name of the client that grants obtained now belong to."""
        return client_binding(self.provider.token_endpoint, self.registration.client_id)

    def for_grant(self, parameters: Mapping[str, str]) -> ReadyClient:
        """Return this client with nothing of its provider's templates left to fill.

        What a grant was given for and the registration has come to say itself, in the same words, is no contradiction.

        Raises:
            InvalidInputError: the message names the parameter.
        """
        said = self.registration.parameters
        provider = self.provider.filled(
            {name: value for name, value in parameters.items() if said.get(name) != value}
        )
        return self if provider is self.provider else replace(self, provider=provider)
