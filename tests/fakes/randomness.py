"""Chance that can be repeated."""

from __future__ import annotations

import random


class SeededRandomness:
    """Randomness from a seed; tokens are unique and look like no secret."""

    def __init__(self, seed: int | str = 0) -> None:
        self._random = random.Random(seed)

    def token(self, bits: int = 256) -> str:
        return f"{self._random.getrandbits(bits):0{bits // 4}x}"

    def fraction(self) -> float:
        return self._random.random()
