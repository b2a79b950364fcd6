"""How the strict start changes the emulator: by name, loudly, and for one version only."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any

SUPPORTED_VERSION = "1.5.33"


class EmulatorMismatchError(Exception):
    """The installed emulator is not the one that the patches were written for."""


def require_supported_version() -> None:
    """Refuse any other version: a patch that fits by chance proves nothing.

    Raises:
        EmulatorMismatchError: another version is installed.
    """
    found = version("ministack")
    if found != SUPPORTED_VERSION:
        raise EmulatorMismatchError(
            f"local/emulator is written for ministack {SUPPORTED_VERSION}, found {found}; "
            "run tests/platform/test_strict_emulator.py after changing either"
        )


def get_module(name: str) -> Any:
    """Return one of the emulator's modules; the emulator has no types, so neither has this."""
    return import_module(f"ministack.{name}")


def replace(module: Any, name: str, build: Callable[[Any], Any]) -> None:
    """Put ``build(original)`` in the place of ``module.name``.

    Raises:
        EmulatorMismatchError: the module has no such name.
    """
    if not hasattr(module, name):
        raise EmulatorMismatchError(f"{module.__name__} has no {name}: the emulator changed")
    setattr(module, name, build(getattr(module, name)))


def require(module: Any, *names: str) -> None:
    """Check the names that a patch uses without replacing them.

    Raises:
        EmulatorMismatchError: the module lacks one.
    """
    for name in names:
        if not hasattr(module, name):
            raise EmulatorMismatchError(f"{module.__name__} has no {name}: the emulator changed")
