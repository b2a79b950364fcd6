"""The facts of a provider document about keeping a grant alive: refreshing, lifetimes, limits, sharing and revocation.

What is unverified can only make a refresh earlier or rarer, never later or bolder.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from evertoken.catalogue.document_patterns import DAYS_30_SECONDS, YEARS_20_SECONDS
from evertoken.catalogue.document_reader import UNKNOWN, DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section
from evertoken.domain.provider import ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS, RefreshCredential
from evertoken.domain.provider_shapes import GrantSharing, LimitScope, RequestLimit

NEVER = "never"
_MOST_LIMITS = 8
_MOST_REQUESTS = 1_000_000


class RevokedToken(StrEnum):
    """Which token a revocation takes."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105  # a name, no secret
    ACCESS_TOKEN = "access_token"  # noqa: S105  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshing:
    """The section `refresh`."""

    credential: RefreshCredential = RefreshCredential.REFRESH_TOKEN
    minimum_age_seconds: int = 0
    maximum_age_seconds: int | None = None
    window_seconds: int | None = None
    after_expiry: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """The section `lifetimes`: how long tokens live where an answer says nothing."""

    access_token_seconds: int | None = ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS
    access_token_is_assumed: bool = True
    refresh_token_seconds: int | None = None
    use_extends_refresh_token: bool = False
    grant_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoking:
    """The section `revocation`; *takes_access_token* is None where it does not say."""

    ends_grant: bool = True
    takes_access_token: bool | None = None


def read_refreshing(reader: DocumentReader, reading: Reading) -> Refreshing:
    """Return the section `refresh`. Reports to the reader."""
    section = reader.object("refresh")
    if section is None:
        return Refreshing()
    refreshing = Refreshing(
        credential=section.choice("credential", RefreshCredential, RefreshCredential.REFRESH_TOKEN),
        minimum_age_seconds=section.integer("minimum_age_seconds", least=0, most=DAYS_30_SECONDS) or 0,
        maximum_age_seconds=section.integer("maximum_age_seconds", least=60, most=YEARS_20_SECONDS),
        window_seconds=section.integer("window_seconds", least=1, most=DAYS_30_SECONDS),
        after_expiry=section.truth("after_expiry", unknown=True),
    )
    close_section(section, "refresh", reading)
    return refreshing


def read_lifetimes(reader: DocumentReader, reading: Reading, *, has_refresh_token: bool) -> Lifetimes:
    """Return the section `lifetimes`: an hour is assumed where nothing is known, `never` must be said. Reports to the reader.

    Unverified, a life of more than an hour counts as an hour, `never` likewise where there is a refresh token (*has_refresh_token*), and use does not
    extend.
    """
    section = reader.object("lifetimes")
    if section is None:
        return Lifetimes()
    said = _take_access_token_seconds(section)
    refresh_token_seconds = section.integer("refresh_token_seconds", least=60, most=YEARS_20_SECONDS)
    use_extends = section.truth("use_extends_refresh_token", unknown=False)
    grant_seconds = section.integer("grant_seconds", least=60, most=YEARS_20_SECONDS)
    close_section(section, "lifetimes", reading)
    is_unverified = reading.is_unverified("lifetimes")
    is_never = said == NEVER and not (is_unverified and has_refresh_token)
    seconds = said if isinstance(said, int) else None
    if is_unverified and seconds is not None and seconds > ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS:
        seconds = None
    is_assumed = seconds is None and not is_never
    return Lifetimes(
        access_token_seconds=ASSUMED_ACCESS_TOKEN_LIFETIME_SECONDS if is_assumed else seconds,
        access_token_is_assumed=is_assumed,
        refresh_token_seconds=refresh_token_seconds,
        use_extends_refresh_token=use_extends and not is_unverified,
        grant_seconds=grant_seconds,
    )


def _take_access_token_seconds(section: DocumentReader) -> int | str | None:
    value = section.take("access_token_seconds") if section.has("access_token_seconds") else UNKNOWN
    if value == UNKNOWN:
        return None
    if value == NEVER or (type(value) is int and 1 <= value <= YEARS_20_SECONDS):
        return value if isinstance(value, int) else NEVER
    section.report("access_token_seconds", 'must be a whole number of seconds, "never" or "unknown".')
    return None


def read_limits(reader: DocumentReader, reading: Reading) -> tuple[RequestLimit, ...]:
    """Return the list `limits`. Reports to the reader."""
    limits = []
    for index, limit in enumerate(reader.objects("limits", limit=_MOST_LIMITS)):
        requests = limit.count("requests", least=1, most=_MOST_REQUESTS)
        seconds = limit.count("seconds", least=1, most=DAYS_30_SECONDS)
        scope = limit.find_choice("per", LimitScope)
        for member, value in (("requests", requests), ("seconds", seconds), ("per", scope)):
            if value is None:
                limit.report(member, "is missing. A limit has requests, seconds and per.")
        close_section(limit, f"limits[{index}]", reading)
        if requests and seconds and scope:
            limits.append(RequestLimit(requests=requests, seconds=seconds, scope=scope))
    return tuple(limits)


def read_sharing(reader: DocumentReader, reading: Reading) -> GrantSharing:
    """Return the section `sharing`. Reports to the reader."""
    section = reader.object("sharing")
    if section is None:
        return GrantSharing()
    sharing = GrantSharing(
        limit=section.integer("limit", least=1, most=_MOST_REQUESTS),
        refresh_ends_others=section.truth("refresh_ends_others", unknown=False),
    )
    close_section(section, "sharing", reading)
    return sharing


def read_revoking(reader: DocumentReader, reading: Reading) -> Revoking:
    """Return the section `revocation`; that it ends the whole grant is assumed where it is unknown. Reports to the reader."""
    section = reader.object("revocation")
    if section is None:
        return Revoking()
    ends_grant = section.truth("ends_grant", unknown=True)
    token = section.find_choice("token", RevokedToken)
    close_section(section, "revocation", reading)
    # Unverified, that other connections survive is not relied upon.
    return Revoking(
        ends_grant=ends_grant or reading.is_unverified("revocation"),
        takes_access_token=None if token is None else token is RevokedToken.ACCESS_TOKEN,
    )
