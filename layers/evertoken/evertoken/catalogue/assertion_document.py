"""The part of a provider document that says what a signed assertion holds."""

from __future__ import annotations

import re
from enum import StrEnum

from evertoken.catalogue.document_patterns import PARAMETER_VALUE
from evertoken.catalogue.document_reader import DocumentReader
from evertoken.catalogue.document_sections import Reading
from evertoken.catalogue.placeholders import CLAIM, NOWHERE
from evertoken.domain.assertion import RFC_ASSERTION, AssertionShape, SigningAlgorithm

_AUDIENCE = re.compile(r"[\x21-\x7e]{1,256}")
_CLAIM_NAME = re.compile(r"(?!(?:exp|iat|nbf)\Z)[A-Za-z0-9_.:/-]{1,128}")
"""Instants are numbers and counted here: an assertion whose end is a text is refused everywhere."""


class OptionalClaim(StrEnum):
    """The claims that may be left out: an assertion that does not end is refused everywhere (RFC 7523 section 3)."""

    ISS = "iss"
    SUB = "sub"
    AUD = "aud"
    IAT = "iat"
    JTI = "jti"


def parse_assertion(reader: DocumentReader | None, reading: Reading) -> AssertionShape:
    """Return what *reader* says of an assertion; what it leaves out is as RFC 7523 has it. Reports to the reader."""
    if reader is None:
        return RFC_ASSERTION
    shape = AssertionShape(
        algorithms=reader.choices("algorithms", SigningAlgorithm) or RFC_ASSERTION.algorithms,
        audience=reader.text(
            "audience", pattern=_AUDIENCE, mend='must be "issuer", "token_endpoint" or the value itself.'
        )
        or RFC_ASSERTION.audience,
        lifetime_seconds=reader.count("lifetime_seconds", least=10, most=3600)
        or RFC_ASSERTION.lifetime_seconds,
        claims=reader.mapping(
            "claims",
            names=_CLAIM_NAME,
            values=PARAMETER_VALUE,
            mend="must be a claim's name (but exp, iat and nbf, which Evertoken counts) and a text.",
            limit=16,
        ),
        omits=frozenset(claim.value for claim in reader.choices("omits", OptionalClaim)),
    )
    reading.placeholders.note_text(reader.name_of("audience"), shape.audience, NOWHERE)
    reading.placeholders.note_values(reader.name_of("claims"), shape.claims, CLAIM)
    reader.close()
    return shape
