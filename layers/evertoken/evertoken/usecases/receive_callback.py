"""Receive the browser from the provider: the state is used up first, the code is sealed, and nothing is exchanged here (DESIGN section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from evertoken.domain.authorization import CODE_LIFETIME_SECONDS, PendingAuthorization, ReturnedAuthorization
from evertoken.domain.errors import InvalidInputError, InvalidStateError
from evertoken.domain.provider import Provider
from evertoken.domain.registration import client_binding
from evertoken.domain.return_url import with_result
from evertoken.ports import AuthorizationStore, Clock, ProviderCatalogue, RegistrationStore, TokenSealer
from evertoken.protocol.callback import CallbackError, CallbackParameters, check_issuer, parse_callback
from evertoken.usecases.authorization_session import code_purpose, hash_name, session_uri_of


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
    parameters = parse_callback(raw_parameters)
    if parameters.state is None:
        raise _no_such_state()
    pending = deps.authorizations.take_pending(hash_name(parameters.state))
    if pending is None or pending.registration_id != registration_id:
        raise _no_such_state()
    status = _receive(deps, pending, parameters)
    location = with_result(pending.return_url, status=status, session_uri=session_uri_of(parameters.state))
    return ReceivedCallback(location=location, status=status, tenant_id=pending.tenant_id)


def _receive(
    deps: CallbackDependencies, pending: PendingAuthorization, parameters: CallbackParameters
) -> CallbackStatus:
    now = deps.clock.now()
    if pending.expires_at <= now:
        return CallbackStatus.EXPIRED
    provider = _find_provider(deps, pending)
    # An error is believed no sooner than a code: its issuer is checked as well (RFC 9207 section 2.4).
    if provider is None or not check_issuer(provider, parameters.iss):
        return CallbackStatus.FAILED
    if parameters.error is CallbackError.ACCESS_DENIED:
        return CallbackStatus.DENIED
    if parameters.error is not None or parameters.code is None:
        return CallbackStatus.FAILED
    sealed = deps.sealer.seal(pending.tenant_id, code_purpose(pending.session_hash), parameters.code.encode())
    deps.authorizations.put_returned(
        ReturnedAuthorization(
            pending=pending,
            sealed_code=sealed,
            extra=parameters.extra,
            returned_at=now,
            expires_at=now + timedelta(seconds=CODE_LIFETIME_SECONDS),
        )
    )
    return CallbackStatus.RETURNED


def _find_provider(deps: CallbackDependencies, pending: PendingAuthorization) -> Provider | None:
    """Return the provider as it was when the authorization began, or None when it or its client is another one now."""
    registration = deps.registrations.find(pending.registration_id)
    if registration is None:
        return None
    try:
        provider = deps.catalogue.get(registration.provider_id).filled(registration.parameters)
    except InvalidInputError:
        return None
    same = client_binding(provider.token_endpoint, registration.client_id) == pending.binding
    return provider if same else None


def _no_such_state() -> InvalidStateError:
    return InvalidStateError(
        "This authorization is unknown, was used, or belongs elsewhere. Start again from where you came."
    )
