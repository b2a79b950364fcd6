"""Step 7, the looks that a hint causes, and the changes that come from outside."""

from collections.abc import Iterator

from tests.model import world
from tests.model.refreshing import Step, publishing, with_worker
from tests.model.rules import Rules
from tests.model.state import (
    ACTIVE,
    DISCONNECTED,
    FINISHING,
    IDLE,
    LEASE_END,
    NONE,
    NOW,
    RESTING,
    REVOKED,
    State,
    Worker,
)


def publish(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Send the next call to Secrets Manager, with the faults of such a call."""
    row, budget, call = state.row, state.budget, worker.calls[0]
    what = f"step 7: {'puts' if call.moves else 'spends'} {call.version}"
    secret, reply = rules.put(state.secret, call)
    rest = worker.calls[1:]
    stopped = with_worker(state, index, RESTING)._replace(row=rules.stop(row, worker))
    if rules.goes_on(row, worker, call, reply):
        step = worker.step if rest else FINISHING
        after = with_worker(state, index, worker._replace(step=step, calls=rest))
        yield f"{what} ({call.content.kind}): {reply}", after._replace(secret=secret)
    else:
        yield f"{what} ({call.content.kind}): {reply}; a newer publisher passed", stopped
    if budget.throttles:
        left = budget._replace(throttles=budget.throttles - 1)
        yield f"{what}: throttled, gives up", stopped._replace(budget=left)
    if budget.put_timeouts:
        left = budget._replace(put_timeouts=budget.put_timeouts - 1)
        yield f"{what}: a time-out, but it was done; tries again", state._replace(secret=secret, budget=left)
        yield f"{what}: a time-out, but it was done; gives up", stopped._replace(secret=secret, budget=left)
    if budget.delays:
        left = budget._replace(delays=budget.delays - 1)
        flying = tuple(sorted((*state.flying, rules.late(call))))
        yield f"{what}: a time-out, still under way; tries again", state._replace(flying=flying, budget=left)
        yield f"{what}: a time-out, still under way; gives up", stopped._replace(flying=flying, budget=left)


def land(rules: Rules, state: State) -> Iterator[Step]:
    """Let a delayed call take effect."""
    for index, call in enumerate(state.flying):
        flying = (*state.flying[:index], *state.flying[index + 1 :])
        secret, reply = rules.put(state.secret, call)
        what = "put" if call.moves else "marker"
        yield (
            f"the delayed {what} of {call.version} arrives: {reply}",
            state._replace(secret=secret, flying=flying),
        )


def finish(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """The one write that acknowledges. Whether its answer is lost makes no difference: nothing follows."""
    finished = rules.finish(state.row, worker)
    resting = with_worker(state, index, RESTING)
    if finished is not None:
        yield f"step 7: acknowledges {finished.published}", resting._replace(row=finished)
    else:
        stopped = resting._replace(row=rules.stop(state.row, worker))
        yield f"step 7: may not acknowledge {worker.number}, the row has moved", stopped


def look(rules: Rules, state: State, index: int, *, with_lease: bool) -> Iterator[Step]:
    """A hint arrives: publish what is behind, send the revocation that is owed, or put the row back to its plan."""
    row = state.row
    if rules.look_publishes(row):
        leased = rules.lease_for_publication(row) if with_lease else row
        if leased is not None:
            publisher = publishing(rules, row, fence=leased.fence if with_lease else 0)
            publisher = publisher._replace(calls=rules.look_calls(row))
            yield (
                f"a hint: publishes number {row.number} (acknowledged: {row.published})",
                with_worker(state, index, publisher)._replace(row=leased),
            )
    elif row.owed != NONE:
        provider = world.kill(state.provider, state.provider.grant[row.owed])
        revoker = Worker(REVOKED, epoch=row.epoch)
        yield (
            "a hint: revokes at the provider",
            with_worker(state, index, revoker)._replace(provider=provider),
        )
    elif (planned := rules.replan(row)) is not None:
        yield f"a hint: nothing to do, due again at {planned.due}", state._replace(row=planned)


def record_revocation(rules: Rules, state: State, index: int, worker: Worker) -> Iterator[Step]:
    """Write down that the provider has revoked."""
    row = rules.after_revocation(state.row, worker) or state.row
    yield "records the revocation", with_worker(state, index, RESTING)._replace(row=row)


def adopt(rules: Rules, state: State, index: int) -> Iterator[Step]:
    """The rescue sink's consumer commits the answer that it finds, without a lease."""
    row = rules.adopt(state.row, state.rescued)
    if row is not None:
        publisher = publishing(rules, row, fence=0)._replace(calls=rules.adopted_calls(row, state.rescued))
        adopted = with_worker(state, index, publisher)._replace(
            row=row, rescued=rules.rescued_after_adoption(state.rescued)
        )
        yield f"adopts the rescued answer as generation {row.generation}, number {row.number}", adopted


def change(rules: Rules, state: State, index: int) -> Iterator[Step]:
    """Disconnect, reconnect or hold: the write, then the same worker publishes at once."""
    row, budget = state.row, state.budget
    if budget.disconnects and row.status != DISCONNECTED:
        left = budget._replace(disconnects=budget.disconnects - 1)
        changed = rules.disconnect(row)
        publisher = publishing(rules, changed, fence=0)
        after = with_worker(state, index, publisher)._replace(row=changed, budget=left)
        yield f"disconnects, number {changed.number}", after
    if budget.reconnects:
        left = budget._replace(reconnects=budget.reconnects - 1)
        provider, token = world.consent(state.provider)
        changed = rules.reconnect(row, token)
        publisher = publishing(rules, changed, fence=0)
        after = with_worker(state, index, publisher)._replace(row=changed, provider=provider, budget=left)
        yield f"connects anew, number {changed.number}", after
    if budget.holds and (row.hold or row.status != DISCONNECTED):
        left = budget._replace(holds=budget.holds - 1)
        changed = rules.lift_hold(row) if row.hold else rules.set_hold(row)
        publisher = publishing(rules, changed, fence=0)
        after = with_worker(state, index, publisher)._replace(row=changed, budget=left)
        yield f"{'lifts' if row.hold else 'sets'} the hold, number {changed.number}", after


def environment(rules: Rules, state: State, *, bounded: bool) -> Iterator[Step]:
    """What nobody here does: time, the network and the user at the provider."""
    row, budget = state.row, state.budget
    if row.lease and not row.lease_ended:
        holder = any(worker.fence == row.lease for worker in state.workers)
        if not (bounded and holder):
            yield "the lease ends", state._replace(row=row._replace(lease_ended=True))
    yield from land(rules, state)
    if budget.revokes and row.status == ACTIVE:
        grant = state.provider.grant[row.token]
        yield (
            "the user revokes at the provider",
            state._replace(
                provider=world.kill(state.provider, grant),
                revoked_epoch=row.epoch,
                budget=budget._replace(revokes=budget.revokes - 1),
            ),
        )


def is_due(state: State) -> bool:
    """Say whether the scanner would find the row without waiting for its plan."""
    row = state.row
    return row.due == NOW or (row.due == LEASE_END and (not row.lease or row.lease_ended))


def is_at_rest(state: State) -> bool:
    """Say whether no process is at work and no call is under way."""
    return not state.flying and all(worker.step == IDLE for worker in state.workers)
