"""Complete connecting by device: ask the provider whether the user has decided, no oftener than it allows (RFC 8628 sections 3.4 and 3.5)."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from evertoken.domain.authorization import PendingDevice
from evertoken.domain.errors import (
    ConnectExpiredError,
    EvertokenError,
    ProviderRefusedError,
    StoreUnavailableError,
)
from evertoken.domain.grant import Grant, GrantContext
from evertoken.domain.http import HttpRequest
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import Operation
from evertoken.domain.schedule import clamp_retry_after
from evertoken.ports import PollTooEarly
from evertoken.protocol.token_answer import parse_token_answer
from evertoken.protocol.token_request import build_device_code
from evertoken.usecases.authorization_session import device_code_purpose, hash_name
from evertoken.usecases.complete_authorization import get_same_client, wish_of
from evertoken.usecases.connect_by_device import DeviceDependencies
from evertoken.usecases.establish_connection import EstablishedConnection, establish_connection
from evertoken.usecases.explain_exchange import explain_exchange
from evertoken.usecases.fill_parameters import fill_known
from evertoken.usecases.invocation import CLOCK_SKEW_SECONDS, Invocation
from evertoken.usecases.prepare_target import KnownValues, Target, prepare_target
from evertoken.usecases.send_once import send_once
from evertoken.usecases.sign_request import find_client_assertion

SLOW_DOWN_SECONDS = 5
"""By how much `slow_down` lengthens the interval, for this and all later polls (RFC 8628 section 3.5)."""
BACK_OFF_LIMIT_SECONDS = 60
"""How far apart polls get at most because the provider did not answer: the user may have decided long ago."""
_UNDECIDED = frozenset(
    {
        FailureKind.THROTTLED,
        FailureKind.NOT_SENT,
        FailureKind.OUTCOME_UNKNOWN,
        FailureKind.PROVIDER_DOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StillPending:
    """The user has not decided yet: ask again after *retry_after_seconds*."""

    retry_after_seconds: int


def poll_device(
    deps: DeviceDependencies, *, tenant_id: str, session_uri: str, user_id: str, invocation: Invocation
) -> EstablishedConnection | StillPending:
    """Ask the provider once an interval, whoever calls, and store and publish the connection when the user has consented.

    Of many calls at once one asks; the others are told when to call again. Once the provider has given tokens or said no, the session is used up.

    Raises:
        ConnectExpiredError: nothing waits under this session (any more), or the user did not decide in time.
        UserMismatchError: another user began; the session stays for a few more tries.
        ClientChangedError: the provider or the client is another one than at the start; nothing was sent.
        ProviderRefusedError: the user, or the provider, said no.
        SignerUnavailableError, VaultSealedError, PublisherUnavailableError: nothing was sent; call again.
        StoreUnavailableError, ConflictError: call again; if tokens had been issued, the session is gone then, and the user starts again.
    """
    clock, session_hash = deps.establishing.clock, hash_name(session_uri)
    now = clock.now()
    # Until this call is over for certain no other asks: a device code that was redeemed twice would look like a refused one.
    until = now + timedelta(seconds=invocation.remaining_seconds(clock) + CLOCK_SKEW_SECONDS)
    device = deps.devices.claim_poll(session_hash, tenant_id=tenant_id, user_id=user_id, now=now, until=until)
    if isinstance(device, PollTooEarly):
        left = math.ceil((device.next_poll_at - now).total_seconds())
        return StillPending(retry_after_seconds=max(1, min(left, device.interval_seconds)))
    if device is None or device.expires_at <= now:
        raise _expired()
    try:
        client, target, request = _prepare(deps, device)
    except EvertokenError:
        _postpone(deps, device, seconds=device.interval_seconds, is_prepared=device.is_prepared)
        raise
    sent_at = clock.now()
    exchange = send_once(deps.establishing, request, invocation=invocation)
    outcome = parse_token_answer(
        client.provider,
        Operation.DEVICE_CODE,
        exchange,
        sent_at=sent_at,
        requested_scopes=device.scopes,
    )
    if isinstance(outcome, Failure):
        return _wait_or_end(deps, device, outcome)
    context = GrantContext(grant=Grant.DEVICE_CODE, granted_at=sent_at, parameters=device.parameters)
    issued = Issued(token_set=replace(outcome.token_set, context=context), anomalies=outcome.anomalies)
    try:
        return establish_connection(deps.establishing, client, target, issued, invocation=invocation)
    finally:
        _end(deps, device)


def _prepare(deps: DeviceDependencies, device: PendingDevice) -> tuple[ReadyClient, Target, HttpRequest]:
    """Have all that could fail before the provider is asked."""
    establishing = deps.establishing
    client = get_same_client(deps.directory, device)
    ready = fill_known(client, device.parameters)
    purpose = device_code_purpose(device.session_hash)
    device_code = establishing.sealer.open(device.tenant_id, purpose, device.sealed_device_code).decode()
    target = prepare_target(
        establishing,
        ready,
        wish_of(device),
        connection_id=device.connection_id,
        known=KnownValues(parameters=device.parameters),
        is_prepared=device.is_prepared,
    )
    assertion = find_client_assertion(
        establishing.signer,
        ready,
        ready.provider.requests.device_code,
        clock=establishing.clock,
        randomness=establishing.randomness,
    )
    return client, target, build_device_code(ready, device_code, assertion=assertion)


def _wait_or_end(deps: DeviceDependencies, device: PendingDevice, failure: Failure) -> StillPending:
    """Return when to ask again, or end the session because the provider's answer is final."""
    if failure.kind not in _UNDECIDED:
        _end(deps, device)
        raise _explain(failure)
    interval = device.interval_seconds
    if failure.code == "slow_down":
        interval += SLOW_DOWN_SECONDS
    elif failure.kind is not FailureKind.THROTTLED:
        interval = max(interval, min(interval * 2, BACK_OFF_LIMIT_SECONDS))
    asked_for = failure.retry_after_seconds
    wait = interval if asked_for is None else max(interval, clamp_retry_after(asked_for))
    _postpone(deps, replace(device, interval_seconds=interval), seconds=wait, is_prepared=True)
    return StillPending(retry_after_seconds=wait)


def _explain(failure: Failure) -> EvertokenError:
    match failure.code:
        case "expired_token":
            return _expired()
        case "access_denied":
            return ProviderRefusedError(
                "The user, or the provider for them, said no (access_denied). Start again with POST /v1/connections."
            )
        case _:
            return explain_exchange(failure)


def _postpone(deps: DeviceDependencies, device: PendingDevice, *, seconds: int, is_prepared: bool) -> None:
    """Let the next poll be in *seconds*; when the store does not acknowledge, it is when this call must be over."""
    with suppress(StoreUnavailableError):
        deps.devices.postpone_poll(
            device,
            interval_seconds=device.interval_seconds,
            next_poll_at=deps.establishing.clock.now() + timedelta(seconds=seconds),
            is_prepared=is_prepared,
        )


def _end(deps: DeviceDependencies, device: PendingDevice) -> None:
    """Use the session up; what the store does not remove now, the provider refuses at the next poll."""
    with suppress(StoreUnavailableError):
        deps.devices.remove(device.session_hash)


def _expired() -> ConnectExpiredError:
    return ConnectExpiredError(
        "No device authorization waits under this session: it was used, or the user did not decide in time. "
        "Start again with POST /v1/connections."
    )
