"""That every `{placeholder}` of a provider document is filled by something: a declared parameter, a kept member, or Evertoken itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.endpoint_url import find_names, find_placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A kind of place in a document: the `words` that Evertoken fills there itself, and whether what the grant keeps fills it too."""

    words: frozenset[str] = frozenset()
    with_kept: bool = False


NOWHERE = Place()
"""Where declared parameters alone may stand: hosts, audiences."""
ENDPOINT_PATH = Place(words=frozenset({"client_id"}))
REQUEST_PATH = Place(words=frozenset({"client_id", "access_token", "refresh_token"}), with_kept=True)
REQUEST_VALUE = Place(
    words=frozenset({"client_id", "redirect_uri", "scope", "state", "random"}), with_kept=True
)
AUTHORIZATION_VALUE = Place(words=REQUEST_VALUE.words)
CLAIM = Place(words=frozenset({"client_id", "subject", "scope"}))


class Placeholders:
    """The placeholders of one document, noted where they are read and checked when everything is known."""

    def __init__(self) -> None:
        self._noted: list[tuple[str, Iterable[str], Place]] = []
        self.in_host: set[str] = set()

    def note_url(self, field: str, url: str, place: Place) -> None:
        """Note those of a URL; *place* is its path's."""
        if "{" in url:
            found = find_placeholders(url)
            self.in_host |= found.in_host
            self._noted.append((field, sorted(found.in_host), NOWHERE))
            self._noted.append((field, sorted(found.in_path), place))

    def note_text(self, field: str, text: str, place: Place) -> None:
        """Note those of a value."""
        if "{" in text:
            self._noted.append((field, find_names(text), place))

    def note_values(self, field: str, texts: Mapping[str, str], place: Place) -> None:
        """Note those of all values of an object."""
        for name, text in texts.items():
            self.note_text(f"{field}.{name}", text, place)

    def check(self, reader: DocumentReader, *, declared: Iterable[str], kept: frozenset[str]) -> set[str]:
        """Return the declared parameters that are used. Reports to the reader what nothing fills."""
        known = frozenset(declared)
        used = set()
        for field, names, place in self._noted:
            words = place.words | kept if place.with_kept else place.words
            for name in names:
                if name in known:
                    used.add(name)
                elif name not in words:
                    filled = ", ".join(f"{{{one}}}" for one in sorted(known | words)) or "nothing"
                    reader.report(
                        field,
                        f"has the placeholder {{{name[:64]}}}, which nothing fills. Describe it under parameters.{name[:64]}; filled there is: {filled}.",
                    )
        return used
