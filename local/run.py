"""``make run``: emulator, build, deployment, demonstration, then the live view; with DETACH=1 it returns once all is up."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from local import demo, deploy, seed
from local.api import ApiError
from local.demo_provider.browser import BrowserError
from local.emulator import process as emulator
from local.endpoint import ForeignEndpointError
from local.outputs import read_outputs
from local.repairs import RepairError
from local.stack import LOCAL, ROOT, LocalStack, get_stack

FAILURES = (
    deploy.DeploymentError,
    emulator.EmulatorError,
    demo.DemoProviderError,
    RepairError,
    ForeignEndpointError,
    ApiError,
    BrowserError,
)


def step(title: str, work: Callable[[], bool]) -> None:
    """Do one step and say how long it took; a step answers whether there was anything to do."""
    print(f"  {title:<22}", end="", flush=True)
    started = time.monotonic()
    done = work()
    print(f"{time.monotonic() - started:5.1f} s" if done else "  as it was", flush=True)


def up(stack: LocalStack) -> None:
    """Bring up emulator and stack, without the demonstration.

    Raises:
        DeploymentError: build or deployment failed.
        EmulatorError: the emulator does not start.
    """
    step("AWS emulator", lambda: emulator.start(stack))
    step("build and deploy", lambda: deploy.ensure_deployed(stack))


def write_environment(stack: LocalStack, seeded: Mapping[str, str]) -> Path:
    """Write .local/env, which a shell can source: the API, the tokens of the demonstration, the local AWS."""
    variables = {"EVERTOKEN_API": stack.base_url, **seeded, **stack.build_aws_environment()}
    path = LOCAL / "env"
    # A profile of the caller would win over the keys.
    lines = ["unset AWS_PROFILE AWS_SESSION_TOKEN"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def main() -> int:
    """Run, and end with the live view unless DETACH is set."""
    try:
        stack = get_stack()
        up(stack)
        step("demo provider", lambda: demo.start(stack))
        seeded: dict[str, str] = {}
        step("demo connections", lambda: bool(seeded.update(seed.seed(stack)) or seeded))
        environment = write_environment(stack, seeded)
    except FAILURES as error:
        print(f"\n\n{error}", file=sys.stderr)
        return 1
    print(f"\n  API  {read_outputs(stack)['ApiUrl']}\n  in a shell:  . {environment.relative_to(ROOT)}\n")
    if os.environ.get("DETACH"):
        return 0
    return subprocess.run(
        [sys.executable, "-m", "local.live_view"], cwd=ROOT, env=stack.build_tool_environment(), check=False
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
