"""Wrong versions of the refresh: each gets one rule wrong, as its sentence says."""

from tests.model.rules import Rules
from tests.model.state import ACTIVE, DEAD, DISCONNECTED, LOST, NONE, Row, Worker


class NoLease(Rules):
    """A lease is granted beside a live one."""

    def lease(self, row: Row, worker: Worker) -> Row | None:
        return super().lease(row._replace(lease=0), worker)


class UnconditionalCommit(Rules):
    """The commit asks for neither epoch nor generation."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        row = row._replace(epoch=worker.epoch, generation=worker.generation)
        return super().commit(row, worker)


class SuccessFencedByLease(Rules):
    """A success is dropped when the lease has passed to somebody else."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        return super().commit(row, worker) if row.lease == worker.fence and not row.lease_ended else None


class SuccessOnlyIfActive(Rules):
    """A success is dropped when a verdict was given meanwhile."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        return super().commit(row, worker) if row.status == ACTIVE else None


class UnfencedVerdict(Rules):
    """A refusal marks the connection without asking for generation or lease."""

    def verdict(self, row: Row, worker: Worker, *, rescued: bool) -> Row | None:
        return row._replace(status=LOST if worker.doubt else DEAD) if row.status == ACTIVE else None


class NoEpoch(Rules):
    """Disconnect and reconnect leave epoch and generation alone."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(epoch=row.epoch)

    def reconnect(self, row: Row, token: int) -> Row:
        return super().reconnect(row, token)._replace(epoch=row.epoch, generation=row.generation)


class RefusedCommitIsFailure(Rules):
    """A refused commit counts as a failed refresh."""

    def recognises_itself(self, row: Row, worker: Worker) -> bool:
        return False

    def after_refused_commit(self, row: Row, worker: Worker) -> Row:
        row = self.stop(row, worker)
        return row if row.status == DISCONNECTED else row._replace(status=DEAD)


class UnknownIsDead(Rules):
    """An unknown outcome counts as a dead grant."""

    def after_unknown(self, row: Row, worker: Worker) -> Row:
        return self.verdict(row, worker, rescued=False) or self.release(row, worker)


class OmittedTokenDropped(Rules):
    """An answer without a refresh token empties the stored one."""

    def kept(self, worker: Worker) -> int:
        return worker.gained


class CommitClearsAnyLease(Rules):
    """The commit ends whatever lease it finds."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        committed = super().commit(row, worker)
        return committed and committed._replace(lease=0, lease_ended=False)


class LockOnly(UnconditionalCommit):
    """A lock with a time limit, released without asking whose it is, and an unconditional write."""

    def stop(self, row: Row, worker: Worker) -> Row:
        return row._replace(lease=0, lease_ended=False)

    def release(self, row: Row, worker: Worker, *, unknown: bool = False) -> Row:
        return super().release(row, worker._replace(fence=row.lease), unknown=unknown)


class HoldClearsLease(Rules):
    """A hold ends the lease of an attempt under way."""

    def set_hold(self, row: Row) -> Row:
        return super().set_hold(row)._replace(lease=0, lease_ended=False)


class CommitLiftsHold(Rules):
    """The commit writes the whole row, the hold included."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        committed = super().commit(row, worker)
        return committed and committed._replace(hold=False)


class DisconnectKeepsToken(Rules):
    """A disconnect leaves the token set in the row."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(token=row.token)


class SinkNotAsked(Rules):
    """A lease holder posts although an earlier attempt is open and its answer may lie in the sink."""

    def looks_into_sink(self, worker: Worker) -> bool:
        return False


class RescueRecordRemoved(Rules):
    """The adopter removes the sink's record, so that the next lease holder finds nothing."""

    def rescued_after_adoption(self, rescued: tuple[int, ...]) -> tuple[int, ...]:
        return ()


class VerdictBesideRescue(SinkNotAsked):
    """A verdict does not ask whether an answer to the same generation was rescued."""

    def verdict(self, row: Row, worker: Worker, *, rescued: bool) -> Row | None:
        return super().verdict(row, worker, rescued=False)


class OpenAttemptForgotten(Rules):
    """An unknown outcome is released like a known one, so that a later refusal is called a dead grant."""

    def after_unknown(self, row: Row, worker: Worker) -> Row:
        return self.release(row, worker)


class RevocationForgotten(Rules):
    """A disconnect does not owe the provider a revocation."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(owed=NONE)
