"""Scanning on the fakes: what is due is hinted at once and in time, at a cost that does not grow with what is stored."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.connection import ConnectionStatus, Sealed
from evertoken.domain.hint import Hint
from evertoken.domain.provider import Rotation
from evertoken.ports import DueConnection
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.scan_due import ScanDependencies, is_hint_wanted, scan_due
from tests.fakes.clock import BEGIN, FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.queue import FakeHintQueue
from tests.fakes.scan_cursor import FakeScanCursor
from tests.simulation import service
from tests.simulation.numbered import Fault, Killed, Numbered, disturb
from tests.simulation.world import KEY, build_ready, build_row, build_world

SHARDS = 16
HINT = Hint(key=KEY, epoch=1, generation=1, provider_id="p", registration_id="r", key_id="k")


class Fleet:
    """Many connections, and a scanner."""

    def __init__(self, rows: int, *, due: int, due_in: float = 30) -> None:
        self.clock = FakeClock()
        self.store = FakeConnectionStore(self.clock, shards=SHARDS)
        self.queue = FakeHintQueue(self.clock)
        self.cursor = FakeScanCursor()
        self.failing: Fault | None = None
        ready = build_ready(self.clock.now(), Rotation())
        for number in range(rows):
            seconds = due_in if number < due else 7200 + number
            row = build_row(
                self.clock.now() - timedelta(hours=1),
                ready,
                connection_id=f"connection-{number:06d}",
                status=ConnectionStatus.ACTIVE,
                epoch=1,
                generation=1,
                sealed=Sealed(key_id="2026-11", ciphertext=b"x"),
                due_at=self.clock.now() + timedelta(seconds=seconds),
                refresh_at=self.clock.now() + timedelta(seconds=seconds),
            )
            self.store.create_connecting(row)

    def scan(self, seconds: float = 50, **changes: Any) -> Any:
        deps = ScanDependencies(
            store=self.store,
            cursor=self.cursor,
            queue=self.queue,
            clock=self.clock,
            shards=SHARDS,
            parallel=1,
        )
        invocation = Invocation(started_at=self.clock.now(), ends_at=self.clock.monotonic() + seconds)
        return scan_due(replace(deps, **changes), invocation=invocation)


def test_of_10_000_connections_37_are_due_and_get_37_hints() -> None:
    fleet = Fleet(10_000, due=37)
    result = fleet.scan()
    assert (result.hints, result.candidates, result.shards_scanned, result.shards_left) == (37, 37, SHARDS, 0)
    assert len({hint.key for hint in fleet.queue.hints}) == 37
    assert {message.visible_at - BEGIN for message in fleet.queue.queue.messages} == {timedelta(seconds=30)}


def test_what_a_scan_reads_grows_with_what_is_due_and_not_with_what_is_stored() -> None:
    units = {}
    for rows in (100, 10_000):
        fleet = Fleet(rows, due=37)
        fleet.scan()
        units[rows] = fleet.store.index.read_units
    assert units[10_000] == units[100] <= SHARDS * 0.5 + 37 * 0.5
    idle = Fleet(10_000, due=0)
    idle.scan()
    assert idle.store.index.read_units == SHARDS * 0.5


def test_scans_by_the_minute_send_each_due_connection_one_hint_before_it_is_late() -> None:
    fleet = Fleet(600, due=600, due_in=0)
    for number, row in enumerate(list(fleet.store._rows.values())):
        due_at = BEGIN + timedelta(seconds=number)
        fleet.store._write(replace(row, due_at=due_at), due_set_at=BEGIN - timedelta(hours=1))
    fleet.cursor.advance(dict.fromkeys(range(SHARDS), BEGIN - timedelta(seconds=60)))
    for row in list(fleet.store._rows.values()):
        if row.due_at and row.due_at < BEGIN + timedelta(seconds=30):
            fleet.store._write(replace(row, due_at=None), due_set_at=BEGIN)
    arrivals: Counter[str] = Counter()
    for _ in range(10):
        fleet.scan()
        for message in fleet.queue.queue.messages:
            arrivals[message.body] += 1
        for hint in fleet.queue.hints:
            row = fleet.store.get(hint.key)
            fleet.store._write(replace(row, due_at=None), due_set_at=fleet.clock.now())
        fleet.queue.queue.messages.clear()
        fleet.clock.advance(60)
    assert len(arrivals) == 570
    assert set(arrivals.values()) == {1}


def test_two_scanners_at_once_repeat_hints_and_lose_none() -> None:
    fleet = Fleet(50, due=20)
    other = FakeScanCursor()
    fleet.scan()
    fleet.scan(cursor=other)
    assert Counter(hint.key.connection_id for hint in fleet.queue.hints).most_common(1)[0][1] == 2
    assert len({hint.key for hint in fleet.queue.hints}) == 20


@pytest.mark.parametrize("method", ["send", "advance"])
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_a_scan_that_died_is_made_up_by_the_next(method: str, fault: Fault) -> None:
    fleet = Fleet(50, due=20)
    fleet.scan()
    fleet.queue.queue.bodies_sent.clear()
    late = Fleet(0, due=0)
    late.cursor.advance(fleet.cursor.get())
    fleet.clock.advance(60)
    for row in list(fleet.store._rows.values())[:20]:
        due_at = fleet.clock.now() + timedelta(seconds=40)
        fleet.store._write(replace(row, due_at=due_at), due_set_at=fleet.clock.now())

    def gate(port: str, name: str, effect: Any) -> Any:
        return disturb(fault if name == method else None, port, effect)

    with pytest.raises(Killed):
        fleet.scan(queue=Numbered("queue", fleet.queue, gate), cursor=Numbered("cursor", fleet.cursor, gate))
    fleet.scan()
    assert len({hint.key for hint in fleet.queue.hints}) == 20


def test_one_shard_that_cannot_be_read_or_sent_stops_no_other_and_is_made_up() -> None:
    fleet = Fleet(160, due=160)
    failing = {"left": 1}

    def gate(port: str, name: str, effect: Any) -> Any:
        is_struck = name == "send" and failing["left"] > 0
        failing["left"] -= is_struck
        return disturb(Fault.UNAVAILABLE if is_struck else None, port, effect)

    result = fleet.scan(queue=Numbered("queue", fleet.queue, gate))
    assert (result.shards_scanned, result.shards_left) == (SHARDS - 1, 1)
    assert len(fleet.cursor.get()) == SHARDS - 1
    fleet.scan()
    assert len({hint.key for hint in fleet.queue.hints}) == 160
    assert len(fleet.queue.hints) == 160


def test_when_time_is_short_the_shards_that_waited_longest_come_first() -> None:
    fleet = Fleet(160, due=160)
    fleet.cursor.advance({shard: BEGIN - timedelta(minutes=shard) for shard in range(SHARDS)})
    real = fleet.store.find_due

    def slow(**arguments: Any) -> Any:
        fleet.clock.advance(10)
        return real(**arguments)

    fleet.store.find_due = slow  # type: ignore[method-assign]
    result = fleet.scan(seconds=35)
    assert result.shards_left == SHARDS - 4
    scanned = [shard for shard, at in fleet.cursor.get().items() if at >= BEGIN]
    assert sorted(scanned) == [0, 12, 13, 14, 15], "the first of them had been scanned just now"


def test_an_index_that_lags_makes_hints_late_and_loses_none() -> None:
    world = build_world("static")
    world.store.index.lag_seconds = 30
    world.connect()
    service.run(world, 3600)
    assert world.row.generation == 2
    assert all(record.outcome == "ok" for record in world.twin.ledger.find_requests())


@pytest.mark.parametrize("lifetime", [60, 120, 240, 900])
def test_short_tokens_are_refreshed_in_time_though_they_fall_due_right_after_a_scan(lifetime: int) -> None:
    world = build_world("static", access_token_seconds=lifetime)
    world.clock.advance(17)
    world.connect()
    gone = 0.0
    while gone < 20 * lifetime:
        service.run(world, 7)
        gone += 7
        assert world.row.lives_for(world.clock.now()) > 0, f"expired after {gone} s"


# the first hint, and the repeats


def wanted(due_in: float, ticks: list[float], *, set_at: float = -100_000) -> list[float]:
    """When scans at *ticks* (seconds from BEGIN) hint at something due at BEGIN + *due_in* that nobody ever does."""
    hints = []
    scanned_at = BEGIN - timedelta(days=1)
    for tick in ticks:
        now = BEGIN + timedelta(seconds=tick)
        entry = DueConnection(
            hint=HINT, due_at=BEGIN + timedelta(seconds=due_in), due_set_at=BEGIN + timedelta(seconds=set_at)
        )
        is_seen = entry.due_at < now + timedelta(seconds=90) and tick >= set_at
        if is_seen and is_hint_wanted(entry, now=now, scanned_at=scanned_at):
            hints.append(tick)
        scanned_at = now
    return hints


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    due_in=st.integers(0, 4000),
    pauses=st.lists(st.integers(30, 400) | st.just(60), min_size=30, max_size=60),
)
def test_any_ticks_send_exactly_one_first_hint_with_the_first_scan_that_sees_it(
    due_in: float, pauses: list[float]
) -> None:
    ticks = [sum(pauses[:count]) for count in range(len(pauses))]
    hints = wanted(due_in, ticks)
    seen = [tick for tick in ticks if due_in < tick + 90]
    if not seen:
        return
    assert hints[0] == seen[0]
    early = [tick for tick in hints if tick < due_in + 60]
    assert len(early) <= 1


@settings(max_examples=200, deadline=None, derandomize=True)
@given(due_in=st.integers(-300, 300), set_at=st.integers(0, 600), phase=st.integers(0, 60))
def test_what_falls_due_after_a_scan_is_hinted_at_by_the_very_next(
    due_in: float, set_at: float, phase: float
) -> None:
    ticks = [phase + 60 * count for count in range(30)]
    hints = wanted(set_at + due_in, ticks, set_at=set_at)
    first = min(tick for tick in ticks if tick >= set_at and set_at + due_in < tick + 90)
    assert hints[0] == first
    at_the_edge = any(abs(tick - set_at) < 5 for tick in ticks)
    before_due = [tick for tick in hints if tick < set_at + due_in + 60]
    assert len(before_due) <= (2 if at_the_edge else 1)


def test_what_nobody_does_is_repeated_after_1_2_4_8_16_32_minutes_and_so_on() -> None:
    ticks = [60.0 * count for count in range(100)]
    assert [round(tick / 60) for tick in wanted(0, ticks)] == [0, 1, 2, 4, 8, 16, 32, 48, 64, 80, 96]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(due_in=st.integers(0, 60), pauses=st.lists(st.integers(30, 200), min_size=40, max_size=60))
def test_a_backlog_is_hinted_at_ever_more_rarely_and_never_forgotten(
    due_in: float, pauses: list[float]
) -> None:
    ticks = [sum(pauses[:count]) for count in range(len(pauses))]
    hints = wanted(due_in, ticks)
    assert len(hints) <= 7 + ticks[-1] / 960
    gaps = [later - earlier for earlier, later in itertools.pairwise(hints)]
    assert all(gap <= 960 + 2 * 200 for gap in gaps)


def test_an_entry_of_an_older_version_is_hinted_at_by_the_index_alone() -> None:
    entry = DueConnection(hint=HINT, due_at=BEGIN, due_set_at=None)
    assert is_hint_wanted(entry, now=BEGIN, scanned_at=None)
    assert is_hint_wanted(entry, now=BEGIN - timedelta(seconds=60), scanned_at=BEGIN - timedelta(seconds=120))
    assert not is_hint_wanted(entry, now=BEGIN, scanned_at=BEGIN - timedelta(seconds=60))
