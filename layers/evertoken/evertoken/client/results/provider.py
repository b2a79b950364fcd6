"""What is known of providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLifecycle(ApiResult):
    """Whether the provider will go on."""

    stage: str
    ends_on: str | None
    successor: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderParameter(ApiResult):
    """What has to be given, by the registration or by each connection; `operator_only`: by the registration."""

    name: str
    description: str
    required: bool
    default: str | None
    choices: tuple[str, ...]
    suffixes: tuple[str, ...]
    operator_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRotation(ApiResult):
    """What becomes of a refresh token that was used."""

    kind: str
    grace_seconds: int
    new_token: str
    kills_access_token: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimit(ApiResult):
    """A limit of the provider's on requests."""

    requests: int
    seconds: int
    per: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSharing(ApiResult):
    """What grants of one user do to each other."""

    limit: int | None
    refresh_ends_others: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFact(ApiResult):
    """What is not known, and what is done because of it."""

    field: str
    consequence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource(ApiResult):
    """Where a fact is known from, and the day on which it was read."""

    url: str
    checked_on: str
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProvider(ApiResult):
    """A provider in the list."""

    provider_id: str
    name: str
    origin: str
    extends: str | None
    documentation: str | None
    lifecycle: ProviderLifecycle
    grants: tuple[str, ...]
    parameters: tuple[ProviderParameter, ...]
    rotation: ProviderRotation
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableProvider(ApiResult):
    """An operator's document that this release cannot read, and why."""

    provider_id: str
    origin: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderList(ApiResult):
    """The shipped providers, then the operators' own."""

    providers: tuple[ListedProvider | UnreadableProvider, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider(ApiResult):
    """All that is shown of one provider; operators see the document of their own."""

    provider_id: str
    name: str
    origin: str
    extends: str | None
    documentation: str | None
    lifecycle: ProviderLifecycle
    grants: tuple[str, ...]
    parameters: tuple[ProviderParameter, ...]
    rotation: ProviderRotation
    issuer: str | None
    authorization_endpoint: str | None
    token_endpoint: str
    revocation_endpoint: str | None
    device_authorization_endpoint: str | None
    client_authentication: tuple[str, ...]
    pkce: str
    refresh_credential: str
    minimum_age_seconds: int
    access_token_lifetime_seconds: int | None
    refresh_token_lifetime_seconds: int | None
    grant_lifetime_seconds: int | None
    revocation_ends_grant: bool
    limits: tuple[ProviderLimit, ...]
    sharing: ProviderSharing
    authorization_parameters: tuple[str, ...]
    unknown: tuple[UnknownFact, ...]
    sources: Mapping[str, FactSource]
    document: Mapping[str, Any] | None
    """Only an operator's own, and only shown to operators."""
