"""The wheel holds the client alone, asks for httpx alone, and works where nothing else of Evertoken is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile

import pytest

from local.environments import ROOT
from tests.client.typed_programs import MISTAKES, RIGHT_API_PROGRAM, RIGHT_OAUTH_PROGRAM, WRONG_PROGRAM
from tests.support.client_wheel import build_wheel, install_wheel

MYPY = ROOT / ".venv-lint" / "bin" / "mypy"
SOURCES = ROOT / "layers" / "evertoken" / "evertoken"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def full(wheel, tmp_path_factory):
    """An environment with all extras."""
    extras = ("aws", "cli", "http2", "socketio")
    return install_wheel(wheel, tmp_path_factory.mktemp("full") / "environment", extras)


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory):
    """An environment with the wheel and no extra."""
    return install_wheel(wheel, tmp_path_factory.mktemp("bare") / "environment")


def test_the_wheel_holds_the_layers_very_files_of_the_client_and_no_others(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.startswith(f"evertoken-{wheel.name.split('-')[1]}.dist-info/")
        }
    expected = {"evertoken/__init__.py", "evertoken/py.typed"} | {
        f"evertoken/{path.relative_to(SOURCES).as_posix()}"
        for path in (SOURCES / "client").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(held) == expected
    for name, content in held.items():
        assert content == (SOURCES.parent / name).read_bytes(), name


def test_without_extras_the_wheel_brings_httpx_and_what_that_needs(bare):
    listed = bare.start(
        "-c", "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    )
    assert listed.returncode == 0, listed.stderr
    brought = set(listed.stdout.split())
    assert {"evertoken", "httpx"} <= brought
    assert brought <= {
        "anyio",
        "certifi",
        "evertoken",
        "h11",
        "httpcore",
        "httpx",
        "idna",
        "typing_extensions",
    }


def test_every_public_name_can_be_imported_without_the_rest_of_evertoken(bare):
    program = """
import json, sys
import evertoken.client as client
for name in client.__all__:
    getattr(client, name)
rest = [name for name in sys.modules if name.startswith("evertoken.") and not name.startswith("evertoken.client")]
print(json.dumps([len(client.__all__), rest, "boto3" in sys.modules]))
"""
    answer = bare.start("-c", program)
    assert answer.returncode == 0, answer.stderr
    count, rest, has_boto3 = json.loads(answer.stdout)
    assert count > 20
    assert rest == []
    assert not has_boto3


def test_what_an_extra_is_needed_for_says_which(bare):
    program = """
from evertoken.client.socketio import SessionSocket
SessionSocket("https://video.example.com", None)
"""
    answer = bare.start("-c", program)
    assert answer.returncode == 1
    assert "ConfigurationError" in answer.stderr
    assert "pip install 'evertoken[socketio]'" in answer.stderr
    program = """
from evertoken.client import TokenReader
TokenReader(secret_prefix="evertoken/prod/tokens/acme").get("con_1")
"""
    answer = bare.start("-c", program)
    # The last line: botocore, which translates errors, is missing as well.
    last = answer.stderr.splitlines()[-1]
    assert "ConfigurationError: Reading from Secrets Manager needs boto3. Install evertoken[aws]" in last


def test_the_version_is_the_projects(bare):
    answer = bare.start("-c", "import importlib.metadata as m; print(m.version('evertoken'))")
    assert f'version = "{answer.stdout.strip()}"' in (ROOT / "pyproject.toml").read_text()


def test_the_command_says_what_it_lacks_and_with_its_extra_lacks_nothing(bare, full):
    lacking = subprocess.run(
        [bare.directory / "bin" / "evertoken"], capture_output=True, text=True, check=False
    )
    assert (lacking.returncode, lacking.stdout) == (1, "")
    assert "pip install 'evertoken[cli]'" in lacking.stderr
    whole = subprocess.run(
        [full.directory / "bin" / "evertoken", "--version"], capture_output=True, text=True, check=False
    )
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.startswith("evertoken")


def test_the_examples_and_users_programs_type_check_strictly_and_mistakes_are_found(full):
    assert MYPY.exists(), "python3 -m local.environments lint"
    for example in (ROOT / "examples").glob("*.py"):
        shutil.copy(example, full.directory)
    (full.directory / "right_api.py").write_text(RIGHT_API_PROGRAM)
    (full.directory / "right_oauth.py").write_text(RIGHT_OAUTH_PROGRAM)
    mistakes = "\n".join(line for line, _ in MISTAKES.values())
    (full.directory / "wrong.py").write_text(f"{WRONG_PROGRAM}{mistakes}\n")
    programs = sorted(path.name for path in full.directory.glob("*.py"))
    # One run for all of them: most of its time goes into httpx and what that brings.
    checked = subprocess.run(
        [MYPY, "--strict", "--no-incremental", "--python-executable", full.python, *programs],
        cwd=full.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(\S+?):(\d+): error: .* \[([\w-]+)\]$", checked.stdout, re.MULTILINE)
    first = WRONG_PROGRAM.count("\n") + 1
    expected = [("wrong.py", str(line), code) for line, (_, code) in enumerate(MISTAKES.values(), first)]
    assert found == expected, checked.stdout
    assert f"Found {len(expected)} errors in 1 file" in checked.stdout
