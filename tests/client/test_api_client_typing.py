"""A user's program of the API client type-checks strictly, blocking and with asyncio, and its mistakes are found."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import evertoken.client

ROOT = Path(__file__).resolve().parents[2]
MYPY = ROOT / ".venv-lint" / "bin" / "mypy"
LAYER = Path(evertoken.client.__file__).parents[2]

RIGHT = """
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from evertoken.client import AsyncEvertokenClient, EvertokenClient, Operation, Token
from evertoken.client.results import (
    AcceptedJob, Connection, EstablishedConnection, ListedConnection, PendingDevice, RefreshAnswer, StartedAuthorization,
)


def watch(operation: Operation) -> None:
    print(operation.name)


def blocking() -> None:
    with EvertokenClient.from_env(retries=1, on_operation=watch) as client:
        assert_type(client.connections.get("con_1"), Connection)
        assert_type(client.connections.token("con_1", min_ttl_seconds=60), Token)
        assert_type(client.connections.iterate(provider="corp"), Iterator[ListedConnection])
        assert_type(client.connections.refresh("con_1"), RefreshAnswer | AcceptedJob)
        started = client.connections.start("corp", user_id="u", return_url="https://x", scopes=["a"], name="n")
        assert_type(started, StartedAuthorization)
        client.tenants.delete("acme")


async def awaiting() -> None:
    async with AsyncEvertokenClient("https://api.example", token="t", http2=True) as client:
        assert_type(await client.connections.get("con_1"), Connection)
        assert_type(client.connections.iterate(provider="corp"), AsyncIterator[ListedConnection])
        answer = await client.connections.complete_device("urn:x", user_id="u")
        assert_type(answer, EstablishedConnection | PendingDevice)
"""

WRONG = {
    "an unknown argument": (
        'client.connections.start("corp", user_id="u", return_url="x", scope="a")',
        "call-arg",
    ),
    "a missing argument": ('client.connections.start("corp", user_id="u")', "call-arg"),
    "a wrong type": ("client.connections.get(3)", "arg-type"),
    "an unknown option": ('EvertokenClient("https://x", retry=3)', "call-arg"),
    "an unknown route": ('client.connections.delete("con_1")', "attr-defined"),
    "an unknown field": ('client.connections.get("con_1").colour', "attr-defined"),
}


def check(tmp_path, text):
    (tmp_path / "program.py").write_text(text)
    return subprocess.run(
        [
            MYPY,
            "--strict",
            "--no-incremental",
            "--follow-imports=silent",
            "--python-executable",
            sys.executable,
            "program.py",
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(LAYER)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.fixture(autouse=True)
def mypy_is_there():
    assert MYPY.exists(), "python3 -m local.environments lint"


def test_what_a_method_takes_and_returns_is_known_to_a_type_checker(tmp_path):
    assert "Success: no issues found" in check(tmp_path, RIGHT)


def test_mistakes_are_found_and_nothing_else(tmp_path):
    lines = [
        "from evertoken.client import EvertokenClient",
        'client = EvertokenClient("https://x", token="t")',
    ]
    found = check(tmp_path, "\n".join(lines + [line for line, _ in WRONG.values()]))
    errors = [line for line in found.splitlines() if "error:" in line]
    assert [one.rpartition("[")[2].rstrip("]") for one in errors] == [code for _, code in WRONG.values()], (
        found
    )
