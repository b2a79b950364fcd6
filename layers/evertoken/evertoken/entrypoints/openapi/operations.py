"""Every operation of the API: each module beside this one that has OPERATIONS describes the routes of one area."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from evertoken.entrypoints import openapi
from evertoken.entrypoints.openapi.operation import Operation


def all_operations() -> tuple[Operation, ...]:
    """Return the operations of all areas, by area. Raises ValueError: a route is described twice."""
    areas = (import_module(f"{openapi.__name__}.{module.name}") for module in iter_modules(openapi.__path__))
    operations = tuple(operation for area in areas for operation in getattr(area, "OPERATIONS", ()))
    if len({operation.key for operation in operations}) != len(operations):
        raise ValueError("A route is described twice.")
    return operations
