"""Patches the source of one function while a probe runs, in place: whoever imported the function runs the patched one."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake: in `function` of `module` (a dotted name), *old* becomes *new*; the probe must end with `breach`."""

    name: str
    module: str
    function: str
    old: str
    new: str
    probe: str
    breach: str


@contextmanager
def applied(mutant: Mutant) -> Iterator[None]:
    """Run the block with the mistake made. Raises ValueError: the source has changed, and the mutant no longer fits."""
    module = import_module(mutant.module)
    function = _find(module, mutant.function)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: the patch fits {source.count(mutant.old)} times")
    patched = source.replace(mutant.old, mutant.new)
    if patched.startswith("@property"):
        patched = patched.removeprefix("@property\n")
    names = dict(vars(sys.modules[module.__name__]))
    exec(compile(patched, f"<{mutant.name}>", "exec"), names)  # our own source, changed
    replacement = names[function.__name__]
    kept, function.__code__ = function.__code__, replacement.__code__
    try:
        yield
    finally:
        function.__code__ = kept


def _find(module: Any, path: str) -> FunctionType:
    found: Any = module
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = found.fget if isinstance(found, property) else found
    assert isinstance(found, FunctionType)
    return found
