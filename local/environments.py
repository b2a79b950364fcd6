"""Makes the project's environments from their locked requirements: ``python3 -m local.environments [NAME ...]``.

Only the standard library is used, because this runs before anything is installed. Each environment is one requirements file (their
pins clash) and is made again only when that file, or the interpreter, has changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"
UV = TOOLS / "bin" / "uv"
OLDEST, NEWEST = (3, 11), (3, 14)
STAMP = ".evertoken-lock"
# "runtime" is what AWS gives every function beside the interpreter; "provider" runs the tests' authorization server of others,
# "fuzz" asks the API at random.
ENVIRONMENTS = {
    "app": ".venv",
    "sam": ".venv-sam",
    "emulator": ".venv-emulator",
    "lint": ".venv-lint",
    "runtime": ".venv-runtime",
    "provider": ".venv-provider",
    "fuzz": ".venv-fuzz",
}


class BootstrapError(Exception):
    """An environment cannot be made; the message says what to do."""


def require_python() -> None:
    """Check the interpreter that will run everything.

    Raises:
        BootstrapError: it is too old, or newer than the newest Lambda runtime.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        oldest, newest, this = (
            ".".join(map(str, version)) for version in (OLDEST, NEWEST, sys.version_info[:2])
        )
        raise BootstrapError(
            f"Python {oldest} to {newest} is needed, this is {this}. Choose another: make run PYTHON=python3.13"
        )


def run_quietly(*command: str) -> None:
    """Run a command; show what it said only when it fails.

    Raises:
        BootstrapError: it failed.
    """
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    # A virtual environment that happens to be active must not be taken for one of ours.
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        said = "\n".join("  " + line for line in lines[-12:])
        raise BootstrapError(
            f"this failed:\n  {' '.join(command)}\n{said}\n"
            "A package registry must be reachable the first time; after that no network is needed."
        )


def ensure_uv() -> None:
    """Put uv into .tools unless it is there."""
    if UV.exists():
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    own = shutil.which("uv")
    if own is not None:
        (TOOLS / "bin").mkdir(parents=True)
        UV.symlink_to(own)
        return
    run_quietly(sys.executable, "-m", "venv", str(TOOLS))
    run_quietly(
        str(TOOLS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"
    )


def build_stamp(requirements: Path) -> str:
    """Return what identifies an environment's content: its lock and the interpreter."""
    lock = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return f"{lock} {os.path.realpath(sys.executable)} {sys.version_info[:3]}\n"


def ensure(name: str) -> bool:
    """Make one environment current, and return whether there was anything to do.

    Raises:
        BootstrapError: a package cannot be had.
    """
    directory, requirements = ROOT / ENVIRONMENTS[name], ROOT / "requirements" / f"{name}.txt"
    stamp, expected = directory / STAMP, build_stamp(requirements)
    if stamp.exists() and stamp.read_text() == expected:
        return False
    stamp.unlink(missing_ok=True)
    python = directory / "bin" / "python"
    if not is_same_python(python):
        run_quietly(str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, str(directory))
    run_quietly(
        str(UV),
        "pip",
        "sync",
        "--quiet",
        "--python",
        str(python),
        "--require-hashes",
        str(requirements),
    )
    stamp.write_text(expected)
    return True


def is_same_python(python: Path) -> bool:
    """Tell whether an environment exists and runs this very interpreter's version."""
    if not python.exists():
        return False
    question = "import sys; print(tuple(sys.version_info[:3]))"
    answer = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == str(tuple(sys.version_info[:3]))


def ensure_all(names: list[str]) -> list[str]:
    """Make the named environments current, side by side, and return those for which there was something to do.

    Raises:
        BootstrapError: one cannot be made.
    """
    ensure_uv()
    with ThreadPoolExecutor() as pool:
        return [name for name, made in zip(names, pool.map(ensure, names), strict=True) if made]


def main(names: list[str]) -> int:
    """Make the named environments, by default all of them."""
    started = time.monotonic()
    try:
        require_python()
        made = ensure_all(names or list(ENVIRONMENTS))
        if made:
            print(f"environments made in {time.monotonic() - started:.1f} s: {', '.join(made)}", flush=True)
    except BootstrapError as error:
        print(f"environments: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
