"""The layer is built for its target by any Python, whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.stack import ROOT
from tests.support.lambda_function import load_template

TEMPLATE = load_template(ROOT / "template.yaml")
SCRIPT = ROOT / "layers" / "evertoken" / "build_layer.py"
# The machine's number in an ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
ELF_MACHINES = {183: "arm64", 62: "x86_64"}


def build(destination: Path, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    script = root / SCRIPT.relative_to(ROOT)
    return subprocess.run(
        [sys.executable, str(script), str(destination)],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def read_machine(path: Path) -> str:
    with path.open("rb") as file:
        header = file.read(20)
    assert header[:4] == b"\x7fELF"
    return ELF_MACHINES[int.from_bytes(header[18:20], "little")]


@pytest.fixture(scope="module")
def for_aws(tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("layer") / "EvertokenLayer"
    done = build(destination)
    assert done.returncode == 0, done.stderr
    return destination


def test_the_layer_for_aws_holds_shared_objects_of_the_templates_target_and_no_other(for_aws: Path) -> None:
    objects = list(for_aws.rglob("*.so"))
    architecture = TEMPLATE["Parameters"]["Architecture"]["Default"]
    minor = TEMPLATE["Parameters"]["PythonRuntime"]["Default"].removeprefix("python").replace(".", "")
    assert {read_machine(path) for path in objects} == {architecture}
    versioned = [path.name for path in objects if ".cpython-" in path.name]
    assert versioned
    assert all(f".cpython-{minor}-" in name for name in versioned)


def test_the_layer_for_aws_is_under_its_limits(for_aws: Path, tmp_path: Path) -> None:
    files = [path for path in for_aws.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 45_000_000
    archive = tmp_path / "layer.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in files:
            zipped.write(path, path.relative_to(for_aws))
    assert archive.stat().st_size < 15_000_000


def test_the_layer_holds_what_its_functions_import_and_not_boto3(for_aws: Path) -> None:
    names = {path.name for path in (for_aws / "python").iterdir()}
    assert {"evertoken", "cryptography", "aws_lambda_powertools", "httpx", "pydantic"} <= names
    assert not {"boto3", "botocore", "pytest"} & names


def test_the_build_scripts_defaults_are_the_templates() -> None:
    text = SCRIPT.read_text()
    assert f'DEFAULT_RUNTIME = "{TEMPLATE["Parameters"]["PythonRuntime"]["Default"]}"' in text
    assert f'DEFAULT_ARCHITECTURE = "{TEMPLATE["Parameters"]["Architecture"]["Default"]}"' in text
    for runtime in TEMPLATE["Parameters"]["PythonRuntime"]["AllowedValues"]:
        assert f'"{runtime}"' in text


def test_a_failed_build_leaves_the_layer_before_it_as_it_was(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "layers" / "evertoken" / "evertoken").mkdir(parents=True)
    (root / "requirements").mkdir()
    (root / "layers" / "evertoken" / "evertoken" / "__init__.py").touch()
    shutil.copy(SCRIPT, root / "layers" / "evertoken")
    (root / ".tools").symlink_to(ROOT / ".tools")
    destination = tmp_path / "layer"
    lock = root / "requirements" / "layer.txt"
    lock.write_text("")
    assert build(destination, root, EVERTOKEN_RUNTIME="host", EVERTOKEN_ARCHITECTURE="host").returncode == 0
    before = sorted(destination.rglob("*"))
    lock.write_text("./no-such-package\n")
    failed = build(destination, root, EVERTOKEN_RUNTIME="host", EVERTOKEN_ARCHITECTURE="host")
    assert failed.returncode == 1
    assert "could not be installed" in failed.stderr
    assert sorted(destination.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("layer-")] == []


def test_a_target_that_the_template_does_not_know_is_refused(tmp_path: Path) -> None:
    done = build(tmp_path / "layer", EVERTOKEN_RUNTIME="python3.9")
    assert done.returncode == 1
    assert "python3.13" in done.stderr
