"""Local commands: loopback only, environments made once, background processes known for certain."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import environments, run
from local.background import Background
from local.emulator import process
from local.emulator.patching import EmulatorMismatchError, replace, require
from local.endpoint import ForeignEndpointError, is_loopback, require_loopback
from local.stack import LocalStack
from tests.support.stack import find_free_port


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://localhost:1", "http://[::1]:4566", "https://127.8.8.8"]
)
def test_loopback_is_recognised(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://dynamodb.eu-west-1.amazonaws.com",
        "http://127.0.0.1.example.com",
        "http://localhost@10.0.0.1",
        "",
        "x",
    ],
)
def test_anything_else_is_not_loopback(url: str) -> None:
    assert not is_loopback(url)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_local_commands_refuse_a_foreign_endpoint_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require_loopback({name: "http://127.0.0.1:4566"})
    monkeypatch.setenv(name, "https://sqs.eu-west-1.amazonaws.com")
    with pytest.raises(ForeignEndpointError, match=name):
        LocalStack().build_environment()
    with pytest.raises(ForeignEndpointError, match=name):
        LocalStack().build_tool_environment()


@pytest.mark.parametrize(
    "command", [["-m", "local", "up"], ["-m", "local", "status"], ["-m", "local.run"], ["-m", "local.stop"]]
)
def test_every_command_refuses_before_it_does_anything(command: list[str], tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": "https://sts.amazonaws.com",
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=environments.ROOT,
        env={**environment, "PORT": str(find_free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 1
    assert "refused: AWS_ENDPOINT_URL" in done.stderr


def test_no_credentials_or_profile_of_the_caller_reach_a_local_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "x")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for built in (LocalStack().build_environment(), LocalStack().build_tool_environment()):
        assert "AWS_PROFILE" not in built
        assert "AWS_SESSION_TOKEN" not in built
        assert built["AWS_ACCESS_KEY_ID"] == "test"


def test_the_written_environment_can_be_sourced_and_leaves_no_profile_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOCAL", tmp_path)
    path = run.write_environment(LocalStack(port=4999), {"EVERTOKEN_TOKEN": "it's odd $HOME"})
    assert path.stat().st_mode & 0o077 == 0
    show = f'. {path}; printf "%s|%s|%s" "$EVERTOKEN_TOKEN" "$EVERTOKEN_API" "${{AWS_PROFILE-none}}"'
    environment = {"PATH": "/usr/bin:/bin", "AWS_PROFILE": "production"}
    done = subprocess.run(["sh", "-c", show], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "it's odd $HOME|http://127.0.0.1:4999/app|none"


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(process.EmulatorError, match=f"port {port} is taken.*PORT="):
            process.start(LocalStack(port=port, directory=tmp_path))


def test_a_background_process_is_known_while_it_lives_and_not_after(tmp_path: Path) -> None:
    background = Background(pid_file=tmp_path / "pid", log=tmp_path / "log")
    assert background.find_pid() is None
    assert not background.stop(1)
    child = background.start([sys.executable, "-c", "import time; time.sleep(60)"], {})
    assert background.find_pid() == child.pid
    with pytest.raises(BlockingIOError):
        background.start([sys.executable, "-c", ""], {})
    assert background.stop(5)
    assert background.find_pid() is None
    assert child.poll() is not None


def test_a_pid_file_whose_process_is_gone_names_nobody(tmp_path: Path) -> None:
    background = Background(pid_file=tmp_path / "pid", log=tmp_path / "log")
    background.pid_file.write_text("1")  # alive, and not ours
    assert background.find_pid() is None
    assert not background.stop(1)


def test_a_process_that_ignores_the_request_to_end_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
    )
    background = Background(pid_file=tmp_path / "pid", log=tmp_path / "log")
    process = background.start([sys.executable, "-c", code], {"PATH": "/usr/bin:/bin"})
    while not background.log.read_text().endswith("\n"):
        assert process.poll() is None
    grandchild = int(background.log.read_text())
    assert background.stop(0.2)
    deadline = time.monotonic() + 5  # a killed process ends a moment after the signal
    while is_alive(grandchild):
        assert time.monotonic() < deadline


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be buried by its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_an_environment_is_made_again_only_when_its_lock_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"sample": ".venv-sample"})
    (tmp_path / "requirements").mkdir()
    lock = tmp_path / "requirements" / "sample.txt"
    lock.write_text("# nothing\n")
    assert environments.ensure("sample")
    assert not environments.ensure("sample")
    lock.write_text("# nothing, said otherwise\n")
    assert environments.ensure("sample")


def test_a_package_that_cannot_be_had_is_said_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"sample": ".venv-sample"})
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "sample.txt").write_text(f"sample==1 --hash=sha256:{'0' * 64}\n--no-index\n")
    assert environments.main([]) == 1
    said = capsys.readouterr().err
    assert "A package registry must be reachable" in said
    assert not (tmp_path / ".venv-sample" / environments.STAMP).exists()


def test_a_patch_of_something_that_the_emulator_no_longer_has_fails_loudly() -> None:
    with pytest.raises(EmulatorMismatchError, match="no_such_name"):
        replace(socket, "no_such_name", lambda original: original)
    with pytest.raises(EmulatorMismatchError, match="no_such_name"):
        require(socket, "socket", "no_such_name")
