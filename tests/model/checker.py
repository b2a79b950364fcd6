"""A breadth-first search over every state that a model can reach.

The search knows nothing about tokens. It is given a model, visits each reachable state once, lets the model judge each step
and each state of rest, and answers with the shortest path to the first violation.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A broken property, by its function's name and its sentence; `detail` holds the steps that followed the path, if any."""

    name: str
    sentence: str
    detail: tuple[str, ...] = ()


class Model(Protocol[S]):
    """What the search asks of a model."""

    def initial_states(self) -> Iterable[S]:
        """Return the states in which a run may begin."""

    def actions(self, state: S) -> Iterator[tuple[str, S]]:
        """Yield each step that may happen next: its sentence and the state after it."""

    def canonical(self, state: S) -> S:
        """Return the one state that stands for all states that differ only in the names of equal actors."""

    def find_step_breach(self, before: S, after: S) -> Breach | None:
        """Judge one step."""

    def find_rest_breach(self, state: S) -> Breach | None:
        """Judge a state in which nothing is under way; None for any other state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken property and the shortest run that breaks it."""

    name: str
    sentence: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.sentence}"]
        lines += [f"{index:3d}. {sentence}" for index, sentence in enumerate(self.trace, start=1)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a search found; `complete` says that every reachable state was visited."""

    states: int
    steps: int
    complete: bool
    violation: Violation | None = None


def explore(model: Model[S], *, bound: int) -> Outcome:
    """Visit every reachable state, at most `bound` of them, and stop at the first violation.

    Each edge is judged, also one that leads to a state already known: a step backwards ends in an old state.
    """
    parents: dict[S, S | None] = {}
    waiting: deque[S] = deque()
    steps = 0

    def stop(breach: Breach, path_to: S, *last: S) -> Outcome:
        trace = (*_trace(model, parents, path_to, last), *breach.detail)
        violation = Violation(name=breach.name, sentence=breach.sentence, trace=trace)
        return Outcome(states=len(parents), steps=steps, complete=False, violation=violation)

    for raw in model.initial_states():
        state = model.canonical(raw)
        parents[state] = None
        waiting.append(state)
    while waiting:
        state = waiting.popleft()
        if (breach := model.find_rest_breach(state)) is not None:
            return stop(breach, state)
        for _, after in model.actions(state):
            steps += 1
            if (breach := model.find_step_breach(state, after)) is not None:
                return stop(breach, state, model.canonical(after))
            known, count = model.canonical(after), len(parents)
            parents.setdefault(
                known, state
            )  # to look first would hash the state once more, and that takes the most time
            if len(parents) > count:
                waiting.append(known)
        if len(parents) > bound:
            return Outcome(states=len(parents), steps=steps, complete=False)
    return Outcome(states=len(parents), steps=steps, complete=True)


def _trace(model: Model[S], parents: dict[S, S | None], end: S, last: tuple[S, ...]) -> list[str]:
    """Replay the path with unchanged actor names, so that the sentences speak of the same worker throughout."""
    path: list[S] = []
    cursor: S | None = end
    while cursor is not None:
        path.append(cursor)
        cursor = parents[cursor]
    path.reverse()
    (state,) = (first for first in model.initial_states() if model.canonical(first) == path[0])
    sentences: list[str] = []
    for target in (*path[1:], *last):
        sentence, state = next(step for step in model.actions(state) if model.canonical(step[1]) == target)
        sentences.append(sentence)
    return sentences
