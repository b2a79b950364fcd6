"""Providers: the shipped ones, and the operators' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evertoken.client.api_call import ApiCall, query_of
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.resources.kept import delete_call, get_call, list_call, put_call
from evertoken.client.results import Provider, ProviderList

_ALL = "/v1/providers"


class ProviderRoutes(Routes):
    """Everybody reads; operators add their own."""

    @route
    def list(self, *, search: str | None = None) -> ApiCall[ProviderList]:
        """Return the providers, narrowed to those in whose id or name *search* is."""
        return list_call("providers", _ALL, ProviderList, query_of(search=search))

    @route
    def get(self, provider_id: str) -> ApiCall[Provider]:
        """Return one provider with the sources of its facts."""
        return get_call("providers", _ALL, provider_id, answers_with(Provider))

    @route
    def put(self, provider_id: str, document: Mapping[str, Any]) -> ApiCall[Provider]:
        """Add or change an own provider; *document* is that of docs/providers.md, or just an issuer. Needs the scope operator."""
        return put_call("providers", _ALL, provider_id, Provider, document)

    @route
    def delete(self, provider_id: str) -> ApiCall[None]:
        """Remove an own provider that nothing uses. Needs the scope operator."""
        return delete_call("providers", _ALL, provider_id)


class Providers(ProviderRoutes, Blocking):
    """Providers, blocking."""


class AsyncProviders(ProviderRoutes, Awaiting):
    """Providers, awaited."""
