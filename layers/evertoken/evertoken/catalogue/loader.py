"""Shipped entries by name, on first use, and documents that extend them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from evertoken.catalogue.document_inheritance import GENERIC_IDS, whole_document
from evertoken.catalogue.document_patterns import PROVIDER_ID
from evertoken.catalogue.document_problems import DocumentProblem, DocumentProblems
from evertoken.catalogue.provider_document import read_provider
from evertoken.domain.errors import InvalidInputError, UnknownProviderError
from evertoken.domain.provider import Provider

_DIRECTORY = Path(__file__).with_name("providers")
_DOCUMENT = "The provider document"
_NOT_AN_OBJECT = "must be a JSON object."


@cache
def get_shipped_provider(provider_id: str) -> Provider:
    """Return a shipped entry, read once per process. Raises UnknownProviderError."""
    document = None if provider_id in GENERIC_IDS else _find_document(provider_id)
    if document is None:
        raise _unknown()
    return parse_provider(document, provider_id=provider_id, needs_sources=True)


@cache
def list_shipped_ids() -> tuple[str, ...]:
    """Return the ids of all shipped entries, sorted, without the generic ones."""
    return tuple(sorted(path.stem for path in _DIRECTORY.glob("*.json") if path.stem not in GENERIC_IDS))


def load_document(provider_id: str) -> dict[str, Any]:
    """Return a shipped entry's document with what it extends filled in, its own id and name kept. Raises UnknownProviderError."""
    document = _find_document(provider_id)
    if document is None:
        raise _unknown()
    return dict(whole_document(document, _find_document, DocumentProblems()).document)


def find_extended(provider_id: str, document: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return the ids that *document* (None: the shipped entry *provider_id*) extends, the nearest first. Unknown ones end the list."""
    found: list[str] = []
    one = _find_document(provider_id) if document is None else document
    while one is not None and isinstance(base_id := one.get("extends"), str) and base_id not in found:
        found.append(base_id)
        one = _find_document(base_id)
    return tuple(found)


def parse_provider(
    document: Mapping[str, Any],
    *,
    provider_id: str,
    allow_loopback: bool = False,
    needs_sources: bool = False,
) -> Provider:
    """Return the provider of a document, with what it `extends` filled in.

    *allow_loopback* admits http and loopback addresses (the local stage); *needs_sources* is for shipped entries.

    Raises:
        InvalidInputError: a field is unknown, missing or not what it must be; the message names it and the mend.
    """
    return _parse(
        document,
        DocumentProblems(),
        provider_id=provider_id,
        allow_loopback=allow_loopback,
        needs_sources=needs_sources,
    )


def find_problems(
    document: Any, *, provider_id: str, allow_loopback: bool = False, needs_sources: bool = False
) -> tuple[DocumentProblem, ...]:
    """Return all that is wrong with a document, one problem a field, in the order in which sections are read."""
    problems = DocumentProblems(collects=True)
    if not isinstance(document, Mapping):
        problems.add(_DOCUMENT, _NOT_AN_OBJECT)
        return tuple(problems.found)
    _parse(
        document,
        problems,
        provider_id=provider_id,
        allow_loopback=allow_loopback,
        needs_sources=needs_sources,
    )
    return tuple(problems.found)


def _parse(
    document: Any, problems: DocumentProblems, *, provider_id: str, allow_loopback: bool, needs_sources: bool
) -> Provider:
    if not isinstance(document, Mapping):
        raise InvalidInputError(f"{_DOCUMENT} {_NOT_AN_OBJECT}")
    whole = whole_document({**document, "id": document.get("id", provider_id)}, _find_document, problems)
    return read_provider(
        whole.document,
        provider_id=provider_id,
        allow_loopback=allow_loopback,
        needs_sources=needs_sources,
        inherited_parameters=whole.inherited_parameters,
        problems=problems,
    )


@cache
def _find_document(provider_id: str) -> dict[str, Any] | None:
    # The id becomes a file's name.
    if PROVIDER_ID.fullmatch(provider_id) is None:
        return None
    try:
        text = (_DIRECTORY / f"{provider_id}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    document: dict[str, Any] = json.loads(text)
    return document


def _unknown() -> UnknownProviderError:
    return UnknownProviderError(
        "No provider has this id. GET /v1/providers lists them; operators add their own with PUT."
    )
