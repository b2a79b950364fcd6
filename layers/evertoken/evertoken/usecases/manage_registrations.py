"""Client registrations: our clients at providers. Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.errors import ConflictError, InvalidInputError, NotFoundError
from evertoken.domain.provider import Provider
from evertoken.domain.registration import ClientRegistration, client_binding
from evertoken.ports import Clock, ProviderCatalogue, RegistrationSecrets, RegistrationStore, TenantStore

EVERY_TENANT = "*"
CHANGE_PAUSE_SECONDS = 90
"""A registration whose secret is being changed is paused this long at most, so that nobody posts one's id with the other's secret."""
NO_AUTHENTICATION = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationDependencies:
    """What keeping client registrations needs."""

    registrations: RegistrationStore
    secrets: RegistrationSecrets
    catalogue: ProviderCatalogue
    tenants: TenantStore
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationWish:
    """What a client registration should be. A *client_secret* of None keeps the one that is stored."""

    registration_id: str
    provider_id: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    tenants: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    client_authentication: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def put_registration(deps: RegistrationDependencies, wish: RegistrationWish) -> ClientRegistration:
    """Create or change a client registration; its version rises and a pause ends.

    A new secret is written while the registration is paused: first the row (which may be refused), then the secret, then the row again.

    Raises:
        InvalidInputError, UnknownProviderError: a field cannot be so; the message names it.
        ConflictError: another registration has this client, or this one was changed meanwhile.
        StoreUnavailableError: repeat the request; until then the registration may be paused for a minute.
    """
    known = deps.registrations.find(wish.registration_id)
    provider = _check(deps, wish, known)
    binding = client_binding(provider.token_endpoint, wish.client_id)
    expected = None if known is None else known.version
    version = 1 if expected is None else expected + 1
    secret = wish.client_secret
    if secret is not None:
        until = deps.clock.now() + timedelta(seconds=CHANGE_PAUSE_SECONDS)
        paused = _registration(deps, wish, known, version=version, paused_until=until)
        deps.registrations.put(paused, binding=binding, expected_version=expected)
        deps.secrets.write(wish.registration_id, secret)
        expected, version = version, version + 1
    registration = _registration(deps, wish, known, version=version, paused_until=None)
    deps.registrations.put(registration, binding=binding, expected_version=expected)
    return registration


def get_registration(deps: RegistrationDependencies, registration_id: str) -> ClientRegistration:
    """Return a client registration. Raises NotFoundError."""
    registration = deps.registrations.find(registration_id)
    if registration is None:
        raise NotFoundError("No client registration has this id. List them with GET /v1/registrations.")
    return registration


def list_registrations(deps: RegistrationDependencies) -> tuple[ClientRegistration, ...]:
    """Return all client registrations, by id."""
    return deps.registrations.list_all()


def delete_registration(deps: RegistrationDependencies, registration_id: str) -> None:
    """Remove a client registration and its secret: its connections are not refreshed any more. Raises NotFoundError, ConflictError."""
    if not deps.registrations.delete(registration_id):
        raise NotFoundError("No client registration has this id. List them with GET /v1/registrations.")
    deps.secrets.delete(registration_id)


def _check(
    deps: RegistrationDependencies, wish: RegistrationWish, known: ClientRegistration | None
) -> Provider:
    provider = deps.catalogue.get(wish.provider_id).filled(wish.parameters)
    for position, tenant_id in enumerate(wish.tenants):
        if tenant_id != EVERY_TENANT and deps.tenants.find(tenant_id) is None:
            raise InvalidInputError(
                f"tenants.{position}: no tenant has this id. Create it with PUT /v1/tenants/{{id}}, or name {EVERY_TENANT} for all."
            )
    methods = [method.value for method in provider.client_authentication]
    method = wish.client_authentication
    if method is not None and method not in (*methods, NO_AUTHENTICATION):
        raise InvalidInputError(
            f"client_authentication: this provider takes {', '.join(methods)}; or {NO_AUTHENTICATION}."
        )
    if known is None:
        return provider
    if known.provider_id != wish.provider_id:
        raise ConflictError(
            "provider: a registration stays with its provider, or its secret would be sent to another. Make a new registration."
        )
    is_other_client = (known.client_id, dict(known.parameters)) != (wish.client_id, dict(wish.parameters))
    if is_other_client and known.has_secret and wish.client_secret is None:
        raise InvalidInputError(
            "client_secret: another client_id or other parameters need their own secret. Send it along."
        )
    return provider


def _registration(
    deps: RegistrationDependencies,
    wish: RegistrationWish,
    known: ClientRegistration | None,
    *,
    version: int,
    paused_until: datetime | None,
) -> ClientRegistration:
    now = deps.clock.now()
    return ClientRegistration(
        registration_id=wish.registration_id,
        provider_id=wish.provider_id,
        client_id=wish.client_id,
        tenants=tuple(dict.fromkeys(wish.tenants)),
        scopes=tuple(dict.fromkeys(wish.scopes)),
        client_authentication=wish.client_authentication,
        parameters=dict(wish.parameters),
        has_secret=wish.client_secret is not None or (known is not None and known.has_secret),
        version=version,
        paused_until=paused_until,
        created_at=now if known is None else known.created_at,
        updated_at=now,
    )
