"""The port `ProviderCatalogue`: shipped entries, then the operators' own."""

from __future__ import annotations

from evertoken.catalogue.loader import get_shipped_provider, parse_provider
from evertoken.domain.errors import UnknownProviderError
from evertoken.domain.provider import Provider
from evertoken.ports import OperatorProviders


class ProviderDirectory:
    """Entries by id; a shipped id cannot be taken by an operator's document.

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
        try:
            return get_shipped_provider(provider_id)
        except UnknownProviderError:
            document = self._operator_providers.find(provider_id)
            if document is None:
                raise
            return parse_provider(document, provider_id=provider_id, allow_loopback=self._allow_loopback)
