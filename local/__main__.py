"""``python -m local up|down|status|secret NAME``: the stack of ``make run``, without its demonstration."""

from __future__ import annotations

import sys

from local import demo, deploy, run, stop
from local.emulator import process as emulator
from local.stack import LocalStack, get_stack


def status(stack: LocalStack) -> int:
    """Say what runs; 0 when the stack is up."""
    running = emulator.get_background(stack).find_pid()
    provider = demo.get_background(stack).find_pid()
    print(f"emulator       {f'pid {running} on {stack.endpoint}' if running else 'stopped'}")
    print(f"stack          {(deploy.find_status(stack) if running else None) or 'not deployed'}")
    print(f"demo provider  {f'pid {provider} on port {demo.PORT}' if provider else 'stopped'}")
    return 0 if running else 1


def secret(name: str) -> int:
    """Print what a reader of Secrets Manager sees under this name."""
    client = deploy.build_session().client("secretsmanager", endpoint_url=get_stack().endpoint)
    print(client.get_secret_value(SecretId=name)["SecretString"])
    return 0


def main(command: str, *arguments: str) -> int:
    """Do what the command says."""
    try:
        stack = get_stack()
        if command == "up":
            run.up(stack)
            run.write_environment(stack, {})
            return 0
        if command == "down":
            return stop.main()
        if command == "status":
            return status(stack)
        if command == "secret" and arguments:
            return secret(arguments[0])
    except run.FAILURES as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(*(sys.argv[1:] or ["help"])))
