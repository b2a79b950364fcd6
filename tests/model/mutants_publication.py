"""Wrong versions of the publication: each gets one rule wrong, as its sentence says."""

from tests.model import world
from tests.model.rules import Rules, is_withdrawn
from tests.model.state import (
    ACTIVE,
    SPENT,
    TOKEN,
    WITHDRAWAL,
    WITHDRAWN,
    Call,
    Content,
    Row,
    Secret,
    Worker,
)


def _markers(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    return tuple(call for call in calls if not call.moves)


def _puts(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    return tuple(call for call in calls if call.moves)


class NothingSpent(Rules):
    """Skipped numbers are not spent."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        return _puts(super().calls(row))


class OnlyLastSpent(Rules):
    """Only the last of the skipped numbers is spent."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        calls = super().calls(row)
        return (*_markers(calls)[-1:], *_puts(calls))


class SpentAfterPut(Rules):
    """Skipped numbers are spent after the put."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        calls = super().calls(row)
        return (*_puts(calls), *_markers(calls))


class WithdrawalSpendsNothing(Rules):
    """A withdrawal does not spend the skipped numbers."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        calls = super().calls(row)
        return _puts(calls) if is_withdrawn(row) else calls


class HintSpendsNothing(Rules):
    """A publication that a hint started does not spend the skipped numbers."""

    def look_calls(self, row: Row) -> tuple[Call, ...]:
        return _puts(self.calls(row))


class MarkerMoves(Rules):
    """A marker is put without a stage of its own, so that AWSCURRENT moves to it."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        return tuple(call._replace(moves=True) for call in super().calls(row))

    def goes_on(self, row: Row, worker: Worker, call: Call, reply: str) -> bool:
        return reply == world.ACCEPTED or call.content == SPENT


class RandomRequestToken(Rules):
    """Each try of a put has a ClientRequestToken of its own."""

    def late(self, call: Call) -> Call:
        return call._replace(version=-1 - call.version)


class StoreOverwrites(Rules):
    """The secret store takes other content under an id that was written (as moto does)."""

    def put(self, secret: Secret, call: Call) -> tuple[Secret, str]:
        others = tuple(pair for pair in secret.versions if pair[0] != call.version)
        return world.put(secret._replace(versions=others), call)


class SameContentMoves(Rules):
    """The secret store moves AWSCURRENT when the same content is put again."""

    def put(self, secret: Secret, call: Call) -> tuple[Secret, str]:
        if call.moves and (call.version, call.content) in secret.versions and call.version != secret.current:
            moved = Secret(
                secret.versions, call.version, call.content, secret.current, secret.current_content
            )
            return moved, world.ACCEPTED
        return super().put(secret, call)


class DisconnectTakesNoNumber(Rules):
    """A disconnect leaves the publication number alone."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(number=row.number)


class HoldTakesNoNumber(Rules):
    """A hold leaves the publication number alone."""

    def set_hold(self, row: Row) -> Row:
        return super().set_hold(row)._replace(number=row.number)


class OnlyActivePublished(Rules):
    """A hint publishes active rows only."""

    def look_publishes(self, row: Row) -> bool:
        return super().look_publishes(row) and row.status == ACTIVE


class NobodyPublishes(Rules):
    """A hint publishes nothing; only the refresher does."""

    def look_publishes(self, row: Row) -> bool:
        return False


class AcknowledgedEarly(Rules):
    """The commit acknowledges the number that it takes."""

    def commit(self, row: Row, worker: Worker) -> Row | None:
        committed = super().commit(row, worker)
        return committed and committed._replace(published=committed.number)


class NewestAcknowledged(Rules):
    """The finish acknowledges the row's number, not the one that was put."""

    def finish(self, row: Row, worker: Worker) -> Row | None:
        return super().finish(row, worker._replace(number=row.number))


class AcknowledgedAlthoughMoved(Rules):
    """The finish does not ask whether the row's number is still the one that was put."""

    def finish(self, row: Row, worker: Worker) -> Row | None:
        finished = super().finish(row._replace(number=worker.number), worker)
        return finished and finished._replace(number=row.number)


class AcknowledgedDownwards(Rules):
    """The finish writes its number whatever was acknowledged before."""

    def finish(self, row: Row, worker: Worker) -> Row | None:
        finished = super().finish(row._replace(number=worker.number, published=worker.number - 1), worker)
        return finished and finished._replace(number=row.number)


class RefusalGoesOn(Rules):
    """ResourceExistsException on a put counts as done."""

    def goes_on(self, row: Row, worker: Worker, call: Call, reply: str) -> bool:
        return True


class RefusalAcknowledged(RefusalGoesOn, AcknowledgedAlthoughMoved):
    """ResourceExistsException on a put counts as done, and the finish does not ask for the number."""


class MarkerLikeWithdrawal(Rules):
    """A marker's content equals a withdrawal's."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        return tuple(call if call.moves else call._replace(content=WITHDRAWN) for call in super().calls(row))


class MarkerAcknowledged(MarkerLikeWithdrawal, AcknowledgedAlthoughMoved):
    """A marker's content equals a withdrawal's, and the finish does not ask for the number."""


class UncommittedPublished(Rules):
    """A worker whose commit met a store outage publishes its token set all the same."""

    def after_store_outage(self, row: Row, worker: Worker) -> tuple[Call, ...]:
        content = Content(TOKEN, worker.epoch, worker.generation + 1, self.kept(worker))
        return (Call(row.number + 1, content, True),)


class SinkPublished(Rules):
    """The adopter publishes the sink's token set, not what the row says."""

    def adopted_calls(self, row: Row, rescued: tuple[int, ...]) -> tuple[Call, ...]:
        epoch, generation, token = rescued
        own = Content(TOKEN, epoch, generation + 1, token)
        return tuple(call._replace(content=own) if call.moves else call for call in self.calls(row))


class WithdrawnOnce(Rules):
    """A withdrawal takes one number and is put once."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(number=row.number + 1)

    def set_hold(self, row: Row) -> Row:
        return super().set_hold(row)._replace(number=row.number + 1)

    def calls(self, row: Row) -> tuple[Call, ...]:
        markers = tuple(Call(number, SPENT, False) for number in range(row.published + 1, row.number))
        return (*markers, Call(row.number, self.content(row), True))


class LastButOneSpent(Rules):
    """A withdrawal takes two numbers, but the first of them is spent and only the second is put."""

    def calls(self, row: Row) -> tuple[Call, ...]:
        markers = tuple(Call(number, SPENT, False) for number in range(row.published + 1, row.number))
        return (*markers, Call(row.number, self.content(row), True))


class OneNumberPutTwice(Rules):
    """A withdrawal takes one number, so that its first put meets the number of the token before."""

    def disconnect(self, row: Row) -> Row:
        return super().disconnect(row)._replace(number=row.number + 1)


class WithdrawalVaries(Rules):
    """A withdrawal's content carries the generation, so that two withdrawals of one connection differ."""

    def content(self, row: Row) -> Content:
        if is_withdrawn(row):
            return Content(WITHDRAWAL, row.epoch, row.generation)
        return super().content(row)
