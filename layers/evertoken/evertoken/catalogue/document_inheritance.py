"""What a provider document `extends`: sections are merged member by member, and its own word wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evertoken.catalogue.document_patterns import PROVIDER_ID
from evertoken.catalogue.document_problems import DocumentProblems

GENERIC_IDS = ("oauth2", "oidc")
"""Entries that describe no provider: they have no endpoints."""
_OF_ITS_OWN = ("id", "name", "documentation", "schema_version")
_LONGEST_CHAIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDocument:
    """A document with nothing left to extend, and the parameters that it has from others alone."""

    document: Mapping[str, Any]
    inherited_parameters: frozenset[str]


def whole_document(
    document: Mapping[str, Any], find: Callable[[str], Mapping[str, Any] | None], problems: DocumentProblems
) -> WholeDocument:
    """Return *document* with all that it `extends`, directly and further on, filled in; *find* returns a shipped document.

    Reports to *problems* an `extends` that names nothing, itself, or more than three in a row.
    """
    chain: list[Mapping[str, Any]] = [document]
    while "extends" in chain[-1]:
        base_id = chain[-1]["extends"]
        base = find(base_id) if isinstance(base_id, str) and PROVIDER_ID.fullmatch(base_id) else None
        if base is None:
            problems.add(
                "extends",
                "must be the id of a shipped entry, or oauth2 or oidc. GET /v1/providers lists them.",
            )
            break
        # A circle has no end either.
        if len(chain) > _LONGEST_CHAIN:
            problems.add(
                "extends",
                f"must not lead back to the entry itself, nor through more than {_LONGEST_CHAIN} others.",
            )
            break
        chain.append(_without_generic_sources(base) if base_id in GENERIC_IDS else base)
    whole: dict[str, Any] = {}
    for one in reversed(chain[1:]):
        whole = _merge(whole, {name: value for name, value in one.items() if name not in _OF_ITS_OWN})
    inherited = whole.get("parameters", {})
    whole = _merge(whole, document)
    whole.pop("extends", None)
    own = document.get("parameters")
    return WholeDocument(
        document=whole,
        inherited_parameters=frozenset(inherited) - frozenset(own if isinstance(own, Mapping) else ()),
    )


def _merge(base: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The source of a section that *document* touches is its own or none; of errors, its own come first."""
    merged = dict(base)
    for name, value in document.items():
        inherited = merged.get(name)
        if isinstance(inherited, Mapping) and isinstance(value, Mapping):
            merged[name] = {**{key: fact for key, fact in inherited.items() if key != "source"}, **value}
        elif name == "errors" and isinstance(inherited, list) and isinstance(value, list):
            merged[name] = [*value, *inherited]
        else:
            merged[name] = value
    return merged


def _without_generic_sources(base: Mapping[str, Any]) -> dict[str, Any]:
    """A standard says nothing of what one provider does: whoever extends a generic entry has no source from there."""
    return {
        name: {key: fact for key, fact in value.items() if key != "source"}
        if isinstance(value, Mapping)
        else value
        for name, value in base.items()
    }
