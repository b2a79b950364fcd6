"""The protocol as a model that the search can walk: rules, setting and budget of faults together."""

from collections.abc import Iterator

from tests.model import properties as law
from tests.model import publishing as publication
from tests.model import refreshing
from tests.model.checker import Breach
from tests.model.properties import Setting
from tests.model.refreshing import Step
from tests.model.rules import Rules
from tests.model.state import (
    FINISHING,
    IDLE,
    LEASED,
    POSTED,
    PUBLISHING,
    READ,
    REVOKED,
    Budget,
    State,
    build_initial,
)

REPAIR_BOUND = 40  # steps; the design needs 10 at most, see longest_repair


class ProtocolModel:
    """All interleavings of the workers' steps, the changes from outside and the faults that the budget allows."""

    def __init__(
        self, setting: Setting, budget: Budget, rules: Rules | None = None, *, only: str | None = None
    ) -> None:
        """Take the design's rules or a mutant's; `only` names the one property to be judged."""
        self.setting = setting
        self.budget = budget
        self.rules = rules or Rules()
        self.longest_repair = 0
        self._settled: set[State] = set()
        self._row = tuple(judge for judge in law.ROW_PROPERTIES if only in (None, judge.__name__))
        self._attempt = tuple(judge for judge in law.ATTEMPT_PROPERTIES if only in (None, judge.__name__))
        self._publication = tuple(
            judge for judge in law.PUBLICATION_PROPERTIES if only in (None, judge.__name__)
        )
        self._rest = tuple(judge for judge in law.REST_PROPERTIES if only in (None, judge.__name__))
        self._repair_must_end = only in (None, law.d4_repair_ends.__name__)

    def initial_states(self) -> list[State]:
        """Return the one connection at rest."""
        setting = self.setting
        return [build_initial(self.budget, workers=setting.workers, connected=setting.connected)]

    def canonical(self, state: State) -> State:
        """Sort the workers: which process is which does not matter."""
        ordered = tuple(sorted(state.workers))
        return state if ordered == state.workers else state._replace(workers=ordered)

    def actions(self, state: State) -> Iterator[Step]:
        """Yield every step of every worker, then what the environment may do."""
        rested = False
        for index, worker in enumerate(state.workers):
            if worker.step == IDLE:
                if rested:  # a second resting worker could do nothing that the first could not
                    continue
                rested = True
            for sentence, after in self._worker_actions(state, index):
                yield f"worker {index + 1} {sentence}", after
        yield from publication.environment(self.rules, state, bounded=self.setting.bounded)

    def _worker_actions(self, state: State, index: int) -> Iterator[Step]:
        worker, rules, kind = state.workers[index], self.rules, self.setting.kind
        if worker.step == IDLE:
            yield from refreshing.start(rules, state, index)
            yield from self._hinted(state, index)
            if state.rescued:
                yield from publication.adopt(rules, state, index)
            yield from publication.change(rules, state, index)
            return
        if worker.step == READ:
            yield from refreshing.lease(rules, state, index, worker)
        elif worker.step == LEASED:
            yield from refreshing.post(rules, kind, state, index, worker)
        elif worker.step == POSTED:
            yield from refreshing.conclude(rules, state, index, worker)
        elif worker.step == PUBLISHING:
            yield from publication.publish(rules, state, index, worker)
        elif worker.step == FINISHING:
            yield from publication.finish(rules, state, index, worker)
        elif worker.step == REVOKED:
            yield from publication.record_revocation(rules, state, index, worker)
        yield from refreshing.crash(kind, state, index, worker)

    def _hinted(self, state: State, index: int) -> Iterator[Step]:
        if state.budget.looks:
            spent = state.budget._replace(looks=state.budget.looks - 1)
            with_lease = self.setting.hints_take_the_lease
            for sentence, after in publication.look(self.rules, state, index, with_lease=with_lease):
                yield sentence, after._replace(budget=spent)

    def find_step_breach(self, before: State, after: State) -> Breach | None:
        """Judge one step; a property is asked only when something it speaks of has changed."""
        row_moved = after.row is not before.row
        if row_moved:
            for judge in self._row:
                if not judge(before, after, self.setting):
                    return _breach(judge)
        if after.workers is not before.workers:
            for judge in self._attempt:
                if not judge(before, after, self.setting):
                    return _breach(judge)
        if row_moved or after.secret is not before.secret:
            for judge in self._publication:
                if not judge(before, after, self.setting):
                    return _breach(judge)
        return None

    def find_rest_breach(self, state: State) -> Breach | None:
        """Run the repair from a state at rest to its end, then judge where it ended."""
        if not publication.is_at_rest(state):
            return None
        state = state._replace(budget=_NO_FAULTS)
        if state in self._settled:
            return None
        self._settled.add(state)
        sentences: list[str] = []
        while (step := self._repair_step(state)) is not None:
            sentences.append(f"[repair] {step[0]}")
            state = step[1]
            if len(sentences) > REPAIR_BOUND:
                return _breach(law.d4_repair_ends, sentences[:12]) if self._repair_must_end else None
        self.longest_repair = max(self.longest_repair, len(sentences))
        for judge in self._rest:
            if not judge(state, self.setting):
                return _breach(judge, sentences)
        return None

    def _repair_step(self, state: State) -> Step | None:
        """Time passes, the rescue queue is read, and the scanner finds what is due; nothing waits for a plan."""
        looks = 1 if publication.is_due(state) else 0
        return next(self.actions(state._replace(budget=_NO_FAULTS._replace(looks=looks))), None)


_NO_FAULTS = Budget(*(0 for _ in Budget._fields))


def _breach(judge: law.StepProperty | law.RestProperty, sentences: list[str] | None = None) -> Breach:
    sentence = (judge.__doc__ or "").split("\n", 1)[0]
    return Breach(name=judge.__name__, sentence=sentence, detail=tuple(sentences or ()))
