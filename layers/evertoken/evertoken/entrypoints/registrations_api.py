"""The routes of providers and client registrations: operators change them, and secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from evertoken import bootstrap_api, bootstrap_operations
from evertoken.bootstrap import build_admission, build_revocation_list, build_verifier
from evertoken.domain.access_token import CONNECTIONS_READ, OPERATOR
from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.instants import to_iso
from evertoken.domain.registration import ClientRegistration
from evertoken.entrypoints.api import Api, Request, Route
from evertoken.entrypoints.body_model import Model, ResourceId, Scope, parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.provider_view import view_listed_provider, view_whole_provider
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import RegistrationsApiSettings
from evertoken.usecases import manage_providers, manage_registrations
from evertoken.usecases.manage_providers import ProviderDependencies
from evertoken.usecases.manage_registrations import RegistrationDependencies, RegistrationWish
from evertoken.usecases.start_authorization import redirect_uri_of

TenantOrAll = Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,39})$")]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
ClientId = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x20-\x7e]+$")]
PrivateKey = Annotated[
    str,
    Field(
        min_length=64,
        max_length=16384,
        pattern=r"^\s*-----BEGIN (RSA |EC )?PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END (RSA |EC )?PRIVATE KEY-----\s*$",
    ),
]
ClientSecret = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationsApiDependencies:
    """What the routes need."""

    providers: ProviderDependencies
    registrations: RegistrationDependencies


class SigningKeyBody(Model):
    """The key that signs a client's assertions; without kms_key_id it is the private_key beside it."""

    algorithm: Literal["RS256", "PS256", "ES256", "ES384", "EdDSA"]
    key_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,256}$")] | None = None
    kms_key_id: (
        Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$")] | None
    ) = None
    certificate_thumbprint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")] | None = None


class RegistrationBody(Model):
    """PUT /v1/registrations/{registration_id}; without client_secret and private_key the stored ones are kept."""

    provider: ResourceId
    client_id: ClientId
    client_secret: ClientSecret | None = None
    tenants: Annotated[list[TenantOrAll], Field(min_length=1, max_length=1000)]
    scopes: Annotated[list[Scope], Field(max_length=100)] = Field(default_factory=list)
    client_authentication: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")] | None = None
    signing_key: SigningKeyBody | None = None
    private_key: PrivateKey | None = None
    parameters: Annotated[
        dict[ParameterName, Annotated[str, Field(max_length=128)]], Field(max_length=10)
    ] = Field(default_factory=dict)


class _RegistrationPath(Model):
    registration_id: ResourceId


class ProviderListParameters(Model):
    """The query of GET /v1/providers; *search* is a part of an id, a name or the id of what is extended."""

    search: Annotated[str, Field(max_length=80)] = ""


class _ProviderPath(Model):
    provider_id: ResourceId


def registration_routes(deps: RegistrationsApiDependencies) -> tuple[Route, ...]:
    """Return the routes of providers and client registrations; who may see connections may see the providers."""
    routes = _Routes(deps)
    provider, registration = "/v1/providers/{provider_id}", "/v1/registrations/{registration_id}"
    return (
        Route(
            key="GET /v1/providers",
            handle=routes.list_providers,
            scope=OPERATOR,
            or_scope=CONNECTIONS_READ,
        ),
        Route(key=f"GET {provider}", handle=routes.get_provider, scope=OPERATOR, or_scope=CONNECTIONS_READ),
        Route(key=f"PUT {provider}", handle=routes.put_provider, scope=OPERATOR, action="provider.put"),
        Route(
            key=f"DELETE {provider}", handle=routes.delete_provider, scope=OPERATOR, action="provider.delete"
        ),
        Route(key="GET /v1/registrations", handle=routes.list_registrations, scope=OPERATOR),
        Route(key=f"GET {registration}", handle=routes.get_registration, scope=OPERATOR),
        Route(
            key=f"PUT {registration}",
            handle=routes.put_registration,
            scope=OPERATOR,
            action="registration.put",
        ),
        Route(
            key=f"DELETE {registration}",
            handle=routes.delete_registration,
            scope=OPERATOR,
            action="registration.delete",
        ),
    )


