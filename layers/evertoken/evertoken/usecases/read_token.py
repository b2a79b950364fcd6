"""Read a connection's access token: fresh from the row, or after a refresh that this read waits for (DESIGN section 5)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import (
    EvertokenError,
    InvalidInputError,
    StoreUnavailableError,
    VaultSealedError,
)
from evertoken.domain.hint import Hint
from evertoken.domain.schedule import lifetime_seconds, windows_of
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import HintQueue
from evertoken.usecases.explain_unavailable import explain_unavailable, find_withdrawal
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import (
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)
from evertoken.usecases.refresh_connection import refresh_connection

HINT_PAUSE_SECONDS = 60
"""A stale connection is hinted at once in this time by one environment."""
REMEMBERED_HINTS = 10_000
POLL_SECONDS = 0.15
"""How often a reader looks whether the refresh of another has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDependencies:
    """What reading needs; `hinted_at` remembers in this environment which connections were hinted at when."""

    refreshing: RefreshDependencies
    queue: HintQueue
    hinted_at: dict[ConnectionKey, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRead:
    """An access token, its row, and whether this read refreshed it; the token set and the row are of the same commit."""

    token_set: TokenSet = field(repr=False)
    connection: Connection
    refresh: RefreshResult | None = None


def read_token(
    deps: ReadDependencies,
    key: ConnectionKey,
    *,
    min_lifetime_seconds: int | None = None,
    rejected_generation: int | None = None,
    invocation: Invocation,
) -> TokenRead:
    """Return an access token that is good for *min_lifetime_seconds*, and newer than *rejected_generation*.

    Fresh: from the row. Stale: from the row, and one hint asks for a new one. In the mandatory window, below the bar, or rejected: a refresh is
    joined or made, and waited for within bounds; when it fails, a live token that meets the caller's demands is still returned.

    Raises:
        ConnectionNotFoundError, DisconnectedError, OnHoldError: there is no token to read.
        ReauthorizationRequiredError, NoRefreshTokenError, ClientChangedError: a person has to act.
        TokenExpiredError, ProviderUnavailableError, RegistrationPausedError, TokenUnavailableError: try again later.
    """
    store, clock = deps.refreshing.store, deps.refreshing.clock
    row = store.get(key)
    _refuse_withdrawn(row)
    now = clock.now()
    is_rejected = rejected_generation is not None and row.generation <= rejected_generation
    left = row.lives_for(now)
    windows = windows_of(lifetime_seconds(row.issued_at, row.expires_at))
    bar = max(windows.mandatory_seconds, min_lifetime_seconds or 0)
    if not is_rejected and left > bar:
        if left <= windows.advisory_seconds:
            _hint_once(deps, row, now, invocation.correlation_id)
        return TokenRead(token_set=_open(deps, row), connection=row)
    return _refresh_and_read(
        deps,
        row,
        min_lifetime_seconds=min_lifetime_seconds,
        rejected_generation=rejected_generation,
        invocation=invocation,
    )


def _refresh_and_read(
    deps: ReadDependencies,
    row: Connection,
    *,
    min_lifetime_seconds: int | None,
    rejected_generation: int | None,
    invocation: Invocation,
) -> TokenRead:
    clock = deps.refreshing.clock
    wait_until = clock.monotonic() + deps.refreshing.timing.wait_seconds
    is_rejected = rejected_generation is not None and row.generation <= rejected_generation
    result: RefreshResult | None = None
    failure: EvertokenError | None = None
    if row.status is ConnectionStatus.ACTIVE:
        try:
            result = refresh_connection(
                deps.refreshing,
                row.key,
                reason=RefreshReason.REJECTED if is_rejected else RefreshReason.READ,
                row=row,
                seen_generation=rejected_generation if is_rejected else None,
                min_lifetime_seconds=min_lifetime_seconds or 0,
                invocation=invocation,
            )
            if result.kind is RefreshResultKind.REFRESHED and result.token_set and result.connection:
                _refuse_withdrawn(result.connection)
                left = result.connection.lives_for(clock.now())
                # What was issued a moment ago is the best there is, even where the provider says that it lives for no time at all.
                if min_lifetime_seconds is not None and left < min_lifetime_seconds:
                    raise explain_unavailable(result.connection, result, clock.now())
                return TokenRead(token_set=result.token_set, connection=result.connection, refresh=result)
            row = deps.refreshing.store.get(row.key)
            if result.kind is RefreshResultKind.IN_FLIGHT:
                row = _wait_for_other(deps, row, wait_until)
        except (StoreUnavailableError, VaultSealedError, InvalidInputError) as error:
            failure = error  # a live token is served in every failure state
    _refuse_withdrawn(row)
    left = row.lives_for(clock.now())
    meets_bar = left > 0 and left >= (min_lifetime_seconds or 0)
    if meets_bar and not (rejected_generation is not None and row.generation <= rejected_generation):
        return TokenRead(token_set=_open(deps, row), connection=row, refresh=result)
    raise failure or explain_unavailable(row, result, clock.now())


def _wait_for_other(deps: ReadDependencies, row: Connection, wait_until: float) -> Connection:
    """Poll until the generation moves, the lease ends, or *wait_until* (monotonic) comes."""
    clock, generation, epoch = deps.refreshing.clock, row.generation, row.epoch
    pause = POLL_SECONDS
    while clock.monotonic() + pause < wait_until:
        if (row.epoch, row.generation) != (epoch, generation) or not row.is_leased(clock.now()):
            return row
        clock.sleep(pause * (0.5 + deps.refreshing.randomness.fraction()))
        pause = min(pause * 1.5, 1.0)
        row = deps.refreshing.store.get(row.key)
    return row


def _refuse_withdrawn(row: Connection) -> None:
    withdrawal = find_withdrawal(row)
    if withdrawal is not None:
        raise withdrawal


def _hint_once(deps: ReadDependencies, row: Connection, now: datetime, correlation_id: str) -> None:
    """Ask for a refresh, at most once a minute for each connection and environment; a hint that cannot be sent is let go."""
    if row.status is not ConnectionStatus.ACTIVE or row.is_leased(now) or row.sealed is None:
        return
    if row.refresh_at is not None and row.expires_at is not None and now < row.refresh_at < row.expires_at:
        return  # planned so late because the provider wants it so: asking sooner would only be turned down
    last = deps.hinted_at.get(row.key)
    if last is not None and now - last < timedelta(seconds=HINT_PAUSE_SECONDS):
        return
    if len(deps.hinted_at) >= REMEMBERED_HINTS:
        deps.hinted_at.clear()
    deps.hinted_at[row.key] = now
    hint = Hint(
        key=row.key,
        epoch=row.epoch,
        generation=row.generation,
        provider_id=row.provider_id,
        registration_id=row.registration_id,
        key_id=row.sealed.key_id,
        asked=True,
        correlation_id=correlation_id,
    )
    with suppress(StoreUnavailableError):
        deps.queue.send([hint])


def _open(deps: ReadDependencies, row: Connection) -> TokenSet:
    assert row.sealed is not None
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
    return decode_token_set(deps.refreshing.sealer.open(row.tenant_id, purpose, row.sealed))
