"""Refresh one connection because somebody asks for it: the same protocol, and an answer that a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import EvertokenError
from evertoken.usecases.explain_unavailable import explain_unavailable, find_withdrawal
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import (
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)
from evertoken.usecases.refresh_connection import refresh_connection


class DemandOutcome(StrEnum):
    """How a demand ended well."""

    REFRESHED = "refreshed"
    NOT_NEEDED = "not_needed"
    """The token is too young to be refreshed again, or somebody else has just done it."""
    IN_FLIGHT = "in_flight"
    """Somebody else is at it: look again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandedRefresh:
    """How a demand ended, and the connection as it is now: either *outcome* says how, or *refusal* why not."""

    connection: Connection
    result: RefreshResult
    outcome: DemandOutcome | None = None
    refusal: EvertokenError | None = None


_GOOD = {
    RefreshResultKind.REFRESHED: DemandOutcome.REFRESHED,
    RefreshResultKind.NOT_NEEDED: DemandOutcome.NOT_NEEDED,
    RefreshResultKind.SUPERSEDED: DemandOutcome.NOT_NEEDED,
    RefreshResultKind.IN_FLIGHT: DemandOutcome.IN_FLIGHT,
    RefreshResultKind.RESCUED: DemandOutcome.IN_FLIGHT,
}


def refresh_on_demand(
    deps: RefreshDependencies,
    key: ConnectionKey,
    *,
    invocation: Invocation,
    reason: RefreshReason = RefreshReason.MANUAL,
    issued_after: datetime | None = None,
) -> DemandedRefresh:
    """Refresh the connection now, unless its token is younger than the floor that protects the provider, or was issued at *issued_after* or later.

    A refusal is returned and not raised, so that the attempt can be counted: ReauthorizationRequiredError, NoRefreshTokenError,
    ClientChangedError, DisconnectedError, OnHoldError where a person has to act; ProviderUnavailableError, RegistrationPausedError,
    TokenUnavailableError where time helps.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        StoreUnavailableError, VaultSealedError, UnknownRegistrationError: nothing was sent.
    """
    read = deps.store.get(key)
    if issued_after is not None and _is_newer(read, issued_after, deps.clock.now()):
        result = RefreshResult(
            kind=RefreshResultKind.NOT_NEEDED, connection=read, provider_id=read.provider_id
        )
        return DemandedRefresh(connection=read, result=result, outcome=DemandOutcome.NOT_NEEDED)
    result = refresh_connection(deps, key, reason=reason, invocation=invocation, row=read)
    # A refresh that succeeded brought the row along, as its commit left it; whatever else happened is read.
    row = result.connection if result.kind is RefreshResultKind.REFRESHED else None
    row = row or deps.store.get(key)
    outcome = _GOOD.get(result.kind)
    if outcome is not None and row.status is ConnectionStatus.ACTIVE:
        return DemandedRefresh(connection=row, result=result, outcome=outcome)
    refusal = find_withdrawal(row) or explain_unavailable(row, result, deps.clock.now())
    return DemandedRefresh(connection=row, result=result, refusal=refusal)


def _is_newer(row: Connection, moment: datetime, now: datetime) -> bool:
    """Return whether *row* serves a token that was issued at *moment* or later."""
    if row.issued_at is None or row.issued_at < moment:
        return False
    return row.status is ConnectionStatus.ACTIVE and not row.on_hold and row.lives_for(now) > 0
