"""A layer is unpacked once for all environments: unpacking it for each costs the emulator half a second in which it answers nobody.

On AWS a layer is mounted read-only at /opt, so sharing one tree changes nothing that a function may rely on.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from local.emulator.patching import get_module, replace

DIRECTORY_PREFIX = "layer_"
"""What the emulator calls the directory of an environment's layer."""
_lock = threading.Lock()


class SharedLayerZip(zipfile.ZipFile):
    """Unpacks a layer on first use and is a link to that tree from then on; anything else is unpacked as ever."""

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        """Unpack *path*; when it is a layer's directory it becomes a link."""
        target = Path(path or ".")
        if not target.name.startswith(DIRECTORY_PREFIX):
            super().extractall(path, members, pwd)
            return
        names = "\n".join(f"{entry.filename} {entry.CRC}" for entry in self.infolist())
        tree = Path(tempfile.gettempdir()) / f"shared-layer-{hashlib.sha256(names.encode()).hexdigest()[:32]}"
        with _lock:
            if not tree.exists():
                unfinished = tree.with_suffix(".new")
                shutil.rmtree(unfinished, ignore_errors=True)
                super().extractall(unfinished)
                unfinished.rename(tree)
        target.rmdir()
        target.symlink_to(tree)


def apply() -> None:
    """Give the emulator's environments the sharing zip reader."""

    def with_sharing(original: Any) -> Any:
        shared = types.ModuleType(original.__name__)
        shared.__dict__.update(original.__dict__)
        shared.ZipFile = SharedLayerZip  # type: ignore[attr-defined]
        return shared

    replace(get_module("core.lambda_runtime"), "zipfile", with_sharing)
