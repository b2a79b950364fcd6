"""What becomes of a refresh that was asked for and failed: final, or worth another attempt, and when."""

from __future__ import annotations

from evertoken.domain.connection import Connection
from evertoken.domain.errors import EvertokenError
from evertoken.domain.job import RetrySettings
from evertoken.domain.outcome import FailureKind
from evertoken.ports import Clock, Randomness


def is_final(refusal: EvertokenError, row: Connection | None) -> bool:
    """Return whether no attempt of ours can help, because somebody has to act first."""
    return not refusal.retryable or _waits_for_user(row)


def wait_seconds(
    retries: RetrySettings,
    *,
    attempts_made: int,
    refusal: EvertokenError,
    row: Connection | None,
    clock: Clock,
    randomness: Randomness,
) -> float:
    """Return how long to wait after the *attempts_made*-th attempt: what was asked for, and never less than the connection's cool-down."""
    waits = [retries.delay_seconds(attempts_made, jitter=randomness.fraction())]
    if refusal.retry_after_seconds is not None:
        waits.append(refusal.retry_after_seconds)
    if row is not None and row.cooldown_until is not None:
        waits.append((row.cooldown_until - clock.now()).total_seconds())
    return max(waits)


def _waits_for_user(row: Connection | None) -> bool:
    return (
        row is not None
        and row.failure is not None
        and row.failure.cause == FailureKind.USER_ACTION_REQUIRED.value
    )
