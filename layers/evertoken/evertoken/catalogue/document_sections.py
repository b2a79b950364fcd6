"""What all sections of a provider document have in common: how strictly they are read, their sources, and URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from evertoken.catalogue.document_patterns import DATE, DATE_MEND
from evertoken.catalogue.document_reader import UNKNOWN, DocumentReader
from evertoken.catalogue.endpoint_url import find_url_problem
from evertoken.catalogue.placeholders import ENDPOINT_PATH, Place, Placeholders
from evertoken.domain.provider import Source
from evertoken.domain.provider_shapes import TemplateParameter


class Confidence(StrEnum):
    """How well a fact is known."""

    VERIFIED = "verified"
    """The vendor's own page or a published standard says so."""
    SECONDARY = "secondary"
    """Somebody else's page or code says so."""
    UNVERIFIED = "unverified"
    """It is remembered. What could lengthen a life or repeat a request is not used then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a document is read, and the `sources` and `placeholders` that were found on the way.

    *needs_sources*: what is shipped must give a source for each section that it has, and must have those of `find_needed_section`. *parameters* are
    what the document declares.
    """

    allow_loopback: bool
    needs_sources: bool
    parameters: Mapping[str, TemplateParameter]
    sources: dict[str, Source] = field(default_factory=dict)
    placeholders: Placeholders = field(default_factory=Placeholders)

    def is_unverified(self, section: str) -> bool:
        """Return whether the section says of itself that it is only remembered; an operator's word without a source is believed."""
        source = self.sources.get(section)
        return source is not None and source.confidence == Confidence.UNVERIFIED


def find_needed_section(reader: DocumentReader, member: str, reading: Reading) -> DocumentReader | None:
    """Take a section that a shipped document must have. Reports to the reader."""
    section = reader.object(member)
    if section is None and reading.needs_sources:
        reader.report(
            member, f'is missing. Say "{UNKNOWN}" where it is not known, with the source that was read.'
        )
    return section


def close_section(section: DocumentReader, name: str, reading: Reading) -> None:
    """Take the section's source, known as *name* from then on, and refuse what is left. Reports to the section."""
    source = section.object("source")
    if source is not None:
        _read_source(source, name, reading)
    elif reading.needs_sources:
        section.report(
            "source",
            "is missing. Name the page that says so: url, checked_on and confidence, or leave the section out.",
        )
    section.close()


def _read_source(source: DocumentReader, name: str, reading: Reading) -> None:
    url = read_page(source, "url", reading)
    checked_on = source.text("checked_on", pattern=DATE, mend=DATE_MEND)
    confidence = source.find_choice("confidence", Confidence)
    for member, value in (("url", url), ("checked_on", checked_on), ("confidence", confidence)):
        if value is None:
            source.report(member, "is missing. A source has url, checked_on and confidence.")
    source.close()
    if url is not None and checked_on is not None and confidence is not None:
        reading.sources[name] = Source(url=url, checked_on=checked_on, confidence=confidence.value)


def read_url(
    reader: DocumentReader,
    member: str,
    reading: Reading,
    *,
    may_be_unknown: bool = False,
    place: Place = ENDPOINT_PATH,
) -> str | None:
    """Take a URL with placeholders of *place* in its path, or None when it is absent (or `unknown`, where that is allowed). Reports to the reader."""
    url = reader.known_text(member) if may_be_unknown else reader.text(member)
    if url is None:
        return None
    problem = find_url_problem(url, allow_loopback=reading.allow_loopback, parameters=reading.parameters)
    if problem is not None:
        reader.report(member, problem)
        return None
    reading.placeholders.note_url(reader.name_of(member), url, place)
    return url


def read_page(reader: DocumentReader, member: str, reading: Reading) -> str | None:
    """Take the URL of a page for people, or None when it is absent. Reports to the reader."""
    url = reader.text(member)
    schemes = ("https://", "http://") if reading.allow_loopback else ("https://",)
    if url is not None and not url.startswith(schemes):
        reader.report(member, "must begin with https://.")
    return url
