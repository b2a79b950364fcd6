"""The demonstration's authorization server as a background process. It is a program of its own and speaks only HTTP."""

from __future__ import annotations

import socket
import sys
import time

from local.background import Background
from local.stack import HOST, LocalStack

PORT = 4600
START_SECONDS = 15.0
STOP_SECONDS = 5.0


class DemoProviderError(Exception):
    """The demonstration's authorization server does not start; the message says why."""


def get_background(stack: LocalStack) -> Background:
    """Return the server's process, running or not."""
    return Background(
        pid_file=stack.directory / "demo_provider.pid", log=stack.directory / "demo_provider.log"
    )


def is_listening() -> bool:
    """Tell whether anything accepts connections on the server's port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, PORT)) == 0


def start(stack: LocalStack) -> bool:
    """Start the server unless it runs, and return whether it had to be started.

    Raises:
        DemoProviderError: its port is taken, or it does not listen in time.
    """
    background = get_background(stack)
    if background.find_pid() is not None:
        return False
    if is_listening():
        raise DemoProviderError(
            f"port {PORT} is taken by another program; the demonstration's server needs it"
        )
    state = stack.directory / "demo_provider"
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "local.demo_provider", "--port", str(PORT), "--state-dir", str(state)]
    process = background.start(command, stack.build_environment())
    deadline = time.monotonic() + START_SECONDS
    while not is_listening():
        if process.poll() is not None or time.monotonic() > deadline:
            raise DemoProviderError(
                f"the demonstration's server does not listen; its log is {background.log}"
            )
        time.sleep(0.05)
    return True


def stop(stack: LocalStack) -> bool:
    """Stop the server, and return whether there was one."""
    return get_background(stack).stop(STOP_SECONDS)
