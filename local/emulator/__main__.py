"""Run the emulator: ``python -m local.emulator [OWNER_PID]``, its settings in the environment (see process.py).

With an owner, the emulator ends when the owner does: a test run that is killed leaves nothing behind.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from local.emulator import http_api, iam, iam_dynamodb, layers, queues, scheduler, secrets, streams
from local.emulator.patching import get_module, require_supported_version

OWNER_CHECK_SECONDS = 0.5


def end_with(owner: int) -> None:
    """Send this process SIGTERM once the owner is gone."""

    def watch() -> None:
        while True:
            time.sleep(OWNER_CHECK_SECONDS)
            try:
                os.kill(owner, 0)
            except ProcessLookupError:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True, name="owner-watch").start()


def main() -> None:
    """Patch, then serve until SIGTERM."""
    owner = sys.argv[1:]
    sys.argv = sys.argv[:1]  # the emulator parses what is left
    require_supported_version()
    for concern in (iam, iam_dynamodb, layers, queues, streams, scheduler, http_api, secrets):
        concern.apply()
    if owner:
        end_with(int(owner[0]))
    get_module("app").main()


if __name__ == "__main__":
    main()
