"""Shipped entries by name, on first use, and documents that extend one of the generic ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from evertoken.catalogue.provider_document import PROVIDER_ID, read_provider
from evertoken.domain.errors import InvalidInputError, UnknownProviderError
from evertoken.domain.provider import Provider

_DIRECTORY = Path(__file__).with_name("providers")
GENERIC_IDS = ("oauth2", "oidc")
"""What an operator's document may extend; they have no endpoints and are no providers themselves."""


def get_shipped_provider(provider_id: str) -> Provider:
    """Return a shipped entry, read once per process. Raises UnknownProviderError."""
    if provider_id in GENERIC_IDS or PROVIDER_ID.fullmatch(provider_id) is None:
        raise _unknown()
    return _load_provider(provider_id)


def list_shipped_ids() -> tuple[str, ...]:
    """Return the ids of all shipped entries, sorted, without the generic ones."""
    return tuple(sorted(path.stem for path in _DIRECTORY.glob("*.json") if path.stem not in GENERIC_IDS))


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
    if not isinstance(document, Mapping):
        raise InvalidInputError("The provider document must be a JSON object.")
    whole = dict(document)
    base = whole.pop("extends", None)
    if base is not None:
        if base not in GENERIC_IDS:
            raise InvalidInputError(f"extends must be one of: {', '.join(GENERIC_IDS)}.")
        whole = _merge(_load_document(base), whole)
    return read_provider(
        whole, provider_id=provider_id, allow_loopback=allow_loopback, needs_sources=needs_sources
    )


def _merge(base: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Sections are merged member by member; the source of a section that the document touches is its own or none."""
    merged: dict[str, Any] = {
        name: value for name, value in base.items() if name not in ("id", "name", "documentation")
    }
    for name, value in document.items():
        inherited = merged.get(name)
        if isinstance(inherited, Mapping) and isinstance(value, Mapping):
            merged[name] = {**{key: fact for key, fact in inherited.items() if key != "source"}, **value}
        else:
            merged[name] = value
    return merged


@cache
def _load_provider(provider_id: str) -> Provider:
    return parse_provider(_load_document(provider_id), provider_id=provider_id, needs_sources=True)


@cache
def _load_document(provider_id: str) -> dict[str, Any]:
    try:
        text = (_DIRECTORY / f"{provider_id}.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _unknown() from None
    document: dict[str, Any] = json.loads(text)
    return document


def _unknown() -> UnknownProviderError:
    return UnknownProviderError(
        "No provider has this id. GET /v1/providers lists them; operators add their own with PUT."
    )
