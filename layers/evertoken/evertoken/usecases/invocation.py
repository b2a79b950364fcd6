"""The time that one invocation has, and the budgets that must fit into it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.domain.errors import ConfigurationError
from evertoken.domain.origin import Origin, Trigger
from evertoken.ports import Clock

CLOCK_SKEW_SECONDS = 5
"""How far the clocks of two Lambda hosts may be apart."""
PROVIDER_TAIL_SECONDS = 10
"""How long a provider may go on working on a request whose sender is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The budgets of DESIGN section 3, checked when they are made.

    The lease outlives the process by construction: its length is the function's hard timeout plus skew plus the provider's tail.

    Raises:
        ConfigurationError: HTTP total and commit budget do not fit into the function's timeout.
    """

    function_timeout_seconds: float
    http_total_seconds: float
    commit_budget_seconds: float
    wait_seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.http_total_seconds + self.commit_budget_seconds >= self.function_timeout_seconds:
            raise ConfigurationError(
                f"HTTP total {self.http_total_seconds} s and commit budget {self.commit_budget_seconds} s must end before the "
                f"function's timeout of {self.function_timeout_seconds} s: raise the timeout or lower a budget."
            )

    @property
    def lease_seconds(self) -> float:
        """How long a lease lasts from the start of the invocation."""
        return self.function_timeout_seconds + CLOCK_SKEW_SECONDS + PROVIDER_TAIL_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """When this invocation began, the monotonic instant at which the platform ends it, and in whose name it works.

    *actor* is the API client that asked, empty when nobody did; *correlation_id* is its request's.
    """

    started_at: datetime
    ends_at: float
    actor: str = ""
    correlation_id: str = ""

    def caused_by(self, trigger: Trigger) -> Origin:
        """Return what this invocation's writes say of their cause."""
        return Origin(trigger=trigger, actor=self.actor, correlation_id=self.correlation_id)

    def remaining_seconds(self, clock: Clock) -> float:
        """Return how many seconds are left."""
        return self.ends_at - clock.monotonic()
