"""The deployed stack as its users see it; the session has one for all, and a quiet one for those who take things away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import process
from local.stack import LocalStack
from tests.e2e.hints import build_hint, send_hints
from tests.e2e.installation import Installation, new_name, open_installation
from tests.e2e.scripted_site import open_site
from tests.e2e.sinks import record_history
from tests.e2e.stories import Stories, find_stories
from tests.support.stack import TESTS, AwsClients, aws, bring_up, built_functions, get_owner, stack

__all__ = ["aws", "built_functions", "stack"]


@pytest.fixture(scope="session")
def installation(stack: LocalStack, aws: AwsClients) -> Iterator[Installation]:
    """The shared stack, with an operator's access token."""
    record_history(stack)
    opened = open_installation(stack, aws)
    yield opened
    opened.close()


def warm_up(installation: Installation) -> None:
    """Call each function once: many callers of a cold function would start it as often as they are many."""
    team = installation.team(new_name("warm"))
    with open_site(installation, team.tenant_id) as site:
        connected = team.connect(site.provider_id)
        team.read(connected["connection_id"])
        send_hints(installation, [build_hint(team, connected)])


@pytest.fixture(scope="session")
def quiet() -> Iterator[Installation]:
    """A second stack, whose schedule sleeps: for tests that take rights away, kill functions or crowd them.

    Files that ask for it are in one group (`tests/conftest.py`), so that one worker alone brings it up and uses it.
    """
    owner = get_owner()
    brought_up = bring_up(owner, "quiet")
    clients = AwsClients(brought_up)
    put_schedule_to_sleep(clients)
    record_history(brought_up)
    opened = open_installation(brought_up, clients)
    yield opened
    opened.close()
    if owner == os.getpid():
        process.stop(brought_up)
        shutil.rmtree(brought_up.directory, ignore_errors=True)


def put_schedule_to_sleep(clients: AwsClients) -> None:
    """Disable the scanner's schedule."""
    scheduler = clients.client("scheduler")
    name = {"Name": "scan", "GroupName": "evertoken-local"}
    kept = scheduler.get_schedule(**name)
    settings = {key: kept[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**name, **settings, State="DISABLED")


@pytest.fixture(scope="session")
def stories(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Stories]:
    """The long stories, begun when the first test asks; tests in the meantime cost no time."""
    warm_up(installation)
    begun = Stories(installation, find_stories(request.session.items))
    yield begun
    begun.close()


def _finished_file() -> Path:
    return TESTS / f"finished-{get_owner()}" / "tests"


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note that a test has ended, for those that look back at the run; workers append to one file."""
    path = _finished_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(nodeid + "\n")


def find_finished() -> set[str]:
    """The tests of this run that have ended, of all workers."""
    path = _finished_file()
    return set(path.read_text().splitlines()) if path.exists() else set()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "story(function): the long story that the test waits for")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, while the stories go on; then those that wait for them; what looks back at the whole run last.

    Crashes take long, and functions without their rights hand messages back for five minutes: others come before these.
    """

    def rank(item: pytest.Item) -> int:
        if item.path.name == "test_no_token_in_any_sink.py":
            return 3
        if item.get_closest_marker("story") is not None:
            return 2
        return int(item.path.name in ("test_crashes.py", "test_least_privilege.py"))

    items.sort(key=rank)
