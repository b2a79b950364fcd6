"""Builds the layer: wheels chosen for the target, the package, and bytecode where an interpreter of the target's minor is at hand.

Run from the project's root: ``python layers/evertoken/build_layer.py DIRECTORY``. Everything is made beside DIRECTORY and moved
into it at the end, so a build that fails leaves no half layer behind. Only the standard library is used.
"""

# ruff: noqa: S603, T201 - runs uv and compileall, and talks to a person
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "evertoken" / "evertoken"
REQUIREMENTS = ROOT / "requirements" / "layer.txt"

# The template's defaults; a test keeps the two equal.
DEFAULT_RUNTIME = "python3.13"
DEFAULT_ARCHITECTURE = "arm64"

# manylinux2014 (glibc 2.17) runs on every Lambda runtime, the Amazon Linux 2 of python3.11 included.
PLATFORMS = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")

# Never imported at run time. pip's bookkeeping and console scripts have no reader there; type stubs none either.
UNUSED_PATTERNS = ("bin", ".lock", "*.dist-info/RECORD", "*.dist-info/direct_url.json", "**/*.pyi")


class LayerBuildError(Exception):
    """The layer cannot be built; the message names what to do."""


def find_uv() -> str:
    """Return the uv command of this project, else the one on PATH.

    Raises:
        LayerBuildError: there is none.
    """
    own = ROOT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise LayerBuildError("uv is missing: run `make environments` once, or put uv on PATH")
    return found


def install_arguments(runtime: str, architecture: str) -> list[str]:
    """Return uv's options that choose the wheels for one target.

    Raises:
        LayerBuildError: the target is not one that the template allows.
    """
    if runtime == "host" and architecture == "host":
        return ["--python", sys.executable]
    if runtime not in RUNTIMES or architecture not in PLATFORMS:
        raise LayerBuildError(
            f"no such target: {runtime} on {architecture}; EVERTOKEN_RUNTIME is one of {', '.join(RUNTIMES)}, "
            f"EVERTOKEN_ARCHITECTURE one of {', '.join(PLATFORMS)} (or both are host)"
        )
    return [
        "--python",
        sys.executable,
        "--python-version",
        runtime.removeprefix("python"),
        "--python-platform",
        PLATFORMS[architecture],
    ]


def find_compiler(runtime: str) -> str | None:
    """Return an interpreter whose bytecode the runtime can load, if one is at hand.

    A command of the right name may be a version manager's shim for a Python that is not active, so each is asked.
    """
    if runtime in ("host", f"python{sys.version_info.major}.{sys.version_info.minor}"):
        return sys.executable
    command = shutil.which(runtime)
    if command is None:
        return None
    question = "import sys; print('python%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([command, "-c", question], capture_output=True, text=True, check=False)
    return command if answer.stdout.strip() == runtime else None


def remove_unused(directory: Path) -> None:
    """Remove from the layer what nothing imports at run time."""
    for pattern in UNUSED_PATTERNS:
        for path in directory.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def build(destination: Path, runtime: str, architecture: str) -> None:
    """Build the layer's content into destination, whole or not at all.

    Raises:
        LayerBuildError: no uv, an unknown target, or an installation that failed (uv has said why).
    """
    uv, arguments = find_uv(), install_arguments(runtime, architecture)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="layer-", dir=destination.parent) as scratch:
        python = Path(scratch) / "python"
        command = [
            uv,
            "pip",
            "install",
            "--quiet",
            *arguments,
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--no-deps",
            "--link-mode",
            "copy",
            "--target",
            str(python),
            "-r",
            str(REQUIREMENTS),
        ]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            raise LayerBuildError("the layer's wheels could not be installed; uv's message is above")
        shutil.copytree(PACKAGE, python / "evertoken", ignore=shutil.ignore_patterns("__pycache__"))
        remove_unused(python)
        compiler = find_compiler(runtime)
        if compiler is not None:
            # unchecked-hash: zip and unzip change the times that ordinary bytecode is checked against.
            subprocess.run(
                [
                    compiler,
                    "-m",
                    "compileall",
                    "-q",
                    "-j",
                    "0",
                    "--invalidation-mode",
                    "unchecked-hash",
                    "-s",
                    scratch,
                    str(python),
                ],
                check=True,
            )
        target = destination / "python"
        if target.exists():
            shutil.rmtree(target)
        destination.mkdir(exist_ok=True)
        python.rename(target)
    print(f"layer for {runtime} on {architecture}, bytecode: {'yes' if compiler else 'no'}", file=sys.stderr)


def main() -> int:
    """Build for the target that the environment names."""
    try:
        build(
            Path(sys.argv[1]).resolve(),
            os.environ.get("EVERTOKEN_RUNTIME", DEFAULT_RUNTIME),
            os.environ.get("EVERTOKEN_ARCHITECTURE", DEFAULT_ARCHITECTURE),
        )
    except LayerBuildError as error:
        print(f"layer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
