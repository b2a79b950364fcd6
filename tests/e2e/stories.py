"""Stories that take a minute, because a schedule has to come round in them; they are begun together and waited for together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.e2e.installation import Installation

Story = Callable[[Installation], Any]
LONGEST_SECONDS = 150


class Stories:
    """The stories of all tests that were collected, each in a thread of its own."""

    def __init__(self, installation: Installation, stories: list[Story]) -> None:
        self._told: dict[Story, Future[Any]] = {story: Future() for story in stories}
        self._threads = [
            threading.Thread(target=self._tell, args=(story, installation), daemon=True) for story in stories
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, story: Story) -> Any:
        """Return what the story returned, or raise what it raised."""
        return self._told[story].result(LONGEST_SECONDS)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(LONGEST_SECONDS)

    def _tell(self, story: Story, installation: Installation) -> None:
        try:
            self._told[story].set_result(story(installation))
        except BaseException as error:  # noqa: BLE001 - it belongs to the test that waits for it
            self._told[story].set_exception(error)


def find_stories(items: list[pytest.Item]) -> list[Story]:
    """The stories of the collected tests: the argument of the marker `story`."""
    markers = (item.get_closest_marker("story") for item in items)
    return list(dict.fromkeys(marker.args[0] for marker in markers if marker is not None))
