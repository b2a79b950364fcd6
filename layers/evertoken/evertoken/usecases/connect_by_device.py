"""Start connecting by device: get a code that the user types in elsewhere (RFC 8628). `poll_device` asks until they have decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.authorization import DEVICE_LIFETIME_SECONDS, PendingDevice
from evertoken.domain.credentials import identifier_of
from evertoken.domain.grant import Grant
from evertoken.domain.outcome import Failure
from evertoken.ports import ClientDirectory, DeviceStore, RegistrationStore
from evertoken.protocol.device_answer import parse_device_authorization
from evertoken.protocol.token_request import build_device_authorization
from evertoken.usecases.authorization_session import device_code_purpose, device_session_uri_of, hash_name
from evertoken.usecases.choose_registration import choose_registration
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.fill_parameters import check_url, fill_wished
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.prepare_target import EstablishDependencies
from evertoken.usecases.send_once import send_once
from evertoken.usecases.sign_request import find_client_assertion


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDependencies:
    """What it needs."""

    registrations: RegistrationStore
    directory: ClientDirectory
    devices: DeviceStore
    establishing: EstablishDependencies


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedDevice:
    """What the user is shown, and the session to complete; *expires_at* is when the user must have decided."""

    connection_id: str
    session_uri: str = field(repr=False)
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = field(repr=False)
    expires_at: datetime
    interval_seconds: int


def start_device(deps: DeviceDependencies, wish: ConnectionWish, *, invocation: Invocation) -> StartedDevice:
    """Ask the provider for a code that the user types in elsewhere, and remember the device code, sealed (RFC 8628 section 3.1).

    Raises:
        InvalidInputError: the provider's entry does not offer the grant, or something asked for cannot be.
        ProviderRefusedError, ProviderUnavailableError: the provider gave no code.
        UnknownRegistrationError, SignerUnavailableError: nothing was asked of the provider.
        StoreUnavailableError, VaultSealedError: nothing was started.
    """
    establishing = deps.establishing
    client = choose_registration(
        deps.directory,
        deps.registrations,
        wish,
        Grant.DEVICE_CODE,
        minimum_published_lifetime_seconds=establishing.minimum_published_lifetime_seconds,
    )
    wished = fill_wished(client, wish, with_browser=False)
    ready, scopes = wished.ready, wish.scopes_at(client)
    shapes = ready.provider.requests
    check_url(ready, shapes.device_code)
    assertion = find_client_assertion(
        establishing.signer,
        ready,
        shapes.device_authorization,
        clock=establishing.clock,
        randomness=establishing.randomness,
    )
    request = build_device_authorization(ready, scopes, assertion=assertion)
    establishing.sealer.make_ready(wish.tenant_id)
    sent_at = establishing.clock.now()
    exchange = send_once(establishing, request, invocation=invocation)
    authorization = parse_device_authorization(ready.provider, exchange, sent_at)
    if isinstance(authorization, Failure):
        raise explain_exchange(authorization)

    session_uri = device_session_uri_of(establishing.randomness.token(256))
    session_hash = hash_name(session_uri)
    expires_at = min(authorization.expires_at, sent_at + timedelta(seconds=DEVICE_LIFETIME_SECONDS))
    interval_seconds = max(1, authorization.interval_seconds)
    now = establishing.clock.now()
    device = PendingDevice(
        session_hash=session_hash,
        tenant_id=wish.tenant_id,
        user_id=wish.user_id,
        connection_id=identifier_of("con_", establishing.randomness.token(256)),
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        parameters=wished.values,
        scopes=scopes,
        account=wish.account,
        name=wish.name,
        display_name=wish.display_name,
        policy=wish.policy,
        publication=wish.publication,
        sealed_device_code=establishing.sealer.seal(
            wish.tenant_id, device_code_purpose(session_hash), authorization.device_code.encode()
        ),
        interval_seconds=interval_seconds,
        next_poll_at=now + timedelta(seconds=interval_seconds),
        created_at=now,
        expires_at=expires_at,
    )
    deps.devices.put(device)
    return StartedDevice(
        connection_id=device.connection_id,
        session_uri=session_uri,
        user_code=authorization.user_code,
        verification_uri=authorization.verification_uri,
        verification_uri_complete=authorization.verification_uri_complete,
        expires_at=expires_at,
        interval_seconds=interval_seconds,
    )
