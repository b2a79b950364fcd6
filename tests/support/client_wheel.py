"""The wheel as users have it: built by its own recipe, installed into an environment that holds nothing else of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.environments import ROOT, UV

BACKGROUND_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "UV_CACHE_DIR")


def run(*command: str, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command that has to succeed; it gets none of the caller's Python settings."""
    python = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in python} | more
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done


def build_wheel(directory: Path) -> Path:
    """Build the wheel as `make wheel` does, and return its file."""
    recipe = ROOT / "packages" / "client"
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory), directory=recipe)
    (wheel,) = directory.glob("*.whl")
    return wheel


@dataclass(frozen=True, slots=True)
class UserEnvironment:
    """An environment with the wheel in it; its programs see neither the repository nor the test's own variables."""

    directory: Path

    @property
    def python(self) -> Path:
        return self.directory / "bin" / "python"

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python there and return what came of it, whatever it was."""
        running = self.open(*arguments, environment=environment)
        said, errors = running.communicate(timeout=120)
        return subprocess.CompletedProcess(running.args, running.returncode, said, errors)

    def open(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Begin to run Python there; whatever warns fails."""
        background = {name: os.environ[name] for name in BACKGROUND_VARIABLES if name in os.environ}
        return subprocess.Popen(
            [str(self.python), "-W", "error", *arguments],
            cwd=self.directory,
            env=background | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"} | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )


def install_wheel(wheel: Path, directory: Path, extras: Sequence[str] = ()) -> UserEnvironment:
    """Return an environment with the wheel, these extras, and the versions that the project has locked."""
    run(str(UV), "venv", "--quiet", "--python", sys.executable, str(directory), directory=ROOT)
    wanted = (
        f"evertoken[{','.join(extras)}] @ {wheel.as_uri()}" if extras else f"evertoken @ {wheel.as_uri()}"
    )
    lock = str(ROOT / "requirements" / "app.txt")
    python = str(directory / "bin" / "python")
    run(
        *(str(UV), "pip", "install", "--quiet", "--python", python, "--constraints", lock, wanted),
        directory=ROOT,
    )
    return UserEnvironment(directory)
