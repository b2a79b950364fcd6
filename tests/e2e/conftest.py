"""The deployed stack as its users see it; the session has one for all, and a quiet one for those who take things away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from local.emulator import process
from local.stack import LocalStack
from tests.e2e.installation import Installation, open_installation
from tests.support.stack import AwsClients, aws, bring_up, built_functions, get_owner, stack

__all__ = ["aws", "built_functions", "stack"]


@pytest.fixture(scope="session")
def installation(stack: LocalStack, aws: AwsClients) -> Iterator[Installation]:
    """The shared stack, with an operator's access token."""
    opened = open_installation(stack, aws)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def quiet() -> Iterator[Installation]:
    """A second stack, whose schedule sleeps: for tests that take rights away, kill functions or crowd them.

    Whoever asks for it belongs to the group `quiet`, so that one worker alone brings it up and uses it.
    """
    owner = get_owner()
    brought_up = bring_up(owner, "quiet")
    clients = AwsClients(brought_up)
    put_schedule_to_sleep(clients)
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
