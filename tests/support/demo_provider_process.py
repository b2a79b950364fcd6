"""Runs the demo provider as a process of its own, as `make run` does, on a free loopback port."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30


class DemoProviderProcess:
    """A demo provider with its state in `state_dir`; a second start on the same directory continues it."""

    def __init__(self, state_dir: Path, *, port: int | None = None) -> None:
        self.state_dir = state_dir
        self.port = port or find_free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            RuntimeError: it ended or did not answer within 30 seconds.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        log = self.state_dir / "process.log"
        command = [sys.executable, "-m", "local.demo_provider"]
        command += ["--port", str(self.port), "--state-dir", str(self.state_dir)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                httpx.get(f"{self.issuer}/health", trust_env=False, timeout=5).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise RuntimeError(f"the demo provider did not start: {log.read_text()[-2000:]}")

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End the process by its id and return its exit status; none when it was not running."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(how)
        try:
            return process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(timeout=15)

    def register_client(self, client_id: str, redirect_uri: str, **extra: Any) -> dict[str, Any]:
        """Register a client, or one more redirect URI of a seeded one; answers with its secret."""
        body = {"client_id": client_id, "redirect_uris": [redirect_uri], **extra}
        response = httpx.post(f"{self.issuer}/clients", json=body, trust_env=False)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def read_ledger(self, since: int = 0) -> dict[str, Any]:
        """The provider's own log: `entries` numbered above `since`, `counters` and `last`."""
        response = httpx.get(f"{self.issuer}/ledger", params={"since": since}, trust_env=False)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def accepts(self, access_token: str) -> bool:
        """Whether the provider's resource takes this access token at this moment."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return (
            httpx.get(f"{self.issuer}/userinfo", headers=headers, trust_env=False).status_code
            == httpx.codes.OK
        )


def find_free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
