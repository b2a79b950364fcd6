"""Twenty-four virtual hours of one connection: its schedule, and a reader every five minutes."""

from dataclasses import dataclass
from datetime import timedelta

from evertoken.domain.connection import Connection
from evertoken.domain.errors import TokenUnavailableError
from tests.conformance.connecting import connect
from tests.conformance.expectation import expect
from tests.conformance.grants import AccessToken
from tests.conformance.journey import explained, first_grant, renewing_operation
from tests.conformance.world import Trial, World

DAY_SECONDS = 86_400
READ_EVERY_SECONDS = 300


@dataclass(frozen=True)
class Day:
    """What a day came to."""

    reads: int
    requests: int


def run_day(trial: Trial) -> Day:
    """Let a day go by in memory. Raises NotConformingError: an expired token was handed out, or a rule of the provider was broken."""
    with explained(trial, "a day") as world:
        grant = first_grant(trial.entry)
        is_renewed = renewing_operation(trial.entry, grant) is not None
        row = connect(world, grant, policy=None)
        end = world.clock.now() + timedelta(seconds=DAY_SECONDS)
        next_read = world.clock.now()
        reads = 0
        while (now := world.clock.now()) < end:
            row = _attend_all_due(world, world.service.store.get(row.key))
            if now >= next_read:
                _read(world, row, is_renewed=is_renewed)
                reads += 1
                next_read += timedelta(seconds=READ_EVERY_SECONDS)
                row = _attend_hints(world, row)
            moments = [next_read, end]
            if row.due_at is not None:
                moments.append(max(row.due_at, now + timedelta(seconds=1)))
            world.clock.advance_to(min(moments))
        return Day(reads=reads, requests=len(world.server.seen))


def _attend_all_due(world: World, row: Connection) -> Connection:
    """What the scanner and a worker do: never later than a second after it is due."""
    if row.due_at is not None and row.due_at <= world.clock.now():
        world.service.attend(row)
        return world.service.store.get(row.key)
    return row


def _attend_hints(world: World, row: Connection) -> Connection:
    """What a reader of a stale token asked for."""
    queue = world.service.queue.queue
    while (message := queue.receive()) is not None:
        queue.delete(message)
        world.service.attend(world.service.store.get(row.key), asked=True)
    return world.service.store.get(row.key)


def _read(world: World, row: Connection, *, is_renewed: bool) -> None:
    try:
        read = world.service.read(row)
    except TokenUnavailableError as error:
        expect(not is_renewed, f"a reader got no token: {type(error).__name__}: {error}")
        return
    _, token = world.server.grants.issued[read.token_set.access_token]
    assert isinstance(token, AccessToken)
    left = token.expires_at - world.clock.seconds()
    expect(left > 0 and not token.is_ended, f"a reader got a token that ended {-left:.0f} s ago")
    published = world.service.publisher.read(row.key)
    if published and published.get("access_token"):
        shown = world.server.grants.issued[published["access_token"]][1]
        left = shown.expires_at - world.clock.seconds()
        expect(
            left > 0 and not shown.is_ended, f"Secrets Manager showed a token that ended {-left:.0f} s ago"
        )
