"""Which client registration a new connection is made with."""

from __future__ import annotations

from evertoken.domain.errors import InvalidInputError, UnknownProviderError, UnknownRegistrationError
from evertoken.domain.grant import Grant
from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import Stage
from evertoken.domain.ready_client import ReadyClient
from evertoken.ports import ClientDirectory, RegistrationStore
from evertoken.usecases.connection_wish import ConnectionWish, check_publication

CHOICES_SHOWN = 10


def choose_registration(
    directory: ClientDirectory,
    registrations: RegistrationStore,
    wish: ConnectionWish,
    grant: Grant | None,
    *,
    minimum_published_lifetime_seconds: int,
) -> ReadyClient:
    """Return the wished registration, or the only one of the provider that admits the tenant, for a connection by *grant*, or by one that
    the caller sees to itself (None).

    Raises:
        UnknownRegistrationError: it does not exist, is of another provider, or does not name the tenant; or none does.
        InvalidInputError: several would do, and the message names them; or the provider was retired, does not offer *grant*, or its tokens live too
            short for the wished publication.
        UnknownProviderError, VaultSealedError, StoreUnavailableError: it cannot be made ready.
    """
    tenant_id, provider_id, registration_id = wish.tenant_id, wish.provider_id, wish.registration_id
    if registration_id is None:
        registration_id = _only_one(registrations, tenant_id=tenant_id, provider_id=provider_id)
    # Looked at before it is made ready: what is wrong with another tenant's registration is not this tenant's to learn.
    registration = registrations.find(registration_id)
    if registration is None or registration.provider_id != provider_id or not registration.admits(tenant_id):
        raise UnknownRegistrationError(
            "registration: no client registration of this provider with this id admits your tenant. "
            "Ask an operator to add the tenant with PUT /v1/registrations/{id}."
        )
    ready = directory.get_ready(registration_id)
    _check_stage(ready.provider)
    if grant is not None:
        _check_grant(ready.provider, grant)
    check_publication(ready.provider, wish, minimum_published_lifetime_seconds)
    return ready


def _check_grant(provider: Provider, grant: Grant) -> None:
    if provider.supports(grant):
        return
    offered = ", ".join(one for one in Grant if one is not Grant.REFRESH_TOKEN and provider.supports(one))
    raise InvalidInputError(
        f"grant: {provider.name} does not offer {grant}. Of what connects, its entry offers: {offered or 'nothing'}."
    )


def _check_stage(provider: Provider) -> None:
    lifecycle = provider.lifecycle
    if lifecycle.stage is not Stage.RETIRED:
        return
    ended = "" if lifecycle.ends_on is None else f" on {lifecycle.ends_on}"
    mend = (
        "Its entry names no successor."
        if lifecycle.successor is None
        else f"Connect {lifecycle.successor} instead."
    )
    raise InvalidInputError(f"provider: {provider.name} was retired{ended}. {mend}")


def _only_one(registrations: RegistrationStore, *, tenant_id: str, provider_id: str) -> str:
    of_provider = [one for one in registrations.list_all() if one.provider_id == provider_id]
    choices = [one.registration_id for one in of_provider if one.admits(tenant_id)]
    if len(choices) == 1:
        return choices[0]
    if choices:
        named = ", ".join(choices[:CHOICES_SHOWN])
        raise InvalidInputError(
            f"registration: name one of the provider's registrations that admit your tenant: {named}."
        )
    if of_provider:
        raise UnknownRegistrationError(
            "registration: no client registration of this provider admits your tenant. "
            "Ask an operator to add the tenant with PUT /v1/registrations/{id}."
        )
    raise UnknownProviderError(
        "provider: no client registration exists for this provider id. GET /v1/providers lists the ids; "
        "an operator makes a registration with PUT /v1/registrations/{id}."
    )
