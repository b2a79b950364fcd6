"""The layer's size, unzipped and zipped, as built for this machine and (where the wheels can be had) for AWS's default target."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from bench.report import Figure, Report
from local import deploy
from local.stack import ROOT, LocalStack

UNZIPPED_BUDGET, ZIPPED_BUDGET = 45.0, 15.0
_MEGABYTE = 1_000_000


def measure() -> Report:
    """Measure both builds."""
    deploy.ensure_built(LocalStack())
    figures = _figures("this machine", deploy.BUILD / "EvertokenLayer")
    notes = [f"largest parts: {_largest(deploy.BUILD / 'EvertokenLayer')}"]
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        target = Path(scratch) / "layer"
        # The defaults of build_layer.py are the template's: python3.13 on arm64.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EVERTOKEN_")}
        built = subprocess.run(
            [sys.executable, "layers/evertoken/build_layer.py", str(target)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode == 0:
            figures += _figures("AWS (python3.13, arm64)", target)
            notes.append(f"for AWS: {built.stderr.strip().splitlines()[-1]}")
        else:
            skipped.append("the build for AWS: a package registry is needed for its wheels")
    return Report(name="size", title="size of the layer", figures=figures, notes=notes, skipped=skipped)


def _figures(target: str, layer: Path) -> list[Figure]:
    files = [path for path in layer.rglob("*") if path.is_file()]
    unzipped = sum(path.stat().st_size for path in files)
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path in sorted(files):
                zipped.write(path, path.relative_to(layer))
        size = archive.seek(0, os.SEEK_END)
    return [
        Figure(name=f"unzipped, {target}", value=unzipped / _MEGABYTE, unit="MB", budget=UNZIPPED_BUDGET),
        Figure(name=f"zipped, {target}", value=size / _MEGABYTE, unit="MB", budget=ZIPPED_BUDGET),
    ]


def _largest(layer: Path) -> str:
    sizes: Counter[str] = Counter()
    top = layer / "python"
    for path in top.rglob("*"):
        if path.is_file():
            sizes[path.relative_to(top).parts[0]] += path.stat().st_size
    return ", ".join(f"{name} {size / _MEGABYTE:.1f} MB" for name, size in sizes.most_common(5))
