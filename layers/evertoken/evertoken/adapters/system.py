"""The real clock and the real randomness."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """Clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemRandomness:
    """Randomness of the operating system."""

    def token(self, bits: int = 256) -> str:
        return secrets.token_urlsafe((bits + 7) // 8)

    def fraction(self) -> float:
        return random.random()  # noqa: S311  # jitter only, never a secret
