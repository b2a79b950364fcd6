"""Waiting for what the system does by itself: a question asked again and again until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.15


def wait_until(what: str, ask: Callable[[], T], *, seconds: float, pause: float = PAUSE_SECONDS) -> T:
    """Return the first true answer of *ask*. Raises AssertionError after *seconds*, naming *what* did not come."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
