"""Providers: the shipped ones, and those that operators add as documents or by their issuer's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any, Protocol

from evertoken.domain.errors import ConflictError, InvalidInputError, NotFoundError, ProviderUnavailableError
from evertoken.domain.http import HttpAnswer, HttpRequest
from evertoken.domain.provider import Provider
from evertoken.ports import Clock, OperatorProviders, ProviderTransport, RegistrationStore

DISCOVERY_TIMEOUT_SECONDS = 4.0
"""For each of the places where metadata may be; all of them end inside the function's time."""


class ProviderBook(Protocol):
    """The catalogue, as far as keeping providers needs it."""

    def list_shipped(self) -> tuple[Provider, ...]:
        """Return all shipped entries, by id."""

    def find_shipped(self, provider_id: str) -> Provider | None:
        """Return a shipped entry, or None."""

    def find_extended(self, provider_id: str, document: Mapping[str, Any] | None) -> tuple[str, ...]:
        """Return the ids that an operator's document (None: the shipped entry) extends, directly and further on."""

    def is_reserved(self, provider_id: str) -> bool:
        """Return whether operators may not use this id."""

    def parse(self, provider_id: str, document: Mapping[str, Any]) -> Provider:
        """Return the provider of an operator's document. Raises InvalidInputError."""

    def metadata_urls(self, issuer: str) -> tuple[str, ...]:
        """Return where the issuer's metadata may be, in the order in which to ask. Raises InvalidInputError."""

    def discovered(
        self, document: Mapping[str, Any], issuer: str, body: bytes, *, metadata_url: str, checked_on: date
    ) -> dict[str, Any]:
        """Return *document* with what it leaves out taken from the metadata. Raises InvalidInputError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDependencies:
    """What keeping providers needs."""

    book: ProviderBook
    own: OperatorProviders
    registrations: RegistrationStore
    transport: ProviderTransport
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProvider:
    """A provider, the ids that it extends, and the operator's document that it was made from (None: it is shipped)."""

    provider: Provider
    extends: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = field(default=None, repr=False)


def list_providers(deps: ProviderDependencies, search: str = "") -> tuple[KeptProvider, ...]:
    """Return all providers that *search* is a part of, in id, name or the id of what they extend, in any case: the shipped ones, then the operators' own,
    each by id.
    """
    shipped = (_keep(deps, provider) for provider in deps.book.list_shipped())
    wanted = search.casefold()
    return tuple(kept for kept in (*shipped, *_list_own(deps)) if _matches(kept, wanted))


def get_provider(deps: ProviderDependencies, provider_id: str) -> KeptProvider:
    """Return a provider. Raises NotFoundError."""
    shipped = deps.book.find_shipped(provider_id)
    if shipped is not None:
        return _keep(deps, shipped)
    document = deps.own.find(provider_id)
    if document is None:
        raise NotFoundError("No provider has this id. List them with GET /v1/providers.")
    return _keep(deps, deps.book.parse(provider_id, document), document)


def put_provider(deps: ProviderDependencies, provider_id: str, document: Mapping[str, Any]) -> KeptProvider:
    """Create or change an operator's provider; a document with an issuer and no endpoints is completed from the issuer's metadata.

    What was discovered is stored whole: a change at the issuer changes nothing here until the next PUT.

    Raises:
        InvalidInputError: the document is not one of the provider schema; the message names the field.
        ConflictError: the id is a shipped one's, the issuer is another provider's, or registrations use the token endpoint that would go.
        ProviderUnavailableError: the issuer's metadata cannot be had.
    """
    if deps.book.is_reserved(provider_id):
        raise ConflictError("A provider with this id is shipped and cannot be changed. Choose another id.")
    whole = dict(document)
    if "issuer" in whole and "endpoints" not in whole:
        whole = _discover(deps, whole)
    provider = deps.book.parse(provider_id, whole)
    _check_issuer(deps, provider)
    _check_registrations(deps, provider)
    deps.own.put(provider_id, whole, deps.clock.now())
    return _keep(deps, provider, whole)


def delete_provider(deps: ProviderDependencies, provider_id: str) -> None:
    """Remove an operator's provider that no client registration uses. Raises NotFoundError, ConflictError."""
    if deps.book.is_reserved(provider_id):
        raise ConflictError("This provider is shipped and cannot be removed.")
    if any(one.provider_id == provider_id for one in deps.registrations.list_all()):
        raise ConflictError(
            "Client registrations use this provider. Delete them first: GET /v1/registrations lists them."
        )
    if not deps.own.delete(provider_id):
        raise NotFoundError("No provider has this id. List them with GET /v1/providers.")


def _list_own(deps: ProviderDependencies) -> list[KeptProvider]:
    kept = []
    for provider_id in deps.own.list_ids():
        document = deps.own.find(provider_id)
        if document is not None:
            kept.append(_keep(deps, deps.book.parse(provider_id, document), document))
    return kept


def _keep(
    deps: ProviderDependencies, provider: Provider, document: Mapping[str, Any] | None = None
) -> KeptProvider:
    extends = deps.book.find_extended(provider.provider_id, document)
    return KeptProvider(provider=provider, extends=extends, document=document)


def _matches(kept: KeptProvider, wanted: str) -> bool:
    texts = (kept.provider.provider_id, kept.provider.name, *kept.extends)
    return any(wanted in text.casefold() for text in texts)


def _discover(deps: ProviderDependencies, document: Mapping[str, Any]) -> dict[str, Any]:
    issuer = document["issuer"]
    if not isinstance(issuer, str):
        raise InvalidInputError("issuer: must be text.")
    for url in deps.book.metadata_urls(issuer):
        request = HttpRequest(method="GET", url=url, headers={"Accept": "application/json"})
        exchange = deps.transport.send(request, timeout_seconds=DISCOVERY_TIMEOUT_SECONDS)
        if isinstance(exchange, HttpAnswer) and exchange.status == HTTPStatus.OK:
            today = deps.clock.now().date()
            return deps.book.discovered(document, issuer, exchange.body, metadata_url=url, checked_on=today)
    raise ProviderUnavailableError(
        "issuer: its metadata could not be fetched. Check the issuer, or name the provider's endpoints instead."
    )


def _check_issuer(deps: ProviderDependencies, provider: Provider) -> None:
    """Refuse a second provider of one issuer: their answers could be mixed up (RFC 9207 section 4)."""
    if provider.issuer is None or "{" in provider.issuer:
        return
    for kept in list_providers(deps):
        other = kept.provider
        if other.provider_id != provider.provider_id and other.issuer == provider.issuer:
            raise ConflictError(
                f"issuer: the provider {other.provider_id} has this issuer. Change that one, or use it."
            )


def _check_registrations(deps: ProviderDependencies, provider: Provider) -> None:
    """Refuse to move the token endpoint under registrations: their secrets and grants would be sent to the new one."""
    stored = deps.own.find(provider.provider_id)
    if (
        stored is None
        or deps.book.parse(provider.provider_id, stored).token_endpoint == provider.token_endpoint
    ):
        return
    if any(one.provider_id == provider.provider_id for one in deps.registrations.list_all()):
        raise ConflictError(
            "endpoints.token: client registrations use this provider, and their secrets would be sent to the new endpoint. "
            "Delete the registrations first, or make a new provider."
        )
