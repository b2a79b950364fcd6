"""The invocation as Lambda's context tells it."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from evertoken.ports import Clock
from evertoken.usecases.invocation import Invocation


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long this invocation may still run."""


def invocation_of(
    context: LambdaContext,
    *,
    function_timeout_seconds: float,
    clock: Clock,
    actor: str = "",
    correlation_id: str = "",
) -> Invocation:
    """Return when the invocation began and when it ends: the start follows from the platform's own deadline, however long it took to get here."""
    remaining = context.get_remaining_time_in_millis() / 1000
    elapsed = max(function_timeout_seconds - remaining, 0.0)
    return Invocation(
        started_at=clock.now() - timedelta(seconds=elapsed),
        ends_at=clock.monotonic() + remaining,
        actor=actor,
        correlation_id=correlation_id,
    )
