"""Runs a built function as AWS does: ``awslambdaric`` in an environment that holds boto3 and nothing else of ours.

The environment is ``.venv-runtime`` (requirements/runtime.txt: awslambdaric and boto3, what the Lambda runtime brings), so that a
dependency missing from the layer fails here as it would on AWS. The process inherits no variable of the caller.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.stack import ROOT
from tests.support.lambda_function import BuiltFunction
from tests.support.runtime_api import Answer, RuntimeApi

PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
POLL_SECONDS = 0.02
# AWS gives initialization ten seconds of its own before the invocation's time begins.
START_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One invocation's result. ``error_type`` is AWS's name for it: None, an exception's, or ``Sandbox.Timedout``."""

    payload: Any
    error_type: str | None
    seconds: float
    log: str
    was_cold: bool


class LambdaSandbox:
    """One execution environment of one function: starts when first invoked, and again after a death. Not for several threads."""

    def __init__(
        self, function: BuiltFunction, *, timeout_seconds: float | None = None, python: Path = PYTHON
    ) -> None:
        """Take the function's own timeout unless another is given."""
        self._function = function
        self._timeout = timeout_seconds or function.timeout_seconds
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._api: RuntimeApi | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the sandbox
        self._temporary = tempfile.TemporaryDirectory(prefix="sandbox-")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The function's process, for tests that kill it."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def invoke(self, event: Any) -> Invocation:
        """Invoke once and wait; a function that outlives its timeout is killed, as on AWS."""
        cold = self.pid is None
        if cold:
            self._start()
        assert self._api is not None
        position = self._log.seek(0, os.SEEK_END)
        started = time.monotonic()
        request_id = self._api.offer(event, self._timeout)
        answer = self._wait(request_id, started + self._timeout + (START_SECONDS if cold else 0.0))
        seconds = time.monotonic() - started
        self._log.seek(position)
        log = self._log.read().decode(errors="replace")
        if answer is None:
            timed_out = self.pid is not None
            self.kill()
            death = "Sandbox.Timedout" if timed_out else "Runtime.ExitError"
            return Invocation(payload=None, error_type=death, seconds=seconds, log=log, was_cold=cold)
        if answer.request_id is None:
            self.kill()  # initialization failed: the next invocation starts afresh
        error_type = str((answer.payload or {}).get("errorType")) if answer.is_error else None
        return Invocation(
            payload=answer.payload, error_type=error_type, seconds=seconds, log=log, was_cold=cold
        )

    def kill(self) -> None:
        """End the process with SIGKILL: no handler, no ``finally``, no flush."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._api is not None:
            self._api.close()
            self._api = None

    def close(self) -> None:
        """Kill the process and remove what it left."""
        self.kill()
        self._log.close()
        self._temporary.cleanup()

    def _start(self) -> None:
        self.kill()
        if not self._python.exists():
            raise RuntimeError(f"{self._python} is missing: run `make environments`")
        function = self._function
        self._api = RuntimeApi(function.name)
        self._process = subprocess.Popen(
            [str(self._python), "-m", "awslambdaric", function.handler],
            cwd=function.code,
            env=self._build_environment(self._api.address),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def _wait(self, request_id: str, deadline: float) -> Answer | None:
        """Return the answer, or None when the process died or the time is over."""
        assert self._api is not None
        while True:
            try:
                answer = self._api.answers.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self.pid is None or time.monotonic() > deadline:
                    return None
                continue
            if answer.request_id in (request_id, None):
                return answer

    def _build_environment(self, address: str) -> dict[str, str]:
        function = self._function
        return {
            # What the runtime itself sets: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": self._temporary.name,
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_megabytes),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/evertoken/local/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
            "LAMBDA_TASK_ROOT": str(function.code),
            "_HANDLER": function.handler,
            # The order of AWS: the function's code, then the layer, then the runtime's own packages.
            "PYTHONPATH": os.pathsep.join([str(function.code), str(function.layer / "python")]),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **function.environment,
        }
