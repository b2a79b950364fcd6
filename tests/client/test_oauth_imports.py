"""The OAuth client stands on its own feet."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import evertoken.client

PACKAGE = Path(evertoken.client.__file__).parent


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
