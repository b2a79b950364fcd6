"""The facts of a provider document that every entry has: endpoints, client authentication, PKCE and rotation; and where the provider is in its life."""

from __future__ import annotations

from dataclasses import dataclass

from evertoken.catalogue.assertion_document import parse_assertion
from evertoken.catalogue.document_patterns import (
    DATE,
    DATE_MEND,
    DAYS_30_SECONDS,
    PROVIDER_ID,
    PROVIDER_ID_MEND,
)
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading, close_section, find_needed_section, read_url
from evertoken.catalogue.placeholders import REQUEST_PATH
from evertoken.domain.assertion import RFC_ASSERTION, AssertionShape
from evertoken.domain.provider import ChallengeMethod, NewRefreshToken, Pkce, Rotation, RotationClass
from evertoken.domain.provider_shapes import ACTIVE, Lifecycle, Stage
from evertoken.domain.request_shape import ClientAuthentication


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The section `endpoints`."""

    token: str
    authorization: str | None = None
    revocation: str | None = None
    device_authorization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The section `client_authentication`."""

    methods: tuple[ClientAuthentication, ...] = (ClientAuthentication.CLIENT_SECRET_BASIC,)
    form_encodes_basic: bool = True
    assertion: AssertionShape = RFC_ASSERTION


def read_endpoints(reader: DocumentReader, reading: Reading) -> Endpoints:
    """Return the section `endpoints`. Reports to the reader."""
    section = reader.object("endpoints")
    if section is None:
        reader.report(
            "endpoints",
            "is missing. Name at least endpoints.token, or give an issuer and let its metadata be discovered.",
        )
        return Endpoints(token="")
    token = read_url(section, "token", reading)
    if token is None:
        section.report("token", "is missing. Name the token endpoint.")
    endpoints = Endpoints(
        token=token or "",
        authorization=read_url(section, "authorization", reading, may_be_unknown=True),
        revocation=read_url(section, "revocation", reading, may_be_unknown=True, place=REQUEST_PATH),
        device_authorization=read_url(section, "device_authorization", reading, may_be_unknown=True),
    )
    close_section(section, "endpoints", reading)
    return endpoints


def read_client_authentication(reader: DocumentReader, reading: Reading) -> Authentication:
    """Return the section `client_authentication`. Reports to the reader."""
    section = find_needed_section(reader, "client_authentication", reading)
    if section is None:
        return Authentication()
    authentication = Authentication(
        methods=section.choices("methods", ClientAuthentication)
        or (ClientAuthentication.CLIENT_SECRET_BASIC,),
        form_encodes_basic=section.truth("form_encodes_basic", unknown=True),
        assertion=parse_assertion(section.object("assertion"), reading),
    )
    close_section(section, "client_authentication", reading)
    return authentication


def read_pkce(reader: DocumentReader, reading: Reading) -> tuple[Pkce, ChallengeMethod]:
    """Return the section `pkce`. Reports to the reader."""
    section = find_needed_section(reader, "pkce", reading)
    if section is None:
        return Pkce.UNKNOWN, ChallengeMethod.S256
    support = section.choice("support", Pkce, Pkce.UNKNOWN)
    method = section.choice("method", ChallengeMethod, ChallengeMethod.S256)
    close_section(section, "pkce", reading)
    return support, method


def read_rotation(reader: DocumentReader, reading: Reading) -> tuple[Rotation, bool]:
    """Return the rotation and whether a refresh kills the access token, from the section `rotation`.

    What is unverified counts as unknown, and so as the strictest: a wrong `static` or grace would repeat a request that ends the grant. Reports to the
    reader.
    """
    section = find_needed_section(reader, "rotation", reading)
    if section is None:
        return Rotation(), False
    kind = section.choice("kind", RotationClass, RotationClass.UNKNOWN)
    grace = section.integer("grace_seconds", least=1, most=DAYS_30_SECONDS)
    if (kind is RotationClass.GRACE) != (grace is not None):
        section.report("grace_seconds", 'must be a whole number of seconds, exactly where kind is "grace".')
    rotation = Rotation(
        kind=kind,
        grace_seconds=grace or 0,
        grace_ends_on_use=section.truth("grace_ends_on_use", unknown=False),
        new_token=section.choice("new_token", NewRefreshToken, NewRefreshToken.UNKNOWN),
    )
    kills_access_token = section.truth("kills_access_token", unknown=False)
    close_section(section, "rotation", reading)
    return (Rotation() if reading.is_unverified("rotation") else rotation), kills_access_token


def read_lifecycle(reader: DocumentReader, reading: Reading) -> Lifecycle:
    """Return the section `lifecycle`. Reports to the reader."""
    section = reader.object("lifecycle")
    if section is None:
        return ACTIVE
    stage = section.find_choice("stage", Stage)
    if stage is None:
        section.report("stage", f"is missing. It is one of: {', '.join(Stage)}.")
    lifecycle = Lifecycle(
        stage=stage or Stage.ACTIVE,
        ends_on=section.text("ends_on", pattern=DATE, mend=DATE_MEND),
        successor=section.text("successor", pattern=PROVIDER_ID, mend=PROVIDER_ID_MEND),
        note=section.text("note"),
    )
    close_section(section, "lifecycle", reading)
    return lifecycle
