"""The mutation gate: each mistake in the real code, or in what the fakes promise for the store, turns its oracle red."""

from __future__ import annotations

import re

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import Mutant, applied
from tests.simulation.probes import PROBES, SESSIONS
from tests.simulation.scenarios import SCENARIOS

STORIES = sorted(
    name
    for name in set(PROBES) - {"random"} - {scenario.name for scenario in SCENARIOS}
    if not name.startswith(SESSIONS)
)
"""The probes that no other test runs."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_mistake_is_seen(mutant: Mutant) -> None:
    with applied(mutant), pytest.raises(AssertionError) as caught:
        PROBES[mutant.probe]()
    said = f"{caught.value}\n" + "\n".join(str(entry) for entry in caught.traceback)
    assert re.search(mutant.breach, said), said


@pytest.mark.parametrize("name", STORIES)
def test_without_a_mistake_the_probe_is_green(name: str) -> None:
    PROBES[name]()
