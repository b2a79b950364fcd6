"""Client registrations: our clients at providers. Secrets and private keys go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.assertion import SigningKey
from evertoken.domain.errors import ConflictError, InvalidInputError, NotFoundError
from evertoken.domain.provider import Provider
from evertoken.domain.registration import ClientRegistration, ClientSecrets, client_binding
from evertoken.ports import (
    AssertionSigner,
    Clock,
    ProviderCatalogue,
    RegistrationSecrets,
    RegistrationStore,
    TenantStore,
)
from evertoken.usecases.check_signing_key import check_signing_key

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
    signer: AssertionSigner
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationWish:
    """What a client registration should be. Without *client_secret* and *private_key*, what is stored of them is kept; else both are replaced."""

    registration_id: str
    provider_id: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    tenants: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    client_authentication: str | None = None
    signing_key: SigningKey | None = None
    private_key: str | None = field(default=None, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> ClientSecrets | None:
        """What is to be stored instead of what is, or None to keep that."""
        if self.client_secret is None and self.private_key is None:
            return None
        return ClientSecrets(client_secret=self.client_secret, private_key=self.private_key)


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
    secrets = wish.secrets
    if secrets is not None:
        until = deps.clock.now() + timedelta(seconds=CHANGE_PAUSE_SECONDS)
        paused = _registration(deps, wish, known, version=version, paused_until=until)
        deps.registrations.put(paused, binding=binding, expected_version=expected)
        deps.secrets.write(wish.registration_id, secrets)
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
    """Remove a client registration and its secrets: its connections are not refreshed any more. Raises NotFoundError, ConflictError."""
    if not deps.registrations.delete(registration_id):
        raise NotFoundError("No client registration has this id. List them with GET /v1/registrations.")
    deps.secrets.delete(registration_id)


def _check(
    deps: RegistrationDependencies, wish: RegistrationWish, known: ClientRegistration | None
) -> Provider:
    provider = deps.catalogue.get(wish.provider_id).filled(wish.parameters, by_operator=True, whole=False)
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
    has_private_key = known is not None and known.has_private_key
    check_signing_key(
        deps.signer,
        provider,
        wish.signing_key,
        private_key=wish.private_key,
        has_private_key=has_private_key,
    )
    if known is None:
        return provider
    if known.provider_id != wish.provider_id:
        raise ConflictError(
            "provider: a registration stays with its provider, or its secret would be sent to another. Make a new registration."
        )
    is_other_client = (known.client_id, dict(known.parameters)) != (wish.client_id, dict(wish.parameters))
    if is_other_client and (known.has_secret or known.has_private_key) and wish.secrets is None:
        raise InvalidInputError(
            "client_secret: another client_id or other parameters need their own secret. Send it along."
        )
    _check_nothing_is_dropped(wish, known)
    return provider


def _check_nothing_is_dropped(wish: RegistrationWish, known: ClientRegistration) -> None:
    """Secrets are stored together and cannot be read here, so one cannot be replaced without the other."""
    if wish.secrets is None:
        return
    if known.has_secret and wish.client_secret is None:
        raise InvalidInputError(
            "client_secret: this registration has one beside its private key, and both are replaced together. Send it along."
        )
    if (
        known.has_private_key
        and wish.private_key is None
        and wish.signing_key is not None
        and wish.signing_key.kms_key_id is None
    ):
        raise InvalidInputError(
            "private_key: this registration has one beside its client secret, and both are replaced together. Send it along."
        )


def _registration(
    deps: RegistrationDependencies,
    wish: RegistrationWish,
    known: ClientRegistration | None,
    *,
    version: int,
    paused_until: datetime | None,
) -> ClientRegistration:
    now = deps.clock.now()
    kept = known if wish.secrets is None else None
    return ClientRegistration(
        registration_id=wish.registration_id,
        provider_id=wish.provider_id,
        client_id=wish.client_id,
        tenants=tuple(dict.fromkeys(wish.tenants)),
        scopes=tuple(dict.fromkeys(wish.scopes)),
        client_authentication=wish.client_authentication,
        parameters=dict(wish.parameters),
        signing_key=wish.signing_key,
        has_secret=wish.client_secret is not None or (kept is not None and kept.has_secret),
        has_private_key=wish.private_key is not None or (kept is not None and kept.has_private_key),
        version=version,
        paused_until=paused_until,
        created_at=now if known is None else known.created_at,
        updated_at=now,
    )
