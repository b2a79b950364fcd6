"""Steps 0 to 6 of the refresh, with every fault that can befall them."""

from collections.abc import Iterator

from tests.model.rules import Rules
from tests.model.state import (
    FINISHING,
    GRANT_DEAD,
    LEASED,
    NEW_TOKENS,
    POSTED,
    PUBLISHING,
    READ,
    REFUSED,
    RESTING,
    UNKNOWN,
    Row,
    State,
    Worker,
)
from tests.model.world import STRICT, STRICT_KILL

Step = tuple[str, State]


def with_worker(state: State, index: int, worker: Worker) -> State:
    """Return the state with one worker replaced."""
    row, provider, secret, workers, *rest = (
        state  # as `_replace` does, in half the time: every step comes through here
    )
    return State(row, provider, secret, (*workers[:index], worker, *workers[index + 1 :]), *rest)


def publishing(rules: Rules, row: Row, *, fence: int) -> Worker:
    """Return a worker that publishes what the row says now; where nothing is owed it goes on to the finish."""
    calls = rules.calls(row)
    return Worker(
        PUBLISHING if calls else FINISHING,
        epoch=row.epoch,
        generation=row.generation,
        fence=fence,
        number=row.number,
        calls=calls,
        plan=rules.plan(row),
    )


def start(rules: Rules, state: State, index: int) -> Iterator[Step]:
    """Step 0, whoever asked: a schedule, a reader, a hand, a batch or a 401."""
    row, budget = state.row, state.budget
    if budget.attempts and rules.may_start(row):
        worker = Worker(READ, epoch=row.epoch, generation=row.generation, token=row.token)
        left = budget._replace(attempts=budget.attempts - 1)
        yield "step 0: reads the row", with_worker(state, index, worker)._replace(budget=left)


def lease(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Step 2. A lease write that timed out and had succeeded leaves its fence in the worker's memory."""
    row, budget = state.row, state.budget
    if worker.fence and worker.fence == row.lease:
        yield "step 2: recognises its own lease", with_worker(state, index, worker._replace(step=LEASED))
        return
    leased = rules.lease(row, worker)
    if leased is None:
        yield "step 2: is refused the lease and goes", with_worker(state, index, RESTING)
        return
    mine = worker._replace(step=LEASED, fence=leased.fence, doubt=row.attempt_open)
    yield "step 2: takes the lease", with_worker(state, index, mine)._replace(row=leased)
    if budget.write_timeouts:
        left = budget._replace(write_timeouts=budget.write_timeouts - 1)
        unaware = with_worker(state, index, mine._replace(step=READ))
        yield "step 2: takes the lease but sees a time-out", unaware._replace(row=leased, budget=left)


def post(rules: Rules, kind: str, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Step 3, and the class of what comes back."""
    row, budget = state.row, state.budget
    if rules.looks_into_sink(worker) and state.rescued[:2] == (worker.epoch, worker.generation):
        stopped = with_worker(state, index, RESTING)._replace(row=rules.stop(row, worker))
        yield "step 3: finds a rescued answer and does not post", stopped
        return
    provider, answer, gained = rules.refresh(state.provider, kind, worker.token)
    posted = worker._replace(step=POSTED, answer=answer, gained=gained)
    answered = with_worker(state, index, posted)._replace(provider=provider)
    yield f"step 3: posts; answer: {answer}", answered
    unsure = with_worker(state, index, worker._replace(step=POSTED, answer=UNKNOWN))
    if budget.lost:
        left = budget._replace(lost=budget.lost - 1)
        yield "step 3: posts; the request is lost", unsure._replace(budget=left)
        window = row.epoch if _strict(kind) and answer == NEW_TOKENS else state.window_epoch
        lost = unsure._replace(provider=provider, budget=left, window_epoch=window)
        yield f"step 3: posts; the answer ({answer}) is lost", lost
    if budget.throttles:
        left = budget._replace(throttles=budget.throttles - 1)
        refused = with_worker(state, index, worker._replace(step=POSTED, answer=REFUSED))
        yield "step 3: posts; the provider throttles", refused._replace(budget=left)


def conclude(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Steps 5 and 6: commit, verdict or release."""
    row = state.row
    if worker.answer == NEW_TOKENS:
        yield from _commit(rules, state, index, worker)
        return
    resting = with_worker(state, index, RESTING)
    if worker.answer == GRANT_DEAD:
        rescued = state.rescued[:2] == (row.epoch, row.generation)
        judged = rules.verdict(row, worker, rescued=rescued)
        if judged is not None:
            yield f"step 6: verdict: {judged.status}", resting._replace(row=judged)
        else:
            yield "step 6: is superseded, no verdict", resting._replace(row=rules.release(row, worker))
    elif worker.answer == UNKNOWN:
        yield "step 4: outcome unknown, releases", resting._replace(row=rules.after_unknown(row, worker))
    else:
        yield "step 4: throttled, releases", resting._replace(row=rules.release(row, worker))


def _commit(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    row, budget = state.row, state.budget
    committed = rules.commit(row, worker)
    if committed is not None:
        publisher = publishing(rules, committed, fence=worker.fence)
        done = with_worker(state, index, publisher)._replace(row=committed)
        yield f"step 5: commits generation {committed.generation}, number {committed.number}", done
        if budget.write_timeouts:
            left = budget._replace(write_timeouts=budget.write_timeouts - 1)
            yield "step 5: commits but sees a time-out", state._replace(row=committed, budget=left)
    elif rules.recognises_itself(row, worker):
        yield (
            "step 5: recognises its own commit",
            with_worker(state, index, publishing(rules, row, fence=worker.fence)),
        )
    else:
        resting = with_worker(state, index, RESTING)._replace(row=rules.after_refused_commit(row, worker))
        yield "step 5: the commit is refused, goes", resting
    if budget.store_outages:
        left = budget._replace(store_outages=budget.store_outages - 1)
        record = (worker.epoch, worker.generation, rules.kept(worker))
        calls = rules.after_store_outage(row, worker)
        after = worker._replace(step=PUBLISHING, number=row.number, calls=calls) if calls else RESTING
        rescued = with_worker(state, index, after)._replace(rescued=record, budget=left)
        yield "step 5: the store is down, the answer goes to the rescue sink", rescued


def crash(kind: str, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Let the process die where it stands. Before the lease that is the same as never having begun."""
    budget = state.budget
    if not budget.crashes or worker.step == READ:
        return
    window = state.window_epoch
    holds_answer = worker.step == POSTED and worker.answer == NEW_TOKENS
    if holds_answer and _strict(kind) and _unmoved(state, worker):
        window = worker.epoch
    left = budget._replace(crashes=budget.crashes - 1)
    dead = with_worker(state, index, RESTING)._replace(budget=left, window_epoch=window)
    yield f"dies ({worker.step})", dead


def _strict(kind: str) -> bool:
    return kind in (STRICT, STRICT_KILL)


def _unmoved(state: State, worker: Worker) -> bool:
    return (state.row.epoch, state.row.generation) == (worker.epoch, worker.generation)
