"""The facts of a provider document that carry a source: client authentication, PKCE, rotation; and the lifetimes beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from evertoken.catalogue.document_reader import UNKNOWN, DocumentReader
from evertoken.catalogue.endpoint_url import find_url_problem
from evertoken.domain.provider import (
    ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS,
    Pkce,
    RefreshCredential,
    Rotation,
    RotationClass,
    Source,
)
from evertoken.domain.provider_shapes import ClientAuthentication

_DATE = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_YEARS_20 = 20 * 365 * 86_400
_DAYS_30 = 30 * 86_400


class Confidence(StrEnum):
    """How well a fact is known."""

    VERIFIED = "verified"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """How strictly a document is read: what is shipped must give a source for each fact."""

    allow_loopback: bool
    needs_sources: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long tokens live where an answer says nothing."""

    access_token_seconds: int | None = ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS
    access_token_is_assumed: bool = True
    refresh_token_seconds: int | None = None
    use_extends_refresh_token: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """What a refresh is done with, and when it can be done."""

    credential: RefreshCredential = RefreshCredential.REFRESH_TOKEN
    minimum_age_seconds: int = 0
    after_expiry: bool = True


def read_client_authentication(
    reader: DocumentReader, rules: ReadingRules, sources: dict[str, Source]
) -> tuple[tuple[ClientAuthentication, ...], bool]:
    """Return the methods and whether Basic is form-encoded, from the section `client_authentication`. Raises InvalidInputError."""
    section = find_section(reader, "client_authentication", rules)
    if section is None:
        return (ClientAuthentication.CLIENT_SECRET_BASIC,), True
    methods = section.choices("methods", ClientAuthentication) or (ClientAuthentication.CLIENT_SECRET_BASIC,)
    form_encodes_basic = section.truth("form_encodes_basic", unknown=True)
    read_source(section, "client_authentication", rules, sources)
    section.close()
    return methods, form_encodes_basic


def read_pkce(reader: DocumentReader, rules: ReadingRules, sources: dict[str, Source]) -> Pkce:
    """Return the section `pkce`. Raises InvalidInputError."""
    section = find_section(reader, "pkce", rules)
    if section is None:
        return Pkce.UNKNOWN
    support = section.choice("support", Pkce, Pkce.UNKNOWN)
    read_source(section, "pkce", rules, sources)
    section.close()
    return support


def read_rotation(
    reader: DocumentReader, rules: ReadingRules, sources: dict[str, Source]
) -> tuple[Rotation, bool]:
    """Return the rotation and whether a refresh kills the access token, from the section `rotation`. Raises InvalidInputError."""
    section = find_section(reader, "rotation", rules)
    if section is None:
        return Rotation(), False
    kind = section.choice("kind", RotationClass, RotationClass.UNKNOWN)
    grace = section.integer("grace_seconds", least=1, most=_DAYS_30)
    if (kind is RotationClass.GRACE) != (grace is not None):
        raise section.refuse(
            "grace_seconds", 'must be a whole number of seconds, exactly where kind is "grace".'
        )
    kills_access_token = section.truth("kills_access_token", unknown=False)
    read_source(section, "rotation", rules, sources)
    section.close()
    return Rotation(kind=kind, grace_seconds=grace or 0), kills_access_token


def read_lifetimes(reader: DocumentReader, sources: dict[str, Source]) -> Lifetimes:
    """Return the section `lifetimes`: an hour is assumed where nothing is known, `never` must be said. Raises InvalidInputError."""
    section = reader.object("lifetimes")
    if section is None:
        return Lifetimes()
    value = section.take("access_token_seconds") if section.has("access_token_seconds") else UNKNOWN
    is_assumed = value == UNKNOWN
    if not is_assumed and value != "never" and not (type(value) is int and 1 <= value <= _YEARS_20):
        raise section.refuse(
            "access_token_seconds", 'must be a whole number of seconds, "never" or "unknown".'
        )
    known = value if type(value) is int else None
    lifetimes = Lifetimes(
        access_token_seconds=ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS if is_assumed else known,
        access_token_is_assumed=is_assumed,
        refresh_token_seconds=section.integer("refresh_token_seconds", least=60, most=_YEARS_20),
        use_extends_refresh_token=section.truth("use_extends_refresh_token", unknown=False),
    )
    _close(section, "lifetimes", sources)
    return lifetimes


def read_refreshing(reader: DocumentReader, sources: dict[str, Source]) -> Refreshing:
    """Return the section `refresh`. Raises InvalidInputError."""
    section = reader.object("refresh")
    if section is None:
        return Refreshing()
    refreshing = Refreshing(
        credential=section.choice("credential", RefreshCredential, RefreshCredential.REFRESH_TOKEN),
        minimum_age_seconds=section.integer("minimum_age_seconds", least=0, most=_DAYS_30) or 0,
        after_expiry=section.truth("after_expiry", unknown=True),
    )
    _close(section, "refresh", sources)
    return refreshing


def read_revocation_ends_grant(reader: DocumentReader, sources: dict[str, Source]) -> bool:
    """Return whether a revocation ends the whole grant, from the section `revocation`; unknown counts as true. Raises InvalidInputError."""
    section = reader.object("revocation")
    if section is None:
        return True
    ends_grant = section.truth("ends_grant", unknown=True)
    _close(section, "revocation", sources)
    return ends_grant


def _close(section: DocumentReader, name: str, sources: dict[str, Source]) -> None:
    read_source(section, name, ReadingRules(allow_loopback=True, needs_sources=False), sources)
    section.close()


def find_section(reader: DocumentReader, member: str, rules: ReadingRules) -> DocumentReader | None:
    """Take a section that a shipped document must have. Raises InvalidInputError."""
    section = reader.object(member)
    if section is None and rules.needs_sources:
        raise reader.refuse(
            member, f'is missing. Say "{UNKNOWN}" where it is not known, with the source that was read.'
        )
    return section


def read_source(section: DocumentReader, name: str, rules: ReadingRules, sources: dict[str, Source]) -> None:
    """Put the section's source into *sources* under *name*. Raises InvalidInputError."""
    source = section.object("source")
    if source is None:
        if rules.needs_sources:
            raise section.refuse(
                "source", "is missing. Name the page that says so: url, checked_on and confidence."
            )
        return
    url = read_url(source, "url", ReadingRules(allow_loopback=rules.allow_loopback, needs_sources=False))
    checked_on = source.text("checked_on", pattern=_DATE, mend="must be a date such as 2026-11-21.")
    confidence = source.find_choice("confidence", Confidence)
    if url is None or checked_on is None or confidence is None:
        raise section.refuse("source", "must have url, checked_on and confidence.")
    source.close()
    sources[name] = Source(url=url, checked_on=checked_on, confidence=confidence.value)


def read_url(
    reader: DocumentReader, member: str, rules: ReadingRules, *, may_be_unknown: bool = False
) -> str | None:
    """Take an endpoint's URL, or None when it is absent (or `unknown`, where that is allowed). Raises InvalidInputError."""
    url = reader.known_text(member) if may_be_unknown else reader.text(member)
    problem = None if url is None else find_url_problem(url, allow_loopback=rules.allow_loopback)
    if problem:
        raise reader.refuse(member, problem)
    return url
