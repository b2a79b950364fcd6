"""What must not be found where it does not belong: every secret value that a test of this run has met, of all workers.

Tests write into one file beside the stack that they use; `test_no_token_in_any_sink.py` reads it at the end of the run.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

SHORTEST = 12
"""A shorter value could be found by chance."""


@dataclass(frozen=True, slots=True)
class Canaries:
    """The values of one stack. Appending is atomic, so that workers need no lock."""

    path: Path

    def add(self, *values: str) -> None:
        """Remember values that no log, queue, item or event may ever hold."""
        for value in values:
            assert len(value) >= SHORTEST, "too short to be looked for"
            assert "\n" not in value
        with self.path.open("a") as file:
            file.write("".join(f"{value}\n" for value in values))

    def add_client(self, client_id: str, client_secret: str) -> None:
        """Remember a client's secret, alone and as HTTP Basic has it."""
        self.add(client_secret, base64.b64encode(f"{client_id}:{client_secret}".encode()).decode())

    def read(self) -> tuple[str, ...]:
        """Return what was remembered, each value once."""
        return tuple(sorted(set(self.path.read_text().splitlines()))) if self.path.exists() else ()
