"""Wrong versions of the finish and of `due_at`: each gets one rule wrong, as its sentence says."""

from tests.model.rules import Rules
from tests.model.state import PLAN, Row, Worker


class FinishClearsAnyLease(Rules):
    """The finish releases whatever lease it finds."""

    def finish(self, row: Row, worker: Worker) -> Row | None:
        return super().finish(row, worker._replace(fence=row.lease))


class FinishPlansUnderForeignLease(Rules):
    """The finish sets the plan although another attempt holds the lease."""

    def finish(self, row: Row, worker: Worker) -> Row | None:
        finished = super().finish(row, worker)
        return finished and finished._replace(due=worker.plan)


class CommitKeepsDue(Rules):
    """The commit leaves `due_at` where it is; that is safe only as long as each process ends before its lease."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        committed = super().commit(row, worker)
        return committed and committed._replace(due=row.due)


class LeaseKeepsDue(CommitKeepsDue):
    """Neither the lease nor the commit moves `due_at`."""

    def lease(self, row: Row, worker: Worker) -> Row | None:
        leased = super().lease(row, worker)
        return leased and leased._replace(due=row.due)


class DueAsFirstWritten(FinishPlansUnderForeignLease, CommitKeepsDue):
    """The finish always sets the plan and the commit leaves `due_at` where it is: the rule as it was first written."""


class AdoptionKeepsDue(Rules):
    """The adoption leaves `due_at` where it is."""

    def adopt(self, row: Row, rescued: tuple[int, ...]) -> Row | None:
        adopted = super().adopt(row, rescued)
        return adopted and adopted._replace(due=row.due)


class ReleasePostpones(Rules):
    """A release sets the plan although a publication is behind."""

    def release(self, row: Row, worker: Worker, *, unknown: bool = False) -> Row:
        released = super().release(row, worker, unknown=unknown)
        return released if released is row else released._replace(due=PLAN)


class PlanForgetsRevocation(Rules):
    """The plan of a disconnected row forgets the revocation that is owed."""

    def plan(self, row: Row) -> str:
        return super().plan(row._replace(owed=-1))


class HoldIsNotDue(Rules):
    """A hold takes its numbers but leaves `due_at` at the plan."""

    def set_hold(self, row: Row) -> Row:
        return super().set_hold(row)._replace(due=row.due)


class NeverReplanned(Rules):
    """A hint that finds nothing to do leaves the row due."""

    def replan(self, row: Row) -> Row | None:
        return None
