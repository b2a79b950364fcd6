"""Writes down what programs may rely on, one line a name: `PYTHONPATH=layers/evertoken python -m tests.client.public_api`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from pathlib import Path
from typing import Any, Generic, Protocol

from evertoken.client.api_route import paged, route

FILE = Path(__file__).with_suffix(".txt")
MODULES = ("evertoken.client", "evertoken.client.resources", "evertoken.client.socketio")


def describe() -> str:
    """Return the public API as text: names, parameters with their defaults, types."""
    lines = []
    for name in MODULES:
        module = importlib.import_module(name)
        for public in sorted(module.__all__):
            lines += describe_name(f"{name}.{public}", getattr(module, public))
    return "\n".join(lines) + "\n"


def describe_name(name: str, value: Any) -> list[str]:
    if not inspect.isclass(value):
        return [f"{name}{signature_of(value)}" if callable(value) else f"{name}: {type(value).__name__}"]
    bases = ", ".join(base.__name__ for base in value.__bases__ if base not in (object, Protocol, Generic))
    lines = [f"{name} is {bases}"] if bases else []
    if not getattr(value, "_is_protocol", False) and not issubclass(value, Exception):
        lines.append(f"{name}{signature_of(value)}")
    if dataclasses.is_dataclass(value):
        hidden = [field.name for field in dataclasses.fields(value) if not field.repr]
        lines.append(f"{name} hides {', '.join(hidden) or 'nothing'}")
    for member in sorted(member for member in dir(value) if not member.startswith("_")):
        if issubclass(value, Exception) and member in dir(Exception):
            continue
        found = inspect.getattr_static(value, member)
        if isinstance(found, property):
            lines.append(f"{name}.{member}: {inspect.signature(found.fget).return_annotation}")  # type: ignore[arg-type]
        elif isinstance(found, route | paged):
            lines.append(f"{name}.{member}{signature_of(found.build)}")
        elif callable(getattr(value, member)):
            lines.append(f"{name}.{member}{signature_of(getattr(value, member))}")
    return lines


class Plain(str):
    """An annotation that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def signature_of(function: Any) -> str:
    """Return the parameters that programs may give, each with its type and default."""
    signature = inspect.signature(function)
    shown = []
    for parameter in signature.parameters.values():
        if parameter.name == "self" or parameter.name.startswith("_"):
            continue
        default = parameter.default
        if callable(default) and default is not parameter.empty:
            default = Plain(default.__name__)
        shown.append(parameter.replace(default=default, annotation=plain(parameter.annotation)))
    return str(signature.replace(parameters=shown, return_annotation=plain(signature.return_annotation)))


def plain(annotation: Any) -> Any:
    return Plain(annotation) if isinstance(annotation, str) else annotation


if __name__ == "__main__":
    FILE.write_text(describe(), encoding="utf-8")
