"""Identities from elsewhere that an API client may prove itself with: an IAM role, or what the tokens of an OIDC issuer say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_NAME = r"[A-Za-z0-9_+=,.@-]{1,64}"
_ROLE_ARN = re.compile(rf"arn:(aws[a-z-]*):iam::([0-9]{{12}}):role/(?:[\x21-\x2e\x30-\x7e]+/)*({_NAME})")
_SESSION_ARN = re.compile(rf"arn:(aws[a-z-]*):sts::([0-9]{{12}}):assumed-role/({_NAME})/{_NAME}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IamRole:
    """A role as AWS tells it of a signed request: by partition, account and name. A role's path is not told, and no account has a name twice.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (read 2026-11-21)
    """

    partition: str
    account: str
    name: str


def parse_role_arn(arn: str) -> IamRole | None:
    """Return the role of `arn:aws:iam::123456789012:role/path/Name`, or None where that is no role's ARN."""
    return _role(_ROLE_ARN.fullmatch(arn))


def parse_session_arn(arn: str) -> IamRole | None:
    """Return the role behind `arn:aws:sts::123456789012:assumed-role/Name/session`, or None: a user, the root and others have no role."""
    return _role(_SESSION_ARN.fullmatch(arn))


def _role(match: re.Match[str] | None) -> IamRole | None:
    return None if match is None else IamRole(partition=match[1], account=match[2], name=match[3])


class AudienceClaim(StrEnum):
    """Which claim says whom a token was made for: access tokens of some issuers have no `aud` and name the client instead."""

    AUD = "aud"
    CLIENT_ID = "client_id"
    AZP = "azp"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcBinding:
    """The tokens that one API client may be exchanged for: of this issuer, for this audience and, where given, about this subject alone."""

    issuer: str
    audience: str
    audience_claim: AudienceClaim = AudienceClaim.AUD
    subject: str | None = None

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Return whether a verified token of the issuer with these *claims* is meant; `aud` may be a list (RFC 7519 section 4.1.3), no other claim may."""
        said = claims.get(self.audience_claim)
        if self.audience_claim is AudienceClaim.AUD and isinstance(said, list):
            is_meant = self.audience in said
        else:
            is_meant = said == self.audience
        return is_meant and self.subject in (None, claims.get("sub"))
