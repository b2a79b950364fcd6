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


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableProvider:
    """An operator's document that this release cannot read, and why: it stays until the operator puts it again."""

    provider_id: str
    problem: str


def list_providers(
    deps: ProviderDependencies, search: str = ""
) -> tuple[KeptProvider | UnreadableProvider, ...]:
    """Return all providers that *search* is a part of, in id, name or the id of what they extend, in any case: the shipped ones, then the operators' own,
    each by id.
    """
    own = _list_own(deps)
    taken = {one.provider.provider_id if isinstance(one, KeptProvider) else one.provider_id for one in own}
    shipped = (
        _keep(deps, provider) for provider in deps.book.list_shipped() if provider.provider_id not in taken
    )
    wanted = search.casefold()
    return tuple(kept for kept in (*shipped, *own) if _matches(kept, wanted))


def get_provider(deps: ProviderDependencies, provider_id: str) -> KeptProvider:
    """Return a provider. Raises NotFoundError, InvalidInputError (an operator's document that this release cannot read)."""
    document = deps.own.find(provider_id)
    if document is not None:
        return _keep(deps, deps.book.parse(provider_id, document), document)
    shipped = deps.book.find_shipped(provider_id)
    if shipped is None:
        raise NotFoundError("No provider has this id. List them with GET /v1/providers.")
    return _keep(deps, shipped)


def put_provider(deps: ProviderDependencies, provider_id: str, document: Mapping[str, Any]) -> KeptProvider:
    """Create or change an operator's provider; a document with an issuer and no endpoints is completed from the issuer's metadata.

    What was discovered is stored whole: a change at the issuer changes nothing here until the next PUT.

    Raises:
        InvalidInputError: the document is not one of the provider schema; the message names the field.
        ConflictError: the id is a shipped one's, the issuer is another provider's, or registrations' secrets would go elsewhere.
        ProviderUnavailableError: the issuer's metadata cannot be had.
    """
    stored = deps.own.find(provider_id)
    if stored is None and deps.book.is_reserved(provider_id):
        raise ConflictError("A provider with this id is shipped and cannot be changed. Choose another id.")
    whole = dict(document)
    if "issuer" in whole and "endpoints" not in whole:
        whole = _discover(deps, whole)
    kept = _keep(deps, deps.book.parse(provider_id, whole), whole)
    _check_issuer(deps, kept)
    if stored is not None:
        _check_registrations(deps, kept.provider, stored)
    deps.own.put(provider_id, whole, deps.clock.now())
    return kept


def delete_provider(deps: ProviderDependencies, provider_id: str) -> None:
    """Remove an operator's provider that no client registration uses. Raises NotFoundError, ConflictError."""
    if deps.own.find(provider_id) is None and deps.book.is_reserved(provider_id):
        raise ConflictError("This provider is shipped and cannot be removed.")
    if any(one.provider_id == provider_id for one in deps.registrations.list_all()):
        raise ConflictError(
            "Client registrations use this provider. Delete them first: GET /v1/registrations lists them."
        )
    if not deps.own.delete(provider_id):
        raise NotFoundError("No provider has this id. List them with GET /v1/providers.")


def _list_own(deps: ProviderDependencies) -> list[KeptProvider | UnreadableProvider]:
    own: list[KeptProvider | UnreadableProvider] = []
    for provider_id in deps.own.list_ids():
        document = deps.own.find(provider_id)
        if document is None:
            continue
        try:
            own.append(_keep(deps, deps.book.parse(provider_id, document), document))
        except InvalidInputError as error:
            own.append(UnreadableProvider(provider_id=provider_id, problem=error.message))
    return own


def _keep(
    deps: ProviderDependencies, provider: Provider, document: Mapping[str, Any] | None = None
) -> KeptProvider:
    extends = deps.book.find_extended(provider.provider_id, document)
    return KeptProvider(provider=provider, extends=extends, document=document)


def _matches(kept: KeptProvider | UnreadableProvider, wanted: str) -> bool:
    if isinstance(kept, UnreadableProvider):
        return wanted in kept.provider_id
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


def _check_issuer(deps: ProviderDependencies, kept: KeptProvider) -> None:
    """Refuse a second provider of one issuer: their answers could be mixed up (RFC 9207 section 4).

    Those that extend each other, or the same shipped entry, describe one server and may share it.
    """
    issuer = kept.provider.issuer
    if issuer is None or "{" in issuer:
        return
    family = _family(deps, kept)
    for other in list_providers(deps):
        if isinstance(other, UnreadableProvider):
            continue
        if other.provider.issuer == issuer and family.isdisjoint(_family(deps, other)):
            raise ConflictError(
                f"issuer: the provider {other.provider.provider_id} has this issuer. Change that one, use it, or extend it."
            )


def _family(deps: ProviderDependencies, kept: KeptProvider) -> set[str]:
    # The generic entries are no family: everybody's login extends them.
    return {
        kept.provider.provider_id,
        *(one for one in kept.extends if deps.book.find_shipped(one) is not None),
    }


def _check_registrations(deps: ProviderDependencies, provider: Provider, stored: Mapping[str, Any]) -> None:
    """Refuse to send the secrets and grants of registrations where they did not go before: another token endpoint, or another host."""
    try:
        before = deps.book.parse(provider.provider_id, stored)
    except InvalidInputError:
        # No request is built from it any more; whoever mends it says where requests go.
        return
    if before.token_endpoint == provider.token_endpoint and provider.secret_origins <= before.secret_origins:
        return
    if any(one.provider_id == provider.provider_id for one in deps.registrations.list_all()):
        raise ConflictError(
            "endpoints: client registrations use this provider, and their secrets would be sent to another token endpoint or host. "
            "Delete the registrations first, or make a new provider."
        )
