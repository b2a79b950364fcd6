"""`make bench SOAK=600`: reads what `make run` keeps fresh, once a second by the API and by the secret, and counts what was no good.

Every token is shown to the demonstration's provider in the moment in which it was read. Run by hand, because it takes ten minutes and a
running stack; it ends with status 1 when anything was expired, refused, or not to be had.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local import demo
from local.api import Api, ApiError
from local.deploy import build_session
from local.stack import HOST, get_stack

PERIOD_SECONDS = 1.0
SAID_EVERY_SECONDS = 60


@dataclass(slots=True)
class Tally:
    """What came of the reads, by where they were made."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    generations: dict[str, set[int]] = field(default_factory=dict)

    def read(self, where: str, fetch: Callable[[], dict[str, Any]]) -> None:
        """Read once and judge what came."""
        counts = self.counts.setdefault(where, Counter())
        counts["reads"] += 1
        try:
            token = fetch()
        except (ApiError, ClientError, BotoCoreError, httpx.HTTPError) as error:
            counts[f"failed: {type(error).__name__}"] += 1
            return
        self.generations.setdefault(token["connection_id"], set()).add(token["generation"])
        if datetime.fromisoformat(token["expires_at"]) <= datetime.now(UTC):
            counts["expired"] += 1
        if not is_accepted(token["access_token"]):
            counts["refused by the provider"] += 1

    def is_clean(self) -> bool:
        """Whether every read brought a good token."""
        return all(set(counts) == {"reads"} for counts in self.counts.values()) and bool(self.counts)

    def as_text(self) -> str:
        """One line for each place."""
        lines = []
        for where, counts in sorted(self.counts.items()):
            others = {name: count for name, count in counts.items() if name != "reads"}
            bad = {"expired": 0, "refused by the provider": 0} | others
            said = ", ".join(f"{count} {name}" for name, count in bad.items())
            lines.append(f"  {where:<8} {counts['reads']} reads: {said}")
        refreshed = ", ".join(str(max(seen) - min(seen)) for seen in self.generations.values())
        return "\n".join([*lines, f"  refreshes seen, by connection: {refreshed}"])


def is_accepted(access_token: str) -> bool:
    """Ask the demonstration's provider, which takes a token as any resource would."""
    answer = httpx.get(
        f"http://{HOST}:{demo.PORT}/userinfo",
        headers={"Authorization": f"Bearer {access_token}"},
        trust_env=False,
    )
    return answer.status_code == HTTPStatus.OK


def _read_secret(secrets: Any, name: str) -> Any:
    return json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])


def soak(seconds: float) -> Tally:
    """Read every demonstration's connection once a second for so long."""
    api = Api(os.environ["EVERTOKEN_API"], os.environ["EVERTOKEN_TOKEN"])
    secrets = build_session().client("secretsmanager", endpoint_url=get_stack().endpoint)
    rows = [row for row in api.call("GET", "/v1/connections")["connections"] if row["status"] == "active"]
    tally, began = Tally(), time.monotonic()
    end, said = began + seconds, began
    while time.monotonic() < end:
        tick = time.monotonic()
        for row in rows:
            path, name = f"/v1/connections/{row['connection_id']}/token", row["secret_name"]
            tally.read("API", partial(api.call, "GET", path))
            if name is not None:
                tally.read("secret", partial(_read_secret, secrets, name))
        if tick - said > SAID_EVERY_SECONDS:
            said = tick
            print(f"after {tick - began:.0f} s\n{tally.as_text()}", flush=True)
        time.sleep(max(0.0, PERIOD_SECONDS - (time.monotonic() - tick)))
    return tally


def main(arguments: list[str]) -> int:
    """Soak for the seconds named."""
    if "EVERTOKEN_TOKEN" not in os.environ:
        print(
            "Start with `make run DETACH=1`, then `. .local/env`, then `make bench SOAK=600`.",
            file=sys.stderr,
        )
        return 2
    seconds = float(arguments[0]) if arguments else 600.0
    tally = soak(seconds)
    print(f"soak of {seconds:.0f} s: {'clean' if tally.is_clean() else 'NOT CLEAN'}\n{tally.as_text()}")
    return 0 if tally.is_clean() else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
