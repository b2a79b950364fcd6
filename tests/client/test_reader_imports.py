"""What an import costs and promises: nothing heavy, nothing of the rest of evertoken, and every public name where the table says."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import evertoken.client

CLIENT = Path(evertoken.client.__file__).parent
LAYER = CLIENT.parent.parent
HEAVY = (
    "asyncio",
    "boto3",
    "botocore",
    "httpx",
    "pydantic",
    "requests",
    "aws_lambda_powertools",
    "typer",
    "rich",
)


def loaded_by(program):
    script = f"import sys\n{program}\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(LAYER)!r})\n{script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "program",
    [
        "import evertoken.client",
        "from evertoken.client import TokenReader, Token, TokenRejectedError, Operation",
        "from evertoken.client import TokenReader\nTokenReader(secret_prefix='evertoken/test/tokens/acme')",
        "from evertoken.client import RequestsAuth, token_function",
    ],
)
def test_reading_tokens_imports_nothing_heavy(program):
    loaded = loaded_by(program)
    assert "evertoken.client" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_the_package_itself_imports_no_module_of_its_own():
    assert [name for name in loaded_by("import evertoken.client") if name.startswith("evertoken")] == [
        "evertoken",
        "evertoken.client",
    ]


def test_the_client_imports_nothing_else_of_evertoken():
    outside = []
    for path in sorted(CLIENT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path.name} imports relatively"
                names = [node.module or ""]
            outside += [
                f"{path.name}: {name}"
                for name in names
                if name.split(".")[0] == "evertoken" and name.split(".")[1:2] != ["client"]
            ]
    assert outside == []


def test_every_public_name_is_there_and_typed():
    source = ast.parse((CLIENT / "__init__.py").read_text())
    typed = {
        alias.asname: (node.module or "").removeprefix("evertoken.client.")
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evertoken.client")
        for alias in node.names
    }
    assert typed == evertoken.client._MODULES
    assert list(evertoken.client.__all__) == sorted(evertoken.client._MODULES)
    for name in evertoken.client.__all__:
        assert getattr(evertoken.client, name).__module__.startswith("evertoken.client")
        assert name in dir(evertoken.client)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="TokenRaeder"):
        _ = evertoken.client.TokenRaeder


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree():
    from evertoken.client import errors

    kinds = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.EvertokenClientError)
    ]
    drawn = errors.__doc__
    for kind in kinds:
        assert kind.__name__ in drawn
        if kind is not errors.EvertokenClientError:
            assert kind.default_code in drawn
            assert kind.__name__ in evertoken.client.__all__
    assert len({kind.default_code for kind in kinds}) == len(kinds)


def test_an_error_survives_being_copied_and_pickled():
    import copy
    import pickle

    from evertoken.client import RateLimitedError

    error = RateLimitedError("slow down", correlation_id="corr-1", retry_after_seconds=3)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), str(twin), twin.code, twin.correlation_id) == (
            RateLimitedError,
            "slow down",
            "RATE_LIMITED",
            "corr-1",
        )
        assert (twin.retryable, twin.retry_after_seconds) == (True, 3)
