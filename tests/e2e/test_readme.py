"""The README's commands are run as they stand there, against a stack that was seeded as `make run` seeds it."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.seed import seed
from local.stack import ROOT, LocalStack
from tests.support.demo_provider_process import DemoProviderProcess

RUN = re.compile(r"<!-- run: .*? -->\n```sh\n(.*?)```", re.DOTALL)


def read_block() -> str:
    """Return the README's block of commands that promises to be run."""
    (block,) = RUN.findall((ROOT / "README.md").read_text())
    return str(block)


def read_documents(text: str) -> list[Any]:
    """Return the JSON documents that stand one behind the other in *text*."""
    decoder, documents = json.JSONDecoder(), []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:]
    return documents


@pytest.fixture
def environment_file(stack: LocalStack, tmp_path: Path):
    """Write what `make run` writes to .local/env, for the run's own stack."""
    with DemoProviderProcess(tmp_path / "provider") as provider:
        variables = {
            "EVERTOKEN_API": stack.base_url,
            **seed(stack, provider.issuer),
            **stack.build_aws_environment(),
        }
        path = tmp_path / "env"
        path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()))
        yield path


def test_the_commands_of_the_readme_do_what_it_says(stack: LocalStack, environment_file: Path) -> None:
    block = read_block()
    assert ". .local/env" in block
    script = block.replace(". .local/env", f". {shlex.quote(str(environment_file))}")

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**os.environ, "PORT": str(stack.port), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    listed, token, secret, refreshed, disconnected = read_documents(done.stdout)
    assert {row["status"] for row in listed["connections"]} == {"active"}
    assert token["access_token"]
    assert token["expires_at"]
    assert secret["access_token"] == token["access_token"]
    assert "refresh_token" not in secret
    assert refreshed["connection"]["status"] == "active"
    assert disconnected["status"] == "disconnected"
    assert disconnected["connection_id"] == token["connection_id"]
