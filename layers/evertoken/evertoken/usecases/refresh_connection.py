"""The refresh protocol (DESIGN section 3): the only path to a token endpoint for a stored connection.

Every trigger enters at step 0. The numbers in the comments are the steps of the protocol; `docs/protocol.md` draws them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.hint import Hint
from evertoken.domain.origin import Trigger
from evertoken.domain.schedule import forced_floor_seconds, lifetime_seconds, windows_of
from evertoken.ports import LeaseGranted, LeaseRefused
from evertoken.usecases.ask_provider import has_time
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.plan_renewal import HINT_SLACK_SECONDS, find_too_young
from evertoken.usecases.refresh_attempt import (
    Attempt,
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)
from evertoken.usecases.run_attempt import run_attempt

LEASE_PAUSE_SECONDS = 0.1
"""How long a lease write that was not acknowledged waits for its one repetition."""


def refresh_connection(
    deps: RefreshDependencies,
    key: ConnectionKey,
    *,
    reason: RefreshReason,
    invocation: Invocation,
    row: Connection | None = None,
    seen_generation: int | None = None,
    min_lifetime_seconds: float = 0.0,
) -> RefreshResult:
    """Refresh the connection once, unless it is not needed, not allowed, or somebody else is at it.

    *row* spares step 0 its read when the caller has just read the row consistently: the lease write decides whether it is still true.
    *seen_generation* is the newest that the caller knows: anything newer is returned without a request.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        StoreUnavailableError, VaultSealedError, UnknownRegistrationError: nothing was sent.
    """
    if row is None:
        row = deps.store.get(key)  # 0
    settled = _needs_no_refresh(deps, row, reason, seen_generation, min_lifetime_seconds)
    if settled is not None:
        return settled
    return _attempt(
        deps,
        key,
        row,
        epoch=row.epoch,
        generation=row.generation,
        registration_id=row.registration_id,
        key_id=row.sealed.key_id if row.sealed else "",
        due_by=None,
        trigger=Trigger(reason.value),
        invocation=invocation,
    )


def refresh_from_hint(deps: RefreshDependencies, hint: Hint, *, invocation: Invocation) -> RefreshResult:
    """Refresh the connection that *hint* names, if its row agrees: the lease write returns the row and spares the read."""
    slack = timedelta(seconds=HINT_SLACK_SECONDS)
    return _attempt(
        deps,
        hint.key,
        None,
        epoch=hint.epoch,
        generation=hint.generation,
        registration_id=hint.registration_id,
        key_id=hint.key_id,
        due_by=None if hint.asked else deps.clock.now() + slack,
        trigger=Trigger.READ if hint.asked else Trigger.SCHEDULE,
        invocation=invocation,
    )


def _needs_no_refresh(
    deps: RefreshDependencies,
    row: Connection,
    reason: RefreshReason,
    seen_generation: int | None,
    min_lifetime_seconds: float,
) -> RefreshResult | None:
    now = deps.clock.now()
    if row.status is not ConnectionStatus.ACTIVE or row.on_hold:
        return RefreshResult(kind=RefreshResultKind.NOT_ACTIVE, connection=row, provider_id=row.provider_id)
    if seen_generation is not None and row.generation > seen_generation and row.lives_for(now) > 0:
        return RefreshResult(kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id)
    lifetime = lifetime_seconds(row.issued_at, row.expires_at)
    if reason is RefreshReason.READ:
        bar = max(windows_of(lifetime).mandatory_seconds, min_lifetime_seconds)
        if row.lives_for(now) > bar:
            return RefreshResult(
                kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id
            )
    if row.issued_at is not None and row.lives_for(now) > 0:
        # The floor protects the provider from every demand, a life that none of its tokens has included.
        age = (now - row.issued_at).total_seconds()
        if age < forced_floor_seconds(lifetime):
            return RefreshResult(
                kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=row.provider_id
            )
    return None


def _attempt(
    deps: RefreshDependencies,
    key: ConnectionKey,
    row: Connection | None,
    *,
    epoch: int,
    generation: int,
    registration_id: str,
    key_id: str,
    due_by: datetime | None,
    trigger: Trigger,
    invocation: Invocation,
) -> RefreshResult:
    now = deps.clock.now()
    ready = deps.directory.get_ready(registration_id)  # 1: nothing fallible after this
    deps.sealer.make_ready(key.tenant_id, key_id)
    provider_id = ready.provider.provider_id
    paused_until = ready.registration.paused_until
    if paused_until is not None and paused_until > now:
        due_at = paused_until + timedelta(seconds=30 * deps.randomness.fraction())
        deps.store.postpone(key, epoch=epoch, generation=generation, due_at=due_at, now=now)
        return RefreshResult(kind=RefreshResultKind.REGISTRATION_PAUSED, provider_id=provider_id)
    if row is not None and find_too_young(ready.provider, row, now) is not None:
        return RefreshResult(kind=RefreshResultKind.NOT_NEEDED, connection=row, provider_id=provider_id)
    if not has_time(deps, invocation):
        return RefreshResult(kind=RefreshResultKind.NO_TIME, provider_id=provider_id)

    owner = deps.randomness.token(128)
    until = invocation.started_at + timedelta(seconds=deps.timing.lease_seconds)
    origin = invocation.caused_by(trigger)

    def acquire() -> LeaseGranted | LeaseRefused:
        return deps.store.acquire_lease(
            key,
            epoch=epoch,
            generation=generation,
            owner=owner,
            now=now,
            until=until,
            due_by=due_by,
            origin=origin,
        )

    try:
        lease = acquire()  # 2: the write-ahead intent
    except StoreUnavailableError:
        deps.clock.sleep(LEASE_PAUSE_SECONDS * (0.5 + deps.randomness.fraction()))
        lease = (
            acquire()
        )  # a write that took effect recognises itself: else the connection would wait for its own lease
    if isinstance(lease, LeaseRefused):
        return _refused(lease.connection, epoch, generation, now, provider_id)
    attempt = Attempt(owner=owner, started_at=now, ready=ready, invocation=invocation)
    return run_attempt(deps, attempt, lease.connection)


def _refused(
    row: Connection | None, epoch: int, generation: int, now: datetime, provider_id: str
) -> RefreshResult:
    if row is None:
        kind = RefreshResultKind.GONE
    elif row.status is not ConnectionStatus.ACTIVE or row.on_hold:
        kind = RefreshResultKind.NOT_ACTIVE
    elif (row.epoch, row.generation) != (epoch, generation):
        kind = RefreshResultKind.NOT_NEEDED
    elif row.is_leased(now):
        kind = RefreshResultKind.IN_FLIGHT
    elif row.cooldown_until is not None and row.cooldown_until > now:
        kind = RefreshResultKind.COOLING_DOWN
    else:
        kind = RefreshResultKind.NOT_NEEDED
    return RefreshResult(kind=kind, connection=row, provider_id=provider_id)
