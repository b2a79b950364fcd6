"""Builds and deploys the real template with the real SAM CLI onto a local stack."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.exceptions import ClientError

from local.repairs import repair
from local.stack import ACCESS_KEY_ID, LOCAL, REGION, ROOT, SECRET_ACCESS_KEY, LocalStack

SAM = ROOT / ".venv-sam" / "bin" / "sam"
# One build serves every local stack: nothing in it depends on where it is deployed.
BUILD = LOCAL / "build"
TEMPLATE = BUILD / "template.yaml"
FINGERPRINT = LOCAL / "build.fingerprint"
LOCK = LOCAL / "build.lock"
SOURCES = ("template.yaml", "layers", "functions", "requirements/layer.txt")
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class DeploymentError(Exception):
    """SAM failed; the message holds the end of what it said and where the rest is."""


def build_fingerprint() -> str:
    """Return a hash of everything that goes into the build, the interpreter included."""
    digest = hashlib.sha256(f"{sys.version} {platform.machine()}".encode())
    for source in SOURCES:
        top = ROOT / source
        for path in [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file()):
            if "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def _build_to_oneself() -> Iterator[None]:
    """Keep every other process from building, and from deploying what is being replaced."""
    LOCAL.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_built(stack: LocalStack) -> str:
    """Build for this machine's interpreter unless the build is current, and return the build's fingerprint.

    Raises:
        DeploymentError: the build failed; nothing is ever deployed from half a build.
    """
    with _build_to_oneself():
        return _build(stack)


def _build(stack: LocalStack) -> str:
    fingerprint = build_fingerprint()
    if TEMPLATE.exists() and FINGERPRINT.exists() and FINGERPRINT.read_text() == fingerprint:
        return fingerprint
    FINGERPRINT.unlink(missing_ok=True)
    fresh = LOCAL / "build.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _run_sam(stack, "build", "--build-dir", str(fresh), "--parameter-overrides", *_parameter_arguments(stack))
    shutil.rmtree(BUILD, ignore_errors=True)
    fresh.rename(BUILD)
    FINGERPRINT.write_text(fingerprint)
    return fingerprint


def build_parameters(stack: LocalStack) -> dict[str, str]:
    """Return the template's parameters for a local stack."""
    return {
        "Stage": "local",
        "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Architecture": ARCHITECTURES.get(platform.machine().lower(), "x86_64"),
        "PublicBaseUrl": stack.base_url,
        "MinimumPublishedLifetimeSeconds": str(stack.minimum_published_lifetime_seconds),
        "AccessTokenLifetimeSeconds": "43200",
        "AllowLoopbackProviders": "true",
        "RefresherConcurrency": "4",
        "LogRetentionDays": "1",
    }


def ensure_deployed(stack: LocalStack) -> bool:
    """Deploy the current build unless the stack already runs it, and return whether anything was deployed.

    Raises:
        DeploymentError: build or deployment failed.
    """
    record = stack.directory / "deployed.json"
    with _build_to_oneself():
        wanted = json.dumps({"build": _build(stack), "parameters": build_parameters(stack)}, indent=1)
        if record.exists() and record.read_text() == wanted and find_status(stack) in COMPLETE:
            return False
        record.unlink(missing_ok=True)
        _run_sam(
            stack,
            "deploy",
            "--template-file",
            str(TEMPLATE),
            "--stack-name",
            stack.name,
            "--parameter-overrides",
            *_parameter_arguments(stack),
        )
    repair(build_session(), stack)
    record.write_text(wanted)
    return True


def _parameter_arguments(stack: LocalStack) -> list[str]:
    return [f"{name}={value}" for name, value in build_parameters(stack).items()]


def build_session() -> boto3.Session:
    """Return a session for clients of the local stack; give each client ``endpoint_url=stack.endpoint``."""
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=REGION
    )


def find_status(stack: LocalStack) -> str | None:
    """Return the deployed stack's status, if there is one."""
    client = build_session().client("cloudformation", endpoint_url=stack.endpoint)
    try:
        return str(client.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"])
    except (ClientError, IndexError):
        return None


def _run_sam(stack: LocalStack, command: str, *arguments: str) -> None:
    stack.temporary.mkdir(parents=True, exist_ok=True)
    log = stack.directory / f"sam-{command}.log"
    environment = stack.build_tool_environment() | {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
        "__SAM_CLI_APP_DIR": str(LOCAL / "sam"),  # else it keeps its own settings in the home directory
        "SAM_CLI_CHECK_VERSION": "0",
        "EVERTOKEN_RUNTIME": "host",
        "EVERTOKEN_ARCHITECTURE": "host",
        "BUILD_PYTHON": sys.executable,
    }
    with log.open("w") as output:
        done = subprocess.run(
            [
                str(SAM),
                command,
                "--config-file",
                str(ROOT / "samconfig.toml"),
                "--config-env",
                "local",
                *arguments,
            ],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        end = "\n".join("  " + line for line in log.read_text(errors="replace").strip().splitlines()[-25:])
        raise DeploymentError(f"sam {command} failed:\n{end}\nAll of it: {log}")
