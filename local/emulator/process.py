"""Starts and stops the emulator of a stack."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from http import HTTPStatus
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from local.background import Background
from local.stack import HOST, ROOT, LocalStack

PYTHON = ROOT / ".venv-emulator" / "bin" / "python"
START_SECONDS = 30.0
# It saves its state on the way out; a large state takes seconds.
STOP_SECONDS = 20.0
PAUSE_SECONDS = 0.05


class EmulatorError(Exception):
    """The emulator does not start, or its port is taken; the message says what to do."""


def get_background(stack: LocalStack) -> Background:
    """Return the emulator's process, running or not."""
    return Background(pid_file=stack.directory / "emulator.pid", log=stack.directory / "emulator.log")


def is_ready(stack: LocalStack) -> bool:
    """Tell whether the emulator answers."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{stack.endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (URLError, OSError):
        return False


def start(stack: LocalStack, owner: int | None = None) -> bool:
    """Start the emulator unless it runs, and return whether it had to be started.

    With an owner (a pid), the emulator ends when that process does.

    Raises:
        EmulatorError: the port is taken, or it does not answer in time.
    """
    background = get_background(stack)
    if background.find_pid() is not None:
        _wait_until_ready(stack, None)
        return False
    _require_free_port(stack)
    # Every worker unpacks the layer into a directory that the emulator never removes.
    shutil.rmtree(stack.temporary, ignore_errors=True)
    stack.temporary.mkdir(parents=True)
    command = [str(PYTHON), "-m", "local.emulator", *([str(owner)] if owner else [])]
    _wait_until_ready(stack, background.start(command, _build_environment(stack)))
    return True


def stop(stack: LocalStack) -> bool:
    """Stop the emulator and its workers, and return whether there was one."""
    stopped = get_background(stack).stop(STOP_SECONDS)
    shutil.rmtree(stack.temporary, ignore_errors=True)
    return stopped


def _build_environment(stack: LocalStack) -> dict[str, str]:
    return stack.build_environment() | {
        "GATEWAY_PORT": str(stack.port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "AUTH": "true",  # enforce the functions' role policies
        "PERSIST_STATE": "1",
        "STATE_DIR": str(stack.directory / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(stack.directory / "s3"),
        "IOT_MTLS_ENABLED": "0",  # else it listens on all interfaces
        "LOG_LEVEL": "WARNING",
        "TENANT_MINUTE_SECONDS": str(stack.tenant_minute_seconds),  # see scheduler.py
    }


def _require_free_port(stack: LocalStack) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, stack.port))
        except OSError as error:
            raise EmulatorError(
                f"port {stack.port} is taken by another program. Stop it, or choose another: make run PORT={stack.port + 10}"
            ) from error


def _wait_until_ready(stack: LocalStack, process: subprocess.Popen[bytes] | None) -> None:
    log = get_background(stack).log
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(stack):
        if process is not None and process.poll() is not None:
            raise EmulatorError(f"the emulator ended with status {process.returncode}; its log is {log}")
        if time.monotonic() > deadline:
            raise EmulatorError(f"the emulator does not answer on {stack.endpoint}; its log is {log}")
        time.sleep(PAUSE_SECONDS)
