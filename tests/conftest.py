"""How the suite is spread over workers: a file stays whole, and so do files that share what they change; the long ones come first."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

END_TO_END: Final = "tests/e2e/"
QUIET: Final = "the quiet stack"
SHARED: Final = "the shared stack"
GROUPS: Final[Mapping[str, str]] = {
    # They take rights or processes away from a stack, or crowd it, and have one of their own.
    "test_least_privilege.py": QUIET,
    "test_paused_registration.py": QUIET,
    "test_single_flight.py": QUIET,
    # It waits for all others.
    "test_no_token_in_any_sink.py": "the end",
}
STACK: Final = "the stack of tests/platform"
ON_THE_STACK: Final = (
    "tests/platform/test_built_functions.py",
    "tests/platform/test_lambda_sandbox.py",
    "tests/platform/test_strict_",
)
"""On one worker: a second one would only wait until the first has brought the stack up."""
FIRST: Final = (
    STACK,
    "tests/model/test_refresh_protocol.py",
    "tests/simulation/test_fault_enumeration.py",
    "tests/platform/",
    "tests/simulation/",
    "tests/api/",
    "tests/support_tests/",
)
"""What takes seconds however few tests it has; the rest fills the end, the files with the most tests first."""


def group_of(nodeid: str) -> str:
    """Return which tests a test has to stay together with, on one worker and in their order."""
    path = nodeid.partition("::")[0]
    if not path.startswith(END_TO_END):
        return STACK if path.startswith(ON_THE_STACK) else path
    # One worker tells the long stories of the shared stack, and has its quick tests run meanwhile.
    return GROUPS.get(path.removeprefix(END_TO_END), SHARED)


def rank_of(group: str) -> int:
    """Return a group's place in the order of `FIRST`."""
    return next((place for place, prefix in enumerate(FIRST) if group.startswith(prefix)), len(FIRST))


class Grouping(LoadFileScheduling):
    """xdist's spreading by file, with groups of files. (Its own groups are lost on this version of pytest.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank_of), last=False)
        super()._assign_work_unit(node)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now to no later collection of garbage: it stays to the end, and searches make objects by the million."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def one_tls_context() -> Iterator[None]:
    """Read the certificates of the public authorities once: each HTTP client would read them when it is made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouping | None:
    """Spread by group where the command line asks for whole files."""
    return Grouping(config, log) if config.getoption("dist") == "loadfile" else None
