"""Providers and client registrations: what operators keep."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, Timestamp
from evertoken.entrypoints.registrations_api import ProviderListParameters, RegistrationBody

PROVIDERS, REGISTRATIONS = "Providers", "Client registrations"


class ProviderLifecycle(AnswerModel):
    """Whether the provider will go on."""

    stage: str
    ends_on: str | None
    successor: str | None
    note: str | None


class ProviderParameter(AnswerModel):
    """What has to be given, by the registration or by each connection; `operator_only`: by the registration."""

    name: str
    description: str
    required: bool
    default: str | None
    choices: list[str]
    suffixes: list[str]
    operator_only: bool


class ProviderRotation(AnswerModel):
    """What becomes of a refresh token that was used."""

    kind: str
    grace_seconds: int
    new_token: str
    kills_access_token: bool


class ListedProvider(AnswerModel):
    """A provider in the list."""

    provider_id: str
    name: str
    origin: Literal["shipped", "operator"]
    extends: str | None
    documentation: str | None
    lifecycle: ProviderLifecycle
    grants: list[str]
    parameters: list[ProviderParameter]
    rotation: ProviderRotation
    unknown: list[str]


class UnreadableProvider(AnswerModel):
    """An operator's document that this release cannot read, and why."""

    provider_id: str
    origin: Literal["operator"]
    problem: str


class ProviderLimit(AnswerModel):
    """A limit of the provider's on requests."""

    requests: int
    seconds: int
    per: str


class ProviderSharing(AnswerModel):
    """What grants of one user do to each other."""

    limit: int | None
    refresh_ends_others: bool


class UnknownFact(AnswerModel):
    """What is not known, and what is done because of it."""

    field: str
    consequence: str


class FactSource(AnswerModel):
    """Where a fact is known from, and the day on which it was read."""

    url: str
    checked_on: str
    confidence: str


class Provider(AnswerModel):
    """All that is shown of one provider; operators see the document of their own."""

    provider_id: str
    name: str
    origin: Literal["shipped", "operator"]
    extends: str | None
    documentation: str | None
    lifecycle: ProviderLifecycle
    grants: list[str]
    parameters: list[ProviderParameter]
    rotation: ProviderRotation
    issuer: str | None
    authorization_endpoint: str | None
    token_endpoint: str
    revocation_endpoint: str | None
    device_authorization_endpoint: str | None
    client_authentication: list[str]
    pkce: str
    refresh_credential: str
    minimum_age_seconds: int
    access_token_lifetime_seconds: int | None
    refresh_token_lifetime_seconds: int | None
    grant_lifetime_seconds: int | None
    revocation_ends_grant: bool
    limits: list[ProviderLimit]
    sharing: ProviderSharing
    authorization_parameters: list[str]
    unknown: list[UnknownFact]
    sources: dict[str, FactSource]
    document: Annotated[
        dict[str, Any], Field(description="Only an operator's own, and only shown to operators.")
    ] = Field(default_factory=dict)


class ProviderList(AnswerModel):
    """The shipped providers, then the operators' own."""

    providers: list[ListedProvider | UnreadableProvider]


class SigningKey(AnswerModel):
    """The key that signs a client's assertions, without its private half."""

    algorithm: str
    key_id: str | None
    kms_key_id: str | None
    certificate_thumbprint: str | None


class Registration(AnswerModel):
    """A client registration; its secrets go in and never come out."""

    registration_id: str
    provider: str
    client_id: str
    has_secret: bool
    tenants: list[str]
    scopes: list[str]
    has_private_key: bool
    client_authentication: str | None
    signing_key: SigningKey | None
    parameters: dict[str, str]
    redirect_uri: Annotated[str, Field(description="Register this at the provider.")]
    paused_until: Timestamp | None
    version: int
    created_at: Timestamp
    updated_at: Timestamp


class RegistrationList(AnswerModel):
    """All client registrations, by id."""

    registrations: list[Registration]


_PROVIDER = {"provider_id": "The provider's id; an operator chooses that of an own one."}
_REGISTRATION = {"registration_id": "The client registration's id, which an operator chooses."}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="GET /v1/providers",
        tag=PROVIDERS,
        summary="List providers, shipped and own",
        description="`search` is a part of an id, a name, or the id of what is extended.",
        parameters=ProviderListParameters,
        answers={200: ProviderList},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="GET /v1/providers/{provider_id}",
        tag=PROVIDERS,
        summary="Read a provider with the sources of its facts",
        path=_PROVIDER,
        answers={200: Provider},
        errors=("BAD_REQUEST", "NOT_FOUND"),
    ),
    Operation(
        key="PUT /v1/providers/{provider_id}",
        tag=PROVIDERS,
        summary="Add or change an own provider",
        description=(
            "The body is a document of the provider schema, or a `name` and an `issuer` whose metadata is fetched once and kept."
        ),
        path=_PROVIDER,
        body=dict[str, Any],
        answers={200: Provider},
        errors=("BAD_REQUEST", "CONFLICT", "PROVIDER_UNAVAILABLE", "UNKNOWN_PROVIDER"),
    ),
    Operation(
        key="DELETE /v1/providers/{provider_id}",
        tag=PROVIDERS,
        summary="Remove an own provider that nothing uses",
        path=_PROVIDER,
        answers={204: None},
        errors=("CONFLICT", "NOT_FOUND"),
    ),
    Operation(
        key="GET /v1/registrations",
        tag=REGISTRATIONS,
        summary="List client registrations",
        answers={200: RegistrationList},
    ),
    Operation(
        key="GET /v1/registrations/{registration_id}",
        tag=REGISTRATIONS,
        summary="Read a client registration, without its secrets",
        path=_REGISTRATION,
        answers={200: Registration},
        errors=("NOT_FOUND",),
    ),
    Operation(
        key="PUT /v1/registrations/{registration_id}",
        tag=REGISTRATIONS,
        summary="Add or change a client registration; ends a pause",
        description="Without `client_secret` and `private_key` the stored ones are kept.",
        path=_REGISTRATION,
        body=RegistrationBody,
        answers={200: Registration},
        errors=(
            "BAD_REQUEST",
            "CONFLICT",
            "SIGNER_UNAVAILABLE",
            "SIGNING_KEY_REFUSED",
            "UNKNOWN_PROVIDER",
        ),
    ),
    Operation(
        key="DELETE /v1/registrations/{registration_id}",
        tag=REGISTRATIONS,
        summary="Remove a client registration and its secrets",
        path=_REGISTRATION,
        answers={204: None},
        errors=("CONFLICT", "NOT_FOUND"),
    ),
)
