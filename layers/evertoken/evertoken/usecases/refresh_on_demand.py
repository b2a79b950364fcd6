"""Refresh one connection because somebody asks for it: the same protocol, and an answer that a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus
from evertoken.domain.errors import (
    ClientChangedError,
    ConnectionNotFoundError,
    DisconnectedError,
    EvertokenError,
    NoRefreshTokenError,
    OnHoldError,
    ProviderUnavailableError,
    ReauthorizationRequiredError,
    RegistrationPausedError,
    TokenUnavailableError,
)
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.refresh_attempt import (
    RefreshDependencies,
    RefreshReason,
    RefreshResult,
    RefreshResultKind,
)
from evertoken.usecases.refresh_connection import refresh_connection

LONGEST_WAIT_SECONDS = 60


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
    deps: RefreshDependencies, key: ConnectionKey, *, invocation: Invocation
) -> DemandedRefresh:
    """Refresh the connection now, unless its token is younger than the floor that protects the provider.

    A refusal is returned and not raised, so that the attempt can be counted: ReauthorizationRequiredError, NoRefreshTokenError,
    ClientChangedError, DisconnectedError, OnHoldError where a person has to act; ProviderUnavailableError, RegistrationPausedError,
    TokenUnavailableError where time helps.

    Raises:
        ConnectionNotFoundError: there is no such connection.
        StoreUnavailableError, VaultSealedError, UnknownRegistrationError: nothing was sent.
    """
    result = refresh_connection(deps, key, reason=RefreshReason.MANUAL, invocation=invocation)
    # A refresh that succeeded brought the row along, as its commit left it; whatever else happened is read.
    row = result.connection if result.kind is RefreshResultKind.REFRESHED else None
    row = row or deps.store.get(key)
    outcome = _GOOD.get(result.kind)
    if outcome is not None and row.status is ConnectionStatus.ACTIVE:
        return DemandedRefresh(connection=row, result=result, outcome=outcome)
    return DemandedRefresh(connection=row, result=result, refusal=_why(row, result, deps.clock.now()))


def _why(row: Connection, result: RefreshResult, now: datetime) -> EvertokenError:
    if row.status is ConnectionStatus.RETIRED:
        return ConnectionNotFoundError()
    if row.status is ConnectionStatus.DISCONNECTED:
        return DisconnectedError("This connection was disconnected. Connect again with POST /v1/connections.")
    if row.status is ConnectionStatus.CONNECTING:
        return TokenUnavailableError(
            "This connection is still being made. Complete the authorization first.", retry_after_seconds=5
        )
    if row.on_hold:
        return OnHoldError("This connection is on hold. Lift the hold first.")
    if row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED:
        return ReauthorizationRequiredError(
            "The provider ended this grant. The user must connect again: POST /v1/connections."
        )
    match result.kind:
        case RefreshResultKind.NO_REFRESH_TOKEN:
            return NoRefreshTokenError(
                "The provider gave no refresh token. The user must connect again, with offline access."
            )
        case RefreshResultKind.CLIENT_CHANGED:
            return ClientChangedError(
                "The grant belongs to another client registration. The user must connect again."
            )
        case RefreshResultKind.REGISTRATION_PAUSED:
            return RegistrationPausedError(
                "The provider refuses this client. An operator must correct the registration: PUT /v1/registrations/{id}.",
                retry_after_seconds=LONGEST_WAIT_SECONDS,
            )
        case RefreshResultKind.NO_TIME:
            return TokenUnavailableError(
                "There was no time left for a refresh. Try again.", retry_after_seconds=1
            )
        case _:
            return ProviderUnavailableError(
                "The provider could not be asked for a new token. Try again later.",
                retry_after_seconds=_wait(row, now),
            )


def _wait(row: Connection, now: datetime) -> int:
    if row.cooldown_until is None or row.cooldown_until <= now:
        return 1
    return min(LONGEST_WAIT_SECONDS, int((row.cooldown_until - now).total_seconds()) + 1)
