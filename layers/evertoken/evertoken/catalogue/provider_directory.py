"""The port `ProviderCatalogue`: the operators' own entries, then the shipped ones."""

from __future__ import annotations

from evertoken.catalogue.loader import get_shipped_provider, parse_provider
from evertoken.domain.provider import Provider
from evertoken.ports import OperatorProviders


class ProviderDirectory:
    """Entries by id. An operator cannot take a shipped id, but one taken before it was shipped stays the operator's.

    Operators' documents are read from their store each time: whoever asks often keeps the answer (`ClientDirectory` does, for a minute).
    *allow_loopback* admits providers on this machine (the local stage).
    """

    def __init__(self, operator_providers: OperatorProviders, *, allow_loopback: bool = False) -> None:
        self._operator_providers = operator_providers
        self._allow_loopback = allow_loopback

    def get(self, provider_id: str) -> Provider:
        """Return an entry.

        Raises:
            UnknownProviderError: there is none.
            InvalidInputError: it is an operator's document that this release cannot read.
            StoreUnavailableError: the operators' documents cannot be had.
        """
        document = self._operator_providers.find(provider_id)
        if document is None:
            return get_shipped_provider(provider_id)
        return parse_provider(document, provider_id=provider_id, allow_loopback=self._allow_loopback)
