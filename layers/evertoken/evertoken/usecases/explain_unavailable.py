"""Why there is no token, as the error that tells its reader what to do; one place for reads and for demanded refreshes."""

from __future__ import annotations

from datetime import datetime

from evertoken.domain.connection import Connection, ConnectionStatus
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
    TokenExpiredError,
    TokenUnavailableError,
)
from evertoken.domain.outcome import FailureKind
from evertoken.usecases.end_without_request import EXPIRED
from evertoken.usecases.refresh_attempt import RefreshResult, RefreshResultKind

LONGEST_WAIT_SECONDS = 60
"""What a caller is told to wait at most: the reason may be gone sooner than its cool-down."""


def find_withdrawal(row: Connection) -> EvertokenError | None:
    """Return why nobody may have a token of *row* now, or None when it may be handed out."""
    match row.status:
        case ConnectionStatus.RETIRED:
            return ConnectionNotFoundError()
        case ConnectionStatus.CONNECTING:
            return TokenUnavailableError(
                "This connection is still being made. Complete the authorization first.",
                retry_after_seconds=5,
            )
        case ConnectionStatus.DISCONNECTED:
            return DisconnectedError(
                "This connection was disconnected. Connect again with POST /v1/connections."
            )
        case ConnectionStatus.ACTIVE | ConnectionStatus.REAUTHORIZATION_REQUIRED:
            return (
                OnHoldError("This connection is on hold. Whoever holds it must lift the hold.")
                if row.on_hold
                else None
            )


def explain_unavailable(
    row: Connection, result: RefreshResult | None, now: datetime
) -> TokenUnavailableError:
    """Return why the attempt that ended in *result* (None: there was none) brought no new token for *row*."""
    if row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED:
        why = (
            "The token expired, and this provider renews no expired one."
            if row.failure is not None and row.failure.cause == EXPIRED
            else "The provider ended this grant."
        )
        return ReauthorizationRequiredError(f"{why} The user must connect again: POST /v1/connections.")
    wait = _wait_seconds(row, now)
    match None if result is None else result.kind:
        case RefreshResultKind.NO_REFRESH_TOKEN:
            return NoRefreshTokenError(
                "The provider gave no refresh token. The user must connect again, with offline access."
            )
        case RefreshResultKind.CLIENT_CHANGED:
            return ClientChangedError(
                "The grant belongs to another client registration, or its parameters no longer fit the provider's entry. "
                "The user must connect again."
            )
        case RefreshResultKind.REGISTRATION_PAUSED:
            return RegistrationPausedError(
                "The provider refuses this client. An operator must correct the registration: PUT /v1/registrations/{id}.",
                retry_after_seconds=LONGEST_WAIT_SECONDS,
            )
        case RefreshResultKind.FAILED | RefreshResultKind.COOLING_DOWN if _waits_for_user(row):
            return ProviderUnavailableError(
                "The provider waits for the user, who must sign in there and do what it asks. Then try again.",
                retry_after_seconds=wait,
            )
        case RefreshResultKind.FAILED | RefreshResultKind.COOLING_DOWN | RefreshResultKind.DEFERRED:
            return ProviderUnavailableError(
                "The provider could not be asked for a new token. Try again later.", retry_after_seconds=wait
            )
        case RefreshResultKind.NO_TIME:
            return TokenUnavailableError(
                "There was no time left for a refresh. Try again.", retry_after_seconds=1
            )
        case _ if row.lives_for(now) <= 0:
            return TokenExpiredError(
                "The access token has expired and its refresh is not done yet. Try again.",
                retry_after_seconds=wait,
            )
        case _:
            return TokenUnavailableError(
                "No token meets this request now: ask for a shorter min_ttl, or try again.",
                retry_after_seconds=wait,
            )


def _waits_for_user(row: Connection) -> bool:
    return row.failure is not None and row.failure.cause == FailureKind.USER_ACTION_REQUIRED.value


def _wait_seconds(row: Connection, now: datetime) -> int:
    """Return when another try can come to anything: after the cool-down and after the lease of whoever is at it."""
    ends = [row.cooldown_until, None if row.lease is None else row.lease.until]
    seconds = [(end - now).total_seconds() for end in ends if end is not None]
    return min(LONGEST_WAIT_SECONDS, max(1, *(int(one) + 1 for one in seconds))) if seconds else 1
