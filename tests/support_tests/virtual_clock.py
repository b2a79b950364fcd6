"""A clock that only moves when it is told to."""


class VirtualClock:
    """Seconds since the epoch; call it to read it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
