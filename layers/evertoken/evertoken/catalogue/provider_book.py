"""What keeping providers needs of the catalogue: the shipped entries, and documents checked and discovered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from evertoken.catalogue.discovery import metadata_urls, parse_metadata, with_discovered
from evertoken.catalogue.document_inheritance import GENERIC_IDS
from evertoken.catalogue.loader import find_extended, get_shipped_provider, list_shipped_ids, parse_provider
from evertoken.domain.provider import Provider


class ProviderBook:
    """The catalogue's functions, with what this stage allows."""

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def list_shipped(self) -> tuple[Provider, ...]:
        """Return all shipped entries, by id."""
        return tuple(get_shipped_provider(provider_id) for provider_id in list_shipped_ids())

    def find_shipped(self, provider_id: str) -> Provider | None:
        """Return a shipped entry, or None."""
        return get_shipped_provider(provider_id) if provider_id in list_shipped_ids() else None

    def find_extended(self, provider_id: str, document: Mapping[str, Any] | None) -> tuple[str, ...]:
        """Return the ids that an operator's document (None: the shipped entry) extends, directly and further on."""
        return find_extended(provider_id, document)

    def is_reserved(self, provider_id: str) -> bool:
        """Return whether operators may not use this id."""
        return provider_id in GENERIC_IDS or provider_id in list_shipped_ids()

    def parse(self, provider_id: str, document: Mapping[str, Any]) -> Provider:
        """Return the provider of an operator's document. Raises InvalidInputError, which names the field."""
        return parse_provider(document, provider_id=provider_id, allow_loopback=self._allow_loopback)

    def metadata_urls(self, issuer: str) -> tuple[str, ...]:
        """Return where the issuer's metadata may be, in the order in which to ask. Raises InvalidInputError."""
        return metadata_urls(issuer, allow_loopback=self._allow_loopback)

    def discovered(
        self, document: Mapping[str, Any], issuer: str, body: bytes, *, metadata_url: str, checked_on: date
    ) -> dict[str, Any]:
        """Return *document* with what it leaves out taken from the issuer's metadata. Raises InvalidInputError."""
        found = parse_metadata(
            issuer,
            body,
            metadata_url=metadata_url,
            checked_on=checked_on,
            allow_loopback=self._allow_loopback,
        )
        return with_discovered(document, found)
