"""``python -m local up|down|status``: the stack of ``make run``, without its demonstration."""

from __future__ import annotations

import sys

from local import demo, deploy, run
from local.emulator import process as emulator


def status() -> int:
    """Say what runs; 0 when the stack is up."""
    stack = run.get_stack()
    running = emulator.get_background(stack).find_pid()
    provider = demo.get_background(stack).find_pid()
    print(f"emulator       {f'pid {running} on {stack.endpoint}' if running else 'stopped'}")
    print(f"stack          {(deploy.find_status(stack) if running else None) or 'not deployed'}")
    print(f"demo provider  {f'pid {provider} on port {demo.PORT}' if provider else 'stopped'}")
    return 0 if running else 1


def main(command: str) -> int:
    """Do what the command says."""
    stack = run.get_stack()
    try:
        if command == "up":
            run.up(stack)
            run.write_environment(stack, {})
            return 0
        if command == "down":
            print("stopped; state is kept" if run.down(stack) else "nothing was running")
            return 0
        if command == "status":
            return status()
    except run.FAILURES as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(*(sys.argv[1:2] or ["help"])))
