"""A clock that only moves when it is told to, and views of it that are a little wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


class FakeClock:
    """Clock in steps; sleeping moves it on at once."""

    def __init__(self, begin: datetime = BEGIN) -> None:
        self._begin = begin
        self.elapsed = 0.0

    def now(self) -> datetime:
        return self._begin + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        assert seconds >= 0
        self.elapsed += seconds

    def advance_to(self, moment: datetime) -> None:
        self.advance(max(0.0, (moment - self.now()).total_seconds()))

    def seconds(self) -> float:
        """Seconds since 1970, as the scripted provider wants them."""
        return self.now().timestamp()


class SkewedClock:
    """The same time as *clock*, off by *skew_seconds*; how its owner sleeps can be chosen."""

    def __init__(
        self, clock: FakeClock, *, skew_seconds: float = 0.0, sleep: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=skew_seconds)
        self._sleep = sleep or clock.sleep

    def now(self) -> datetime:
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)
