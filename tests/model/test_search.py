"""The search itself, on a model small enough to know by heart: two clerks who each add one to a number on a slate."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.model.checker import Breach, Outcome, explore


class Slate(NamedTuple):
    number: int
    clerks: tuple[int, ...]  # what each has read; -1 before, -2 when done


class Clerks:
    """Each clerk reads the number and later writes it plus one; `locked` lets only one be between the two."""

    def __init__(self, *, locked: bool = False, may_fall: bool = True) -> None:
        self.locked = locked
        self.may_fall = may_fall

    def initial_states(self) -> list[Slate]:
        return [Slate(0, (-1, -1))]

    def actions(self, state: Slate) -> Iterator[tuple[str, Slate]]:
        for index, memory in enumerate(state.clerks):
            if memory == -1 and not (self.locked and max(state.clerks) >= 0):
                yield f"clerk {index + 1} reads", Slate(state.number, self._with(state, index, state.number))
            elif memory >= 0:
                yield f"clerk {index + 1} writes", Slate(memory + 1, self._with(state, index, -2))

    def canonical(self, state: Slate) -> Slate:
        return state._replace(clerks=tuple(sorted(state.clerks)))

    def find_step_breach(self, before: Slate, after: Slate) -> Breach | None:
        fell = after.number < before.number + (after.clerks.count(-2) - before.clerks.count(-2))
        return Breach(name="falls", sentence="A write adds one.") if fell and not self.may_fall else None

    def find_rest_breach(self, state: Slate) -> Breach | None:
        if state.clerks != (-2, -2) or state.number == 2:
            return None
        return Breach(name="sum", sentence="Two clerks make two.", detail=("[after] the slate shows 1",))

    @staticmethod
    def _with(state: Slate, index: int, memory: int) -> tuple[int, ...]:
        return (*state.clerks[:index], memory, *state.clerks[index + 1 :])


def test_the_search_prints_the_shortest_run_to_a_violation_as_numbered_sentences_of_the_same_actors():
    outcome = explore(Clerks(), bound=100)
    assert outcome.violation is not None
    lines = str(outcome.violation).splitlines()
    assert lines[0] == "sum: Two clerks make two."
    assert [line[5:] for line in lines[1:3]] == ["clerk 1 reads", "clerk 2 reads"]
    assert sorted(line[5:] for line in lines[3:5]) == ["clerk 1 writes", "clerk 2 writes"]
    assert lines[5] == "  5. [after] the slate shows 1"
    assert len(lines) == 6


def test_the_search_visits_every_state_when_nothing_is_wrong():
    assert explore(Clerks(locked=True), bound=100) == Outcome(states=5, steps=5, complete=True)


def test_a_step_into_a_state_that_is_already_known_is_judged_too():
    outcome = explore(Clerks(may_fall=False), bound=100)
    assert outcome.violation is not None
    assert outcome.violation.name == "falls"
    assert len(outcome.violation.trace) == 4


@pytest.mark.parametrize("bound", [1, 3])
def test_a_search_that_met_its_bound_does_not_call_itself_complete(bound):
    outcome = explore(Clerks(locked=True), bound=bound)
    assert (outcome.complete, outcome.violation) == (False, None)
    assert outcome.states == bound + 1
