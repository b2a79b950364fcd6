"""The protocol's decisions, one method each: every conditional write, what is published, and what counts as due.

A write that its condition refuses returns None. The model interleaves these methods with each other and with faults; a mutant is
a subclass that gets one of them wrong.
"""

from tests.model import world
from tests.model.state import (
    ACTIVE,
    DEAD,
    DISCONNECTED,
    LEASE_END,
    LOST,
    NEVER,
    NONE,
    NOW,
    PLAN,
    SPENT,
    TOKEN,
    WITHDRAWN,
    Call,
    Content,
    Provider,
    Row,
    Secret,
    Worker,
)


def is_withdrawn(row: Row) -> bool:
    """Say whether readers may see no token of this row."""
    return row.status == DISCONNECTED or row.hold


class Rules:
    """The design."""

    # Steps 0 to 6: the refresh.

    def may_start(self, row: Row) -> bool:
        """Step 0: a refresh begins only for an active connection that is not on hold."""
        return row.status == ACTIVE and not row.hold

    def lease(self, row: Row, worker: Worker) -> Row | None:
        """Step 2: take the lease, record the attempt, and have the row looked at again when the lease ends."""
        if (row.epoch, row.generation) != (worker.epoch, worker.generation) or not self.may_start(row):
            return None
        if row.lease and not row.lease_ended:
            return None
        fence = row.fence + 1
        return row._replace(fence=fence, lease=fence, lease_ended=False, attempt_open=True, due=LEASE_END)

    def lease_for_publication(self, row: Row) -> Row | None:
        """Take the lease for a publication alone; it only saves duplicate calls."""
        if row.lease and not row.lease_ended:
            return None
        fence = row.fence + 1
        return row._replace(fence=fence, lease=fence, lease_ended=False, due=LEASE_END)

    def looks_into_sink(self, worker: Worker) -> bool:
        """Before step 3: an open earlier attempt may have left its answer in the rescue sink."""
        return worker.doubt

    def commit(self, row: Row, worker: Worker) -> Row | None:
        """Step 5: the new token set, if epoch and generation are unchanged; neither lease nor status is asked.

        `due_at` becomes the end of the worker's own lease, which it normally is already.
        """
        if (row.epoch, row.generation) != (worker.epoch, worker.generation):
            return None
        return row._replace(
            status=ACTIVE,
            generation=row.generation + 1,
            token=self.kept(worker),
            number=row.number + 1,
            attempt_open=False,
            committed_by=worker.fence,
            due=LEASE_END,
        )

    def kept(self, worker: Worker) -> int:
        """Step 5: an answer without a refresh token leaves the old one in force (RFC 6749 section 6)."""
        return worker.token if worker.gained == NONE else worker.gained

    def recognises_itself(self, row: Row, worker: Worker) -> bool:
        """Step 5: a refused commit was this worker's own earlier try."""
        own = (worker.epoch, worker.generation + 1, worker.fence)
        return (row.epoch, row.generation, row.committed_by) == own

    def after_refused_commit(self, row: Row, worker: Worker) -> Row:
        """Step 5: somebody newer was there; only the lease is given back."""
        return self.stop(row, worker)

    def after_store_outage(self, row: Row, worker: Worker) -> tuple[Call, ...]:
        """Step 5: what a worker publishes whose answer went to the rescue sink: nothing."""
        return ()

    def verdict(self, row: Row, worker: Worker, *, rescued: bool) -> Row | None:
        """Step 6: reauthorization required, fenced by the lease and refused beside a rescued answer."""
        same = (row.epoch, row.generation) == (worker.epoch, worker.generation)
        if not same or row.lease != worker.fence or row.status != ACTIVE or rescued:
            return None
        row = self.release(row, worker)
        due = row.due if self._owes(row) else NEVER
        return row._replace(status=LOST if worker.doubt else DEAD, due=due)

    def release(self, row: Row, worker: Worker, *, unknown: bool = False) -> Row:
        """End an attempt without a new token set, fenced by the lease; never postpone what the row owes."""
        if not row.lease or row.lease != worker.fence:
            return row
        due = row.due if self._owes(row) else PLAN
        return row._replace(lease=0, lease_ended=False, attempt_open=unknown or worker.doubt, due=due)

    def after_unknown(self, row: Row, worker: Worker) -> Row:
        """Step 4: an unknown outcome leaves the attempt open and the status alone."""
        return self.release(row, worker, unknown=True)

    def stop(self, row: Row, worker: Worker) -> Row:
        """Give the lease back, if still ours, and leave `due_at` where it is."""
        if not row.lease or row.lease != worker.fence:
            return row
        return row._replace(lease=0, lease_ended=False)

    def adopt(self, row: Row, rescued: tuple[int, ...]) -> Row | None:
        """Commit a rescued answer by the same condition; there is no lease whose end would bring somebody back: due now."""
        epoch, generation, token = rescued
        if (row.epoch, row.generation) != (epoch, generation):
            return None
        return row._replace(
            status=ACTIVE,
            generation=generation + 1,
            token=token,
            number=row.number + 1,
            attempt_open=False,
            committed_by=0,
            due=NOW,
        )

    def rescued_after_adoption(self, rescued: tuple[int, ...]) -> tuple[int, ...]:
        """Keep the sink's record: a lease holder of the same generation may still have to find it."""
        return rescued

    def adopted_calls(self, row: Row, rescued: tuple[int, ...]) -> tuple[Call, ...]:
        """Publish the row, never the sink's copy."""
        return self.calls(row)

    # What changes a connection from outside. None of it waits for a lease.

    def disconnect(self, row: Row) -> Row:
        """Drop the token set, end the epoch, owe the revocation, and take two numbers."""
        row = self._new_epoch(row)
        return row._replace(status=DISCONNECTED, owed=row.token, token=NONE, number=row.number + 2)

    def reconnect(self, row: Row, token: int) -> Row:
        """Begin an epoch with a new grant; a revocation still owed is dropped, as it might end the new grant too."""
        row = self._new_epoch(row)
        return row._replace(
            status=ACTIVE, owed=NONE, token=token, generation=row.generation + 1, number=row.number + 1
        )

    def _new_epoch(self, row: Row) -> Row:
        return row._replace(epoch=row.epoch + 1, lease=0, lease_ended=False, attempt_open=False, due=NOW)

    def set_hold(self, row: Row) -> Row:
        """Withdraw: two numbers, but neither epoch nor generation nor lease, so a commit under way succeeds."""
        return row._replace(hold=True, number=row.number + 2, due=NOW)

    def lift_hold(self, row: Row) -> Row:
        """Publish again."""
        return row._replace(hold=False, number=row.number + 1, due=NOW)

    # Step 7: the publication.

    def content(self, row: Row) -> Content:
        """Return what readers may see; a withdrawal is the same to the byte whatever the row says."""
        return WITHDRAWN if is_withdrawn(row) else Content(TOKEN, row.epoch, row.generation, row.token)

    def calls(self, row: Row) -> tuple[Call, ...]:
        """Spend every number that was skipped, then put; a withdrawal is put under the last two numbers.

        A number that was acknowledged is not put again: the one before a withdrawal's last may be an older withdrawal's.
        """
        content = self.content(row)
        first = row.number - 1 if is_withdrawn(row) else row.number
        markers = [Call(number, SPENT, False) for number in range(row.published + 1, first)]
        puts = [
            Call(number, content, True) for number in range(max(first, row.published + 1), row.number + 1)
        ]
        return (*markers, *puts)

    def look_calls(self, row: Row) -> tuple[Call, ...]:
        """Publish after a hint just as after a commit."""
        return self.calls(row)

    def goes_on(self, row: Row, worker: Worker, call: Call, reply: str) -> bool:
        """Go on after an accepted call, or when a number to be spent was there already; else a newer publisher passed us."""
        return reply == world.ACCEPTED or not call.moves

    def plan(self, row: Row) -> str:
        """Return the `due_at` of a row whose publication is done."""
        if row.owed != NONE:
            return NOW
        return PLAN if row.status == ACTIVE and not row.hold else NEVER

    def finish(self, row: Row, worker: Worker) -> Row | None:
        """Acknowledge the number that was put if it is still the row's, release our lease, and plan.

        Another attempt's lease keeps its `due_at`: that attempt may die, and nobody else would come.
        """
        if row.number != worker.number or row.published >= worker.number:
            return None
        row = row._replace(published=worker.number)
        if row.lease and row.lease != worker.fence:
            return row
        return row._replace(lease=0, lease_ended=False, due=worker.plan)

    # What a hint finds to do beside a refresh.

    def look_publishes(self, row: Row) -> bool:
        """Say whether a publication is behind, whatever the status."""
        return row.published < row.number

    def replan(self, row: Row) -> Row | None:
        """Put the row back to its plan, if it owes nothing and nobody holds its lease."""
        if row.due not in (NOW, LEASE_END) or self._owes(row) or (row.lease and not row.lease_ended):
            return None
        return row._replace(lease=0, lease_ended=False, due=self.plan(row))

    def after_revocation(self, row: Row, worker: Worker) -> Row | None:
        """Record that the provider has revoked."""
        if row.epoch != worker.epoch or row.owed == NONE:
            return None
        row = row._replace(owed=NONE)
        return row if self._owes(row) or row.lease else row._replace(due=self.plan(row))

    def _owes(self, row: Row) -> bool:
        return row.published < row.number or row.owed != NONE

    # The services, here so that a mutant can have one that breaks its promise.

    def put(self, secret: Secret, call: Call) -> tuple[Secret, str]:
        """Let Secrets Manager take a call."""
        return world.put(secret, call)

    def late(self, call: Call) -> Call:
        """Return the call as it arrives late: with the same ClientRequestToken, made of connection and number."""
        return call

    def refresh(self, provider: Provider, kind: str, token: int) -> tuple[Provider, str, int]:
        """Let the provider answer a refresh request."""
        return world.refresh(provider, kind, token)
