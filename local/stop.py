"""``make stop``: ends everything that ``make run`` started, and keeps the state. Needs no environment, only Python."""

from __future__ import annotations

import sys

from local import demo
from local.emulator import process as emulator
from local.endpoint import ForeignEndpointError
from local.stack import get_stack


def main() -> int:
    """Stop the demonstration's server, then the emulator with its workers."""
    try:
        stack = get_stack()
    except ForeignEndpointError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    stopped = [demo.stop(stack), emulator.stop(stack)]
    print("stopped; state is kept" if any(stopped) else "nothing was running")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
