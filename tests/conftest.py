"""How the suite is spread over workers: a file stays whole, and so do files that share what they change."""

from __future__ import annotations

from collections.abc import Mapping
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


def group_of(nodeid: str) -> str:
    """Return which tests a test has to stay together with, on one worker and in their order."""
    path = nodeid.partition("::")[0]
    if not path.startswith(END_TO_END):
        return path
    # One worker tells the long stories of the shared stack, and has its quick tests run meanwhile.
    return GROUPS.get(path.removeprefix(END_TO_END), SHARED)


class Grouping(LoadFileScheduling):
    """xdist's spreading by file, with groups of files. (Its own groups are lost on this version of pytest.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouping | None:
    """Spread by group where the command line asks for whole files."""
    return Grouping(config, log) if config.getoption("dist") == "loadfile" else None
