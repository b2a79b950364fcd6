"""The sandbox in which built functions are tested behaves as Lambda does: errors, timeouts, deaths, a bare environment."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lambda_function import BuiltFunction
from tests.support.lambda_sandbox import LambdaSandbox

HANDLER = """
import os, time
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("call", calls)
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if event.get("raise"):
        raise ValueError("as asked")
    if event.get("exit"):
        os._exit(3)
    return {"calls": calls, "remaining": context.get_remaining_time_in_millis(), "names": sorted(os.environ)}
"""


@pytest.fixture
def function(tmp_path: Path) -> BuiltFunction:
    (tmp_path / "handler.py").write_text(HANDLER)
    return BuiltFunction(
        name="Sample",
        code=tmp_path,
        layer=tmp_path / "none",
        handler="handler.handler",
        timeout_seconds=5,
        environment={"STAGE": "local"},
    )


@pytest.fixture
def sandbox(function: BuiltFunction) -> Iterator[LambdaSandbox]:
    with LambdaSandbox(function) as made:
        yield made


def test_a_warm_sandbox_keeps_its_process_and_its_log_is_cut_by_invocation(sandbox: LambdaSandbox) -> None:
    first, second = sandbox.invoke({}), sandbox.invoke({})
    assert (first.was_cold, second.was_cold) == (True, False)
    assert (first.payload["calls"], second.payload["calls"]) == (1, 2)
    assert "call 2" in second.log
    assert "call 1" not in second.log
    assert 0 < second.payload["remaining"] <= 5000


def test_nothing_of_the_callers_environment_reaches_the_function(
    sandbox: LambdaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERTOKEN_CANARY", "x")
    names = sandbox.invoke({}).payload["names"]
    assert "EVERTOKEN_CANARY" not in names
    assert "STAGE" in names


def test_an_exception_is_reported_by_its_type_and_leaves_the_sandbox_usable(sandbox: LambdaSandbox) -> None:
    assert sandbox.invoke({"raise": True}).error_type == "ValueError"
    assert sandbox.invoke({}).payload["calls"] == 2


def test_a_function_that_outlives_its_timeout_is_killed_and_starts_afresh(function: BuiltFunction) -> None:
    with LambdaSandbox(function, timeout_seconds=0.4) as sandbox:
        sandbox.invoke({})
        pid = sandbox.pid
        assert pid is not None
        assert sandbox.invoke({"sleep": 30}).error_type == "Sandbox.Timedout"
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert sandbox.invoke({}).payload["calls"] == 1


def test_a_process_that_is_killed_in_its_work_is_reported_and_does_not_swallow_the_next_event(
    sandbox: LambdaSandbox,
) -> None:
    sandbox.invoke({})
    pid = sandbox.pid
    assert pid is not None

    def kill() -> None:
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    assert sandbox.invoke({"sleep": 30}).error_type == "Runtime.ExitError"
    assert sandbox.invoke({}).payload["calls"] == 1


def test_a_process_that_exits_is_reported(sandbox: LambdaSandbox) -> None:
    assert sandbox.invoke({"exit": True}).error_type == "Runtime.ExitError"


def test_a_missing_dependency_fails_as_it_would_on_lambda(function: BuiltFunction) -> None:
    (function.code / "handler.py").write_text("import pytest\n")
    with LambdaSandbox(function) as sandbox:
        result = sandbox.invoke({})
    assert result.error_type == "Runtime.ImportModuleError"
