"""How often and after how long a request is sent again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from evertoken.client.errors import ConfigurationError

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Pauses grow exponentially and are drawn from their whole range ("full jitter", AWS Architecture Blog, 2015-03-04), so that clients that failed together do not come back together.

    `retries` is how often a request is sent again, 0 for never. A pause that the service names (`retry_after`) is kept, with a little more at random; when it is longer than
    `longest_wait_seconds`, the error is raised at once: whoever called can plan better than a sleeping thread.
    """

    retries: int = 2
    longest_wait_seconds: float = 20.0
    draw: Callable[[], float] = random.random
    """A number from 0 up to 1."""

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ConfigurationError(f"retries must be 0 or more, and it is {self.retries}.")

    def pause_seconds(self, attempt: int, *, retry_after_seconds: float | None) -> float | None:
        """Return how long to wait after the attempt of this number (the first is 1), or None to give up."""
        if attempt > self.retries:
            return None
        drawn = self.draw() * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 30))
        if retry_after_seconds is None:
            return drawn
        if retry_after_seconds > self.longest_wait_seconds:
            return None
        return retry_after_seconds + drawn
