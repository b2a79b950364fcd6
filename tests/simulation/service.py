"""The service as the platform runs it: the scanner by the minute, workers by message, one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from evertoken.adapters.sqs_messages import parse_hint, parse_rescued
from evertoken.domain.errors import EvertokenError
from evertoken.ports import Clock
from evertoken.usecases.adopt_rescued import adopt_rescued
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshResultKind
from evertoken.usecases.scan_due import scan_due
from tests.fakes.queue import FakeQueue, QueuedMessage
from tests.simulation.numbered import Gate, Killed
from tests.simulation.world import KEY, World


def scan(world: World) -> None:
    """One tick of the scanner."""
    with suppress(Killed, EvertokenError):
        scan_due(world.scanning(), invocation=world.invocation())


def deliver(world: World) -> int:
    """Hand every visible message to a process of its own; return how many there were."""
    return _deliver(world, world.queue.queue, attend_message) + _deliver(
        world, world.rescue.queue, adopt_message
    )


def attend_message(
    world: World, message: QueuedMessage, *, clock: Clock | None = None, gate: Gate | None = None
) -> bool:
    """What the refresher does with a hint; return whether it is done with."""
    hint = parse_hint(message.body)
    assert hint is not None
    result = attend_connection(world.refreshing(clock, gate), hint, invocation=world.invocation(clock=clock))
    world.results.append(result.kind)
    return result.kind is not RefreshResultKind.NO_TIME


def adopt_message(
    world: World, message: QueuedMessage, *, clock: Clock | None = None, gate: Gate | None = None
) -> bool:
    rescued = parse_rescued(message.body)
    assert rescued is not None
    adopt_rescued(world.refreshing(clock, gate), rescued)
    return True


def run(world: World, seconds: float, check: Callable[[], None] = lambda: None) -> None:
    """Let *seconds* go by: a scan at every full minute, and each message when it is due."""
    end = world.clock.now() + timedelta(seconds=seconds)
    next_scan = world.clock.now()
    while True:
        if world.clock.now() >= next_scan:
            scan(world)
            next_scan += timedelta(seconds=60)
        while deliver(world):
            check()
        next_scan += timedelta(seconds=60 * _idle_ticks(world, min(end, next_scan + timedelta(hours=1))))
        waiting = [
            message.visible_at for message in (*world.queue.queue.messages, *world.rescue.queue.messages)
        ]
        moment = min([next_scan, *waiting])
        if moment >= end:
            world.clock.advance_to(end)
            return
        world.clock.advance_to(moment)
        check()


def _idle_ticks(world: World, end: datetime) -> int:
    """How many ticks from now on would find nothing, because no message waits and nothing is due: they need not be run."""
    if world.queue.queue.messages or world.rescue.queue.messages:
        return 0
    row = world.store.find(KEY)
    due_at = end if row is None or row.due_at is None else min(row.due_at, end)
    return max(0, int((due_at - world.clock.now()).total_seconds() - 150) // 60)


def _deliver(world: World, queue: FakeQueue, handle: Callable[[World, QueuedMessage], bool]) -> int:
    count = 0
    while (message := queue.receive()) is not None:
        count += 1
        try:
            done = handle(world, message)
        except EvertokenError as error:
            done = not error.retryable
        except Killed:
            done = False
        if done:
            queue.delete(message)
    return count