class _Routes:
    def __init__(self, deps: RegistrationsApiDependencies) -> None:
        self._providers = deps.providers
        self._registrations = deps.registrations

    def list_providers(self, request: Request) -> Answer:
        search = parse_model(ProviderListParameters, request.query()).search
        kept = manage_providers.list_providers(self._providers, search)
        return Answer(body={"providers": [view_listed_provider(one) for one in kept]})

    def get_provider(self, request: Request) -> Answer:
        kept = manage_providers.get_provider(self._providers, request.path["provider_id"])
        return Answer(body=view_whole_provider(kept, is_operator=_is_operator(request)))

    def put_provider(self, request: Request) -> Answer:
        provider_id = parse_model(_ProviderPath, request.path).provider_id
        kept = manage_providers.put_provider(self._providers, provider_id, get_json_object(request.event))
        return Answer(body=view_whole_provider(kept, is_operator=True), logged={"provider": provider_id})

    def delete_provider(self, request: Request) -> Answer:
        manage_providers.delete_provider(self._providers, request.path["provider_id"])
        return Answer(status=204)

    def list_registrations(self, request: Request) -> Answer:
        registrations = manage_registrations.list_registrations(self._registrations)
        return Answer(
            body={"registrations": [_view_registration(one, request.base_url) for one in registrations]}
        )

    def get_registration(self, request: Request) -> Answer:
        registration = manage_registrations.get_registration(
            self._registrations, request.path["registration_id"]
        )
        return Answer(body=_view_registration(registration, request.base_url))

    def put_registration(self, request: Request) -> Answer:
        registration_id = parse_model(_RegistrationPath, request.path).registration_id
        body = parse_model(RegistrationBody, get_json_object(request.event))
        wish = RegistrationWish(
            registration_id=registration_id,
            provider_id=body.provider,
            client_id=body.client_id,
            client_secret=body.client_secret,
            tenants=tuple(body.tenants),
            scopes=tuple(body.scopes),
            client_authentication=body.client_authentication,
            signing_key=None if body.signing_key is None else _signing_key(body.signing_key),
            private_key=body.private_key,
            parameters=body.parameters,
        )
        registration = manage_registrations.put_registration(self._registrations, wish)
        return Answer(
            body=_view_registration(registration, request.base_url), logged={"registration": registration_id}
        )

    def delete_registration(self, request: Request) -> Answer:
        manage_registrations.delete_registration(self._registrations, request.path["registration_id"])
        return Answer(status=204)


def _is_operator(request: Request) -> bool:
    return request.caller is not None and OPERATOR in request.caller.scopes


def _signing_key(body: SigningKeyBody) -> SigningKey:
    return SigningKey(
        algorithm=SigningAlgorithm(body.algorithm),
        key_id=body.key_id,
        kms_key_id=body.kms_key_id,
        certificate_thumbprint=body.certificate_thumbprint,
    )


def _view_signing_key(key: SigningKey | None) -> dict[str, str | None] | None:
    if key is None:
        return None
    return {
        "algorithm": key.algorithm.value,
        "key_id": key.key_id,
        "kms_key_id": key.kms_key_id,
        "certificate_thumbprint": key.certificate_thumbprint,
    }


def _view_registration(registration: ClientRegistration, base_url: str) -> dict[str, Any]:
    paused_until = registration.paused_until
    return {
        "registration_id": registration.registration_id,
        "provider": registration.provider_id,
        "client_id": registration.client_id,
        "has_secret": registration.has_secret,
        "tenants": list(registration.tenants),
        "scopes": list(registration.scopes),
        "has_private_key": registration.has_private_key,
        "client_authentication": registration.client_authentication,
        "signing_key": _view_signing_key(registration.signing_key),
        "parameters": dict(registration.parameters),
        "redirect_uri": redirect_uri_of(base_url, registration.registration_id),
        "paused_until": None if paused_until is None else to_iso(paused_until),
        "version": registration.version,
        "created_at": to_iso(registration.created_at),
        "updated_at": to_iso(registration.updated_at),
    }


def build_registrations_api(environ: Mapping[str, str]) -> Api:
    """Return the registrations API for this environment. Raises ConfigurationError."""
    settings = RegistrationsApiSettings.from_env(environ)
    dependencies = RegistrationsApiDependencies(
        providers=bootstrap_api.build_providers(settings),
        registrations=bootstrap_api.build_registrations(settings),
    )
    return Api(
        registration_routes(dependencies),
        verifier=build_verifier(
            settings.signing_key_ids, lifetime_seconds=settings.access_token_lifetime_seconds
        ),
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=dependencies.providers.clock,
        telemetry=Telemetry(stage=settings.stage, service="registrations_api"),
        admission=build_admission(
            build_revocation_list(settings.table_name),
            requests_per_second=settings.client_requests_per_second,
        ),
        audit=bootstrap_operations.build_audit_trail(
            settings.table_name, retention_days=settings.audit_retention_days
        ),
    )
