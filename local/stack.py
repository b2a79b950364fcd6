"""A local stack as a value: what it is called, where it listens, where it keeps its state."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from local.endpoint import require_loopback

ROOT = Path(__file__).resolve().parents[1]
LOCAL = ROOT / ".local"
HOST = "127.0.0.1"
REGION = "us-east-1"
DEFAULT_PORT = 4566
# The emulator's root credentials. They open nothing but the emulator.
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "test"  # noqa: S105
# What a process of the stack gets of the caller's environment. The emulator hands its own to every function, so it is little.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """One emulator with one deployed stack. Tests bring up a second one beside the one of ``make run``."""

    name: str = "evertoken-local"
    port: int = DEFAULT_PORT
    directory: Path = LOCAL / "stack"
    minimum_published_lifetime_seconds: int = 90
    tenant_minute_seconds: int = 60
    """How long the emulator takes a minute of the tenants' schedules to be; tests cannot wait for two."""

    @property
    def endpoint(self) -> str:
        """The AWS endpoint."""
        return f"http://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """The API's address; it holds no API id, so it survives a fresh deployment."""
        return f"{self.endpoint}/app"

    @property
    def temporary(self) -> Path:
        """Where this stack's processes put temporary files."""
        return self.directory / "tmp"

    def build_environment(self) -> dict[str, str]:
        """Return the whole environment for a process of this stack.

        Raises:
            ForeignEndpointError: the caller's environment names an AWS endpoint elsewhere.
        """
        require_loopback(os.environ)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return inherited | self.build_aws_environment() | {"TMPDIR": str(self.temporary)}

    def build_tool_environment(self) -> dict[str, str]:
        """Return the caller's environment, for tools that may need its proxies and certificates, with this stack as its AWS.

        Raises:
            ForeignEndpointError: the caller's environment names an AWS endpoint elsewhere.
        """
        require_loopback(os.environ)
        foreign = ("AWS_", "SAM_CLI_", "VIRTUAL_ENV", "PYTHON", "MAKE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return (
            inherited
            | self.build_aws_environment()
            | {"TMPDIR": str(self.temporary), "NO_PROXY": HOST, "no_proxy": HOST}
        )

    def build_aws_environment(self) -> dict[str, str]:
        """Return the variables that make an AWS client talk to this stack and look nowhere else for credentials."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def get_stack() -> LocalStack:
    """Return the stack of ``make run``; PORT chooses another port, whose state is kept apart.

    Raises:
        ForeignEndpointError: the environment names an AWS endpoint that is not on this machine.
    """
    require_loopback(os.environ)
    port = int(os.environ.get("PORT") or DEFAULT_PORT)
    return LocalStack(port=port, directory=LOCAL / ("stack" if port == DEFAULT_PORT else f"stack-{port}"))
