"""Every event is told exactly once to whoever drops repeats, whatever fails and however often a batch is delivered."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from evertoken.domain.change import changes_of
from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.errors import StoreUnavailableError
from evertoken.entrypoints.event_relay import EventRelayEntrypoint
from evertoken.usecases.relay_changes import RelayDependencies
from tests.contract.connection_life import Life, tell
from tests.contract.store_under_test import connecting, first_connect, key_of
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.event_bus import MemoryEventBus
from tests.fakes.ledger import MemoryLedger
from tests.simulation.world import CANARY
from tests.usecases.due_world import demand, due_world
from tests.usecases.stream_records import history_of, record_of, records_of
from tests.usecases.test_refresher_batch import Context, QuietTelemetry


class Relay:
    """The relay as Lambda calls it, on a ledger and a bus in memory."""

    def __init__(self) -> None:
        self.ledger, self.bus, self.telemetry = MemoryLedger(), MemoryEventBus(), QuietTelemetry()
        self.entrypoint = EventRelayEntrypoint(
            dependencies=RelayDependencies(ledger=self.ledger, bus=self.bus),
            telemetry=self.telemetry,  # type: ignore[arg-type]
        )

    def handle(self, records: list[dict[str, Any]]) -> list[str]:
        answer = self.entrypoint.handle({"Records": records}, Context(60))
        assert not any(CANARY in line or "sealed" in line for line in self.telemetry.said)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def live(seed: int) -> list[Connection]:
    """Every version of a row that lived a random life, with reconnects."""
    store = FakeConnectionStore(FakeClock(), shards=4)
    life = Life(seed)
    store.create_connecting(connecting())
    store.connect(first_connect(store.get(key_of())))
    for _ in range(60):
        tell(store, life.next_call(store.get(key_of())))
    return store.history


@pytest.mark.parametrize("seed", range(60))
def test_one_event_of_a_type_for_an_epoch_and_generation_and_one_key_for_an_entry(seed: int) -> None:
    told = [changes_of(old, new) for old, new in history_of(live(seed))]
    events = Counter(event.event_id for one in told for event in one.events)
    keys = Counter(
        (entry.at, entry.type, entry.epoch, entry.generation) for one in told for entry in one.entries
    )

    assert len(events) > 3
    assert set(events.values()) == {1}
    repeated = [key for key, count in keys.items() if count > 1]
    # A random life may do and undo at one frozen instant; what happens to a connection takes time.
    assert all(
        key[1] in ("hold_set", "hold_lifted", "changed", "attempt_unresolved", "revoked") for key in repeated
    )


def deliver(relay: Relay, records: list[dict[str, Any]], chance: random.Random) -> None:
    """Deliver as Lambda does: again from the first failed record on, in batches cut at random, at times a whole batch a second time."""
    left = records
    while left:
        size = chance.randrange(1, 9)
        batch = left[:size]
        failed = relay.handle(batch)
        if chance.random() < 0.15:
            continue  # the answer was lost, or a half of a bisected batch comes again
        done = len(batch)
        if failed:
            done = [one["dynamodb"]["SequenceNumber"] for one in batch].index(failed[0])
        left = left[done:]


@pytest.mark.parametrize("seed", range(30))
def test_every_event_is_there_once_whatever_fails_and_however_often_it_is_delivered(seed: int) -> None:
    versions, chance, relay = live(seed), random.Random(seed), Relay()
    write = relay.ledger.write

    def write_at_times(entry: Any) -> None:
        if chance.random() < 0.2:
            raise StoreUnavailableError("Not now.")
        write(entry)

    relay.ledger.write = write_at_times  # type: ignore[method-assign]
    relay.bus.refuses = lambda event: chance.random() < 0.2
    told = [changes_of(old, new) for old, new in history_of(versions)]
    expected = [event.event_id for one in told for event in one.events]

    deliver(relay, records_of(versions), chance)

    assert sorted(relay.bus.told()) == sorted(expected)
    assert len(relay.bus.sent) > len(expected), "repeats did happen"
    kept = relay.ledger.all(key_of())
    assert {(entry.at, entry.type, entry.generation) for entry in kept} == {
        (entry.at, entry.type, entry.generation) for one in told for entry in one.entries
    }


# the batch


def test_the_first_failed_record_is_named_and_what_comes_before_is_told() -> None:
    world = due_world()
    demand(world)
    relay = Relay()
    relay.bus.refuses = lambda event: event.type == "refreshed"

    assert relay.handle(records_of(world.store.history)) == ["0004"]
    assert [event.type for event in relay.bus.sent] == ["connected"]


@pytest.mark.parametrize(
    "broken", [{}, {"NewImage": {"pk": {"S": "x"}}}, {"NewImage": {"status": {"N": "1"}}}]
)
def test_a_record_that_cannot_be_read_is_reported_and_those_before_it_are_told(
    broken: dict[str, Any],
) -> None:
    world = due_world()
    records = records_of(world.store.history)
    bad = (
        {"dynamodb": {"SequenceNumber": "bad", **broken}}
        if broken
        else {"dynamodb": {"SequenceNumber": "bad", "NewImage": 7}}
    )
    relay = Relay()

    assert relay.handle([*records, bad, *records]) == ["bad"]
    assert [event.type for event in relay.bus.sent] == ["connected"]
    assert any("defect" in line for line in relay.telemetry.said)


def test_a_row_of_a_newer_version_blocks_nothing() -> None:
    world = due_world()
    demand(world)
    records = records_of(world.store.history)
    for image in ("OldImage", "NewImage"):
        records[3]["dynamodb"][image]["schema"] = {"N": "2"}
    relay = Relay()

    assert relay.handle(records) == []
    assert [event.type for event in relay.bus.sent] == ["connected", "refreshed"]
    assert any("ChangesUntold" in line for line in relay.telemetry.said)


def test_a_removed_row_tells_nothing() -> None:
    relay = Relay()
    gone = connecting(status=ConnectionStatus.RETIRED)

    assert relay.handle([record_of(0, gone, None)]) == []
    assert (relay.bus.sent, relay.ledger.all(key_of())) == ([], [])


def test_an_empty_batch_is_no_failure() -> None:
    assert Relay().handle([]) == []
