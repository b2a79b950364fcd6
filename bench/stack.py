"""A deployed local stack of the benches' own: built and deployed as `make run` does it, on a port of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from local.deploy import DeploymentError
from local.emulator import process
from local.repairs import RepairError
from local.stack import LocalStack
from tests.support.stack import TESTS, bring_up


class StackUnavailableError(Exception):
    """No stack could be brought up; the message says why."""


@contextmanager
def running_stack() -> Iterator[LocalStack]:
    """Bring up a stack until the block ends. Raises StackUnavailableError."""
    directory = TESTS / f"stack-{os.getpid()}"
    try:
        stack = bring_up(os.getpid())
    except (DeploymentError, RepairError, process.EmulatorError) as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise StackUnavailableError(str(error).splitlines()[0]) from error
    try:
        yield stack
    finally:
        process.stop(stack)
        shutil.rmtree(directory, ignore_errors=True)
