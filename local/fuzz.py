"""Asks a running API at random, as its own document says that it may be asked: ``python -m local.fuzz``, with ``.local/env`` in the environment.

Schemathesis does the asking, in an environment of its own. A tenant's token meets what tenants may do, an operator's what operators may.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from local.environments import ENVIRONMENTS, ROOT

DOCUMENT = ROOT / "layers" / "evertoken" / "evertoken" / "openapi.json"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
OPERATOR = "operator"
THOROUGH = ("examples", "coverage", "fuzzing")
EXAMPLES = 50
LIMIT_SECONDS = 1800
NEVER_ASKED = frozenset({"GET /docs", "GET /openapi.json"})
"""A page of two megabytes, and the document itself: their tests say more than chance can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and what; *parameters* are path parameters whose values are known (an own connection's id, say)."""

    token: str = field(repr=False)
    operation_ids: Sequence[str]
    parameters: Mapping[str, str] = field(default_factory=dict)


def split_operations(document: Path = DOCUMENT) -> tuple[list[str], list[str]]:
    """Return the ids of the operations that tenants (and everybody) may ask for, and of those that are the operators' alone."""
    tenants, operators = list[str](), list[str]()
    for path, methods in json.loads(document.read_text(encoding="utf-8"))["paths"].items():
        for method, operation in methods.items():
            scopes = {scope for one in operation["security"] for scope in one.get("accessToken", ())}
            if f"{method.upper()} {path}" not in NEVER_ASKED:
                (operators if scopes == {OPERATOR} else tenants).append(operation["operationId"])
    return tenants, operators


def fuzz(
    base_url: str,
    askers: Sequence[Asker],
    directory: Path,
    *,
    phases: Sequence[str],
    examples: int,
    limit_seconds: float = LIMIT_SECONDS,
) -> list[str]:
    """Ask as every asker at once and return what Schemathesis says of each that found something.

    Raises:
        subprocess.TimeoutExpired: it took longer than *limit_seconds*.
    """

    def ask(number: int) -> str | None:
        asker, here = askers[number], directory / f"asker-{number}"
        here.mkdir(parents=True, exist_ok=True)
        known = "".join(f'"path.{name}" = "{value}"\n' for name, value in asker.parameters.items())
        configuration = here / CONFIGURATION.name
        configuration.write_text(f"{CONFIGURATION.read_text(encoding='utf-8')}\n[parameters]\n{known}")
        command = [
            str(ROOT / ENVIRONMENTS["fuzz"] / "bin" / "st"),
            "--config-file",
            str(configuration),
            "run",
        ]
        command += [str(DOCUMENT), "--url", base_url, "--no-color", "--continue-on-failure"]
        command += ["--phases", ",".join(phases), "--max-examples", str(examples)]
        command += [part for one in asker.operation_ids for part in ("--include-operation-id", one)]
        environment = {**os.environ, "FUZZ_TOKEN": asker.token}
        done = subprocess.run(
            command,
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit_seconds,
            check=False,
        )
        return None if done.returncode == 0 else done.stdout + done.stderr

    with ThreadPoolExecutor() as pool:
        return [said for said in pool.map(ask, range(len(askers))) if said is not None]


def main() -> int:
    """Ask the stack of `make run` thoroughly."""
    try:
        base_url = os.environ["EVERTOKEN_API"]
        tokens = os.environ["EVERTOKEN_TOKEN"], os.environ["EVERTOKEN_OPERATOR_TOKEN"]
    except KeyError as missing:
        print(
            f"fuzz: {missing.args[0]} is not set. Start the stack with make run, then: . .local/env",
            file=sys.stderr,
        )
        return 1
    askers = [
        Asker(token=token, operation_ids=ids) for token, ids in zip(tokens, split_operations(), strict=True)
    ]
    found = fuzz(base_url, askers, ROOT / ".local" / "fuzz", phases=THOROUGH, examples=EXAMPLES)
    print("\n".join(found) or "Every answer was one that the document has.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
