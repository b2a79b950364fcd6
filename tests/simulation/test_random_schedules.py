"""Thousands of random schedules; a failure names its seed, and EVERTOKEN_SEED replays it."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from evertoken.domain.connection import ConnectionStatus
from tests.simulation.random_schedule import RandomSchedule
from tests.simulation.world import SESSION_KIND

SEED_VARIABLE = "EVERTOKEN_SEED"
COUNT_VARIABLE = "EVERTOKEN_SCHEDULES"
PARTS = 4


def _seeds(part: int) -> range:
    if SEED_VARIABLE in os.environ:
        seed = int(os.environ[SEED_VARIABLE])
        return range(seed, seed + 1) if part == 0 else range(0)
    count = int(os.environ.get(COUNT_VARIABLE, "2400")) // PARTS
    return range(part * count, (part + 1) * count)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_breaks_an_invariant(part: int) -> None:
    met: Counter[str] = Counter()
    for seed in _seeds(part):
        schedule = RandomSchedule(seed)
        try:
            schedule.run()
        except AssertionError as error:
            steps = "\n".join(schedule.steps.trace)
            error.add_note(f"replay with {SEED_VARIABLE}={seed}: a {schedule.kind} provider\n{steps}")
            raise
        met.update(schedule.met())
    if len(_seeds(part)) > 100:
        # A simulation that no longer gets anywhere would be green as well.
        assert met["refreshed"] > 100
        assert met["disconnected"] > 20
        assert met["superseded"] > 5
        assert met["delayed"] > 20
        assert met["spent"] > 5


def test_no_schedule_loses_a_grant_that_can_run_again() -> None:
    logins = lost_answers = 0
    for seed in range(600):
        schedule = RandomSchedule(seed, SESSION_KIND)
        try:
            schedule.run()
        except AssertionError as error:
            steps = "\n".join(schedule.steps.trace)
            error.add_note(f"seed {seed} at a provider with session logins\n{steps}")
            raise
        assert schedule.world.row.status is not ConnectionStatus.REAUTHORIZATION_REQUIRED
        logins += len(schedule.world.transport.session.logins)
        lost_answers += any("timeout after" in step and "transport" in step for step in schedule.steps.trace)
    assert logins > 20
    assert lost_answers > 0


def test_a_schedule_is_the_same_each_time_it_is_run() -> None:
    def trace(seed: int) -> list[str]:
        schedule = RandomSchedule(seed)
        schedule.run()
        return schedule.steps.trace

    assert [trace(seed) for seed in range(20)] == [trace(seed) for seed in range(20)]
