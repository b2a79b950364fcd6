"""A user's program type-checks strictly, and the package stands on its own feet."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import evertoken.client

PACKAGE = Path(evertoken.client.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
MYPY = ROOT / ".venv-lint" / "bin" / "mypy"

PROGRAM = '''
"""Seed 4's examples, as a program of a user's kind."""

import asyncio

import httpx

from evertoken.client import (
    AsyncOAuthClient,
    FileTokenStorage,
    OAuthAuth,
    OAuthClient,
    OAuthConfig,
    OAuthTokens,
    Operation,
    Result,
)


class Rows:
    def load(self) -> OAuthTokens | None:
        return None

    def save(self, tokens: OAuthTokens) -> None:
        tokens.to_document()


class AsyncRows:
    async def load(self) -> OAuthTokens | None:
        return None

    async def save(self, tokens: OAuthTokens) -> None:
        tokens.to_document()


def told(tokens: OAuthTokens) -> None:
    print(tokens.expires_at)


async def told_async(tokens: OAuthTokens) -> None:
    print(tokens.expires_at)


def watch(operation: Operation) -> None:
    print(operation.name, operation.duration_seconds)


config = OAuthConfig(token_url="https://provider.test/token", client_id="c", client_secret="s")
with OAuthClient(config, storage=FileTokenStorage("tokens.json"), on_token_refresh=told, on_operation=watch) as client:
    result: Result[OAuthTokens] = client.results.initialize()
    if result.success and result.data is not None:
        print(result.data.access_token)
    print(result.error, result.trace_id)
    way = client.authorization_url(prompt="consent")
    tokens: OAuthTokens = client.exchange_code("https://app.test/callback?code=c", authorization=way)
    token: str = client.get_token()
    httpx.Client(auth=OAuthAuth(client))
    OAuthClient(config, storage=Rows())


async def main() -> None:
    async with AsyncOAuthClient(config, storage=AsyncRows(), on_token_refresh=told_async) as client:
        tokens: OAuthTokens = await client.initialize("user-token")
        token: str = await client.get_token()
        print(tokens.scope, token, client.needs_refresh(60))


asyncio.run(main())
'''


@pytest.mark.skipif(not MYPY.exists(), reason="the lint environment is not installed here")
def test_a_users_program_type_checks_strictly(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ended = subprocess.run(
        [
            MYPY,
            "--strict",
            "--no-incremental",
            "--follow-imports=silent",
            "--python-executable",
            sys.executable,
            str(program),
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(PACKAGE.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_the_client_is_imported_from_its_own_files_alone():
    program = textwrap.dedent(
        """
        import sys
        from evertoken.client import AsyncOAuthClient, FileTokenStorage, OAuthAuth, OAuthClient, OAuthConfig
        names = [name for name in sys.modules if name.startswith("evertoken.") and not name.startswith("evertoken.client")]
        print(names, [name for name in ("boto3", "pydantic", "aws_lambda_powertools", "requests") if name in sys.modules])
        """
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "[] []\n"
