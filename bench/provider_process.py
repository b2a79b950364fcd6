"""The tests' scripted provider in a process of its own, so that its processor time is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.stack import ROOT
from tests.support.provider_faults import delay
from tests.support.provider_profile import STATIC, ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

CLIENT_ID = "client-1"
CLIENT_SECRET = "bench-secret"
_FOR_EVER = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningProvider:
    """A provider that answers on loopback; each refresh token is a grant's that may be used again and again."""

    token_endpoint: str
    refresh_tokens: tuple[str, ...] = field(repr=False)


@contextmanager
def running_provider(*, grants: int, latency_seconds: float = 0.0) -> Iterator[RunningProvider]:
    """Run a provider until the block ends; it ends with this process too, because it reads our end of a pipe."""
    command = [sys.executable, "-m", "bench.provider_process", str(grants), str(latency_seconds)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield RunningProvider(
                token_endpoint=told["token_endpoint"], refresh_tokens=tuple(told["refresh_tokens"])
            )
        finally:
            process.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    grants, latency_seconds = int(sys.argv[1]), float(sys.argv[2])
    profile = ProviderProfile(rotation=STATIC, repeats_refresh_token=True, clients={CLIENT_ID: CLIENT_SECRET})
    with ScriptedProvider(profile) as provider:
        if latency_seconds:
            provider.script.add(delay(latency_seconds), times=_FOR_EVER)
        tokens = [provider.rules.connect()["refresh_token"] for _ in range(grants)]
        told = {"token_endpoint": provider.token_endpoint, "refresh_tokens": tokens}
        print(json.dumps(told), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
