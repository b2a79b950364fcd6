"""The story of `test_schedules.py` with minutes of sixty seconds, on a stack of its own: ``python -m tests.e2e.true_minutes``; it takes some seven minutes."""

from __future__ import annotations

import os
import shutil
import sys
import time

from local import deploy
from local.emulator import process
from local.stack import LocalStack
from tests.e2e.installation import open_installation
from tests.e2e.test_schedules import check, keep_schedules
from tests.support.stack import TESTS, AwsClients, find_free_port


def main() -> None:
    """Tell the story and print what was seen."""
    directory = TESTS / f"minutes-{os.getpid()}"
    directory.mkdir(parents=True)
    stack = LocalStack(port=find_free_port(), directory=directory, minimum_published_lifetime_seconds=30)
    process.start(stack, owner=os.getpid())
    try:
        deploy.ensure_deployed(stack)
        installation = open_installation(stack, AwsClients(stack))
        began = time.monotonic()
        facts = keep_schedules(installation)
        check(facts)
        installation.close()
    finally:
        process.stop(stack)
        shutil.rmtree(directory, ignore_errors=True)
    lines = (
        f"a minute of {stack.tenant_minute_seconds} s; the whole story took {time.monotonic() - began:.0f} s",
        f"requests to the provider after two ticks: {facts['first_posts']}",
        f"requests in the {facts['quiet_seconds']:.0f} s after cancelling: {facts['posts_after_cancel']}",
        f"the refresh that waited in the queue meanwhile: {facts['queued']['results'][0]['code']}",
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
