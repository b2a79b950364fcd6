"""Receive the browser from the provider: the state is used up first, the code is sealed, and nothing is exchanged here (DESIGN section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from evertoken.domain.authorization import CODE_LIFETIME_SECONDS, PendingAuthorization, ReturnedAuthorization
from evertoken.domain.errors import InvalidInputError, InvalidStateError, ProviderRefusedError
from evertoken.domain.provider import Provider
from evertoken.domain.provider_shapes import RFC_CALLBACK, AccountOrigin
from evertoken.domain.registration import ClientRegistration, client_binding
from evertoken.domain.return_url import with_result
from evertoken.ports import AuthorizationStore, Clock, ProviderCatalogue, RegistrationStore, TokenSealer
from evertoken.protocol.callback import CallbackError, CallbackParameters, check_issuer, parse_callback
from evertoken.usecases.authorization_session import code_purpose, hash_name, join_code, session_uri_of
from evertoken.usecases.fill_parameters import take_callback_values


class CallbackStatus(StrEnum):
    """What a return URL is told: a closed list, and nothing of what the provider said."""

    RETURNED = "returned"
    """The user has come back with a code: complete within two minutes."""
    DENIED = "denied"
    """The user, or the provider for them, said no."""
    EXPIRED = "expired"
    """The user took longer than ten minutes: start again."""
    FAILED = "failed"
    """The provider's answer cannot be used: start again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackDependencies:
    """What receiving needs."""

    authorizations: AuthorizationStore
    registrations: RegistrationStore
    catalogue: ProviderCatalogue
    sealer: TokenSealer
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedCallback:
    """Where to send the browser, and how the authorization stands."""

    location: str = field(repr=False)
    status: CallbackStatus
    tenant_id: str


def receive_callback(
    deps: CallbackDependencies, *, registration_id: str, raw_parameters: str
) -> ReceivedCallback:
    """Use up the state, seal the code for two minutes, and say where the browser goes.

    *raw_parameters* is the query or form as it came. Of many calls with one state, one is answered with a location.

    Raises:
        InvalidStateError: the state is unknown, used, missing, or was made for another client registration; or a parameter is repeated.
        StoreUnavailableError, VaultSealedError: the code is lost, and with it nothing but the user's click.
    """
    registration = deps.registrations.find(registration_id)
    provider = None if registration is None else _find_provider(deps, registration)
    shape = RFC_CALLBACK if provider is None else provider.callback
    parameters = parse_callback(raw_parameters, shape)
    if parameters.state is None:
        raise _no_such_state()
    pending = deps.authorizations.take_pending(hash_name(parameters.state))
    if pending is None or pending.registration_id != registration_id:
        raise _no_such_state()
    status = CallbackStatus.FAILED
    if pending.expires_at <= deps.clock.now():
        status = CallbackStatus.EXPIRED
    elif provider is not None and registration is not None:
        status = _receive(deps, pending, parameters, provider, registration)
    location = with_result(pending.return_url, status=status, session_uri=session_uri_of(parameters.state))
    return ReceivedCallback(location=location, status=status, tenant_id=pending.tenant_id)


def _receive(
    deps: CallbackDependencies,
    pending: PendingAuthorization,
    parameters: CallbackParameters,
    open_provider: Provider,
    registration: ClientRegistration,
) -> CallbackStatus:
    kept = {name: value for name, value in parameters.extra if name in _names_to_keep(open_provider)}
    try:
        begun = open_provider.filled(pending.parameters, whole=False)
        said = take_callback_values(open_provider, kept)
        provider = open_provider.filled({**pending.parameters, **said}, whole=False)
    except (InvalidInputError, ProviderRefusedError):
        return CallbackStatus.FAILED
    # The provider and the client must be those of the start, which knew nothing of what the callback says.
    if client_binding(begun.token_endpoint, registration.client_id) != pending.binding:
        return CallbackStatus.FAILED
    # An error is believed no sooner than a code: its issuer is checked as well (RFC 9207 section 2.4).
    if not check_issuer(provider, parameters.iss):
        return CallbackStatus.FAILED
    if parameters.error is CallbackError.ACCESS_DENIED:
        return CallbackStatus.DENIED
    if parameters.error is not None or parameters.code is None:
        return CallbackStatus.FAILED
    now = deps.clock.now()
    content = join_code(parameters.code, parameters.state or "")
    sealed = deps.sealer.seal(pending.tenant_id, code_purpose(pending.session_hash), content.encode())
    deps.authorizations.put_returned(
        ReturnedAuthorization(
            pending=pending,
            sealed_code=sealed,
            extra=tuple(sorted(kept.items())),
            returned_at=now,
            expires_at=now + timedelta(seconds=CODE_LIFETIME_SECONDS),
        )
    )
    return CallbackStatus.RETURNED


def _find_provider(deps: CallbackDependencies, registration: ClientRegistration) -> Provider | None:
    """Return the registration's provider as it is now, or None where it can no longer be used."""
    try:
        return deps.catalogue.get(registration.provider_id).filled(
            registration.parameters, by_operator=True, whole=False
        )
    except InvalidInputError:
        return None


def _names_to_keep(provider: Provider) -> set[str]:
    """Return the parameters of a callback that the entry has a use for; nobody else's are stored."""
    names = set(provider.callback.keeps)
    names |= {one.from_callback for one in provider.parameters.values() if one.from_callback is not None}
    if provider.account.origin is AccountOrigin.CALLBACK and provider.account.member is not None:
        names.add(provider.account.member)
    return names


def _no_such_state() -> InvalidStateError:
    return InvalidStateError(
        "This authorization is unknown, was used, or belongs elsewhere. Start again from where you came."
    )
