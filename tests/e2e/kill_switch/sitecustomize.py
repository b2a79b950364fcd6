"""Runs inside the sandbox of a built function, before it: moves its clock, numbers its port calls, kills it at one of them.

Python imports a `sitecustomize` by itself when one is on PYTHONPATH, so that the built artifact is what runs, unchanged. Environment:

- `TEST_CLOCK_AHEAD`: seconds by which the function's clock is ahead.
- `TEST_CALL_LOG`: where every port call is written, as `number port method`, before it is made. An AWS or provider call outside a
  numbered port call is written as `- service operation`.
- `TEST_KILL_AT`: `number before` or `number after`: there the process kills itself, as the platform or the kernel would.

A scanner that is started with it keeps no cursor. Which fields of the refresher's dependencies are ports is read from their types, so that a new port is numbered without anybody's help.
"""

from __future__ import annotations

import dataclasses
import importlib.abc
import importlib.machinery
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_type_hints

NEVER_FAIL = ("Clock", "Randomness")
_numbers = itertools.count(1)
_inside = threading.local()


def log(line: str) -> None:
    path = os.environ.get("TEST_CALL_LOG")
    if path:
        with open(path, "a") as file:  # noqa: PTH123 - as little as possible is imported here
            file.write(line + "\n")


def die_if(number: int, when: str) -> None:
    if os.environ.get("TEST_KILL_AT") == f"{number} {when}":
        os.kill(os.getpid(), signal.SIGKILL)


class Numbered:
    """A port whose every method call has a number."""

    def __init__(self, port: str, target: object) -> None:
        self._port = port
        self._target = target

    def __getattr__(self, method: str) -> Callable[..., Any]:
        effect = getattr(self._target, method)

        def call(*arguments: Any, **named: Any) -> Any:
            number = next(_numbers)
            log(f"{number} {self._port} {method}")
            die_if(number, "before")
            _inside.port = True
            try:
                answer = effect(*arguments, **named)
            finally:
                _inside.port = False
            die_if(number, "after")
            return answer

        return call


def number_ports(module: Any) -> None:
    build = module.build_refreshing

    def build_numbered(*arguments: Any, **named: Any) -> Any:
        dependencies = build(*arguments, **named)
        kinds = get_type_hints(type(dependencies))
        ports = {
            name: Numbered(name, getattr(dependencies, name))
            for name, kind in kinds.items()
            if getattr(kind, "_is_protocol", False) and kind.__name__ not in NEVER_FAIL
        }
        return dataclasses.replace(dependencies, **ports)

    module.build_refreshing = build_numbered


class NoMemory:
    """A scan cursor that keeps nothing: a scanner whose clock is ahead must not tell the deployed one that all was scanned."""

    def get(self) -> dict[int, Any]:
        return {}

    def advance(self, through: Any) -> None:
        """Forget it."""


def patch_bootstrap(module: Any) -> None:
    number_ports(module)
    build = module.build_scanning
    module.build_scanning = lambda settings: dataclasses.replace(build(settings), cursor=NoMemory())


def move_clock(module: Any) -> None:
    ahead = timedelta(seconds=float(os.environ.get("TEST_CLOCK_AHEAD") or 0))
    now = module.SystemClock.now
    module.SystemClock.now = lambda self: now(self) + ahead


def watch_aws(module: Any) -> None:
    send = module.BaseClient._make_api_call

    def watched(self: Any, operation: str, parameters: Any) -> Any:
        if not getattr(_inside, "port", False):
            log(f"- {self.meta.service_model.service_name} {operation}")
        return send(self, operation, parameters)

    module.BaseClient._make_api_call = watched


def watch_provider(module: Any) -> None:
    send = module.HttpTransport.send

    def watched(self: Any, request: Any, **named: Any) -> Any:
        if not getattr(_inside, "port", False):
            log(f"- provider {request.method}")
        return send(self, request, **named)

    module.HttpTransport.send = watched


PATCHES: dict[str, Callable[[Any], None]] = {
    "evertoken.bootstrap": patch_bootstrap,
    "evertoken.adapters.system": move_clock,
    "evertoken.adapters.http_transport": watch_provider,
    "botocore.client": watch_aws,
}


class PatchingFinder(importlib.abc.MetaPathFinder):
    """Patches a module right after it was run, before anybody sees it."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        patch = PATCHES.get(name)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def run_and_patch(module: Any) -> None:
            run(module)
            patch(module)

        spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec


if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    sys.meta_path.insert(0, PatchingFinder())
