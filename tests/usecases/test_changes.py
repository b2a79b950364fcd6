"""What a change of a row means: entries of the ledger, and events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.change import REVOCATION_LIMIT_ATTEMPTS, changes_of
from evertoken.domain.connection import Connection, ConnectionStatus, PendingRevocation, Sealed
from evertoken.domain.origin import Origin, Trigger
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.change_connection import change_connection
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.hold_connection import hold_connection
from tests.contract.store_under_test import after, connecting
from tests.simulation.world import KEY, World
from tests.support import provider_faults as faults
from tests.usecases.due_world import demand, due_world, hint_of
from tests.usecases.stream_records import history_of


def entries_of(world: World) -> list[str]:
    return [
        entry.type.value
        for old, new in history_of(world.store.history)
        for entry in changes_of(old, new).entries
    ]


def events_of(world: World) -> list[str]:
    return [
        event.type.value
        for old, new in history_of(world.store.history)
        for event in changes_of(old, new).events
    ]


def test_a_connect_and_a_refresh_are_told_and_their_leases_and_acknowledgements_are_not() -> None:
    world = due_world()
    demand(world)

    assert len(world.store.history) == 6, "made, connected, acknowledged, leased, committed, acknowledged"
    assert entries_of(world) == events_of(world) == ["connected", "refreshed"]


def test_a_refresh_tells_who_asked_how_long_it_took_and_until_when_it_lasts() -> None:
    world = due_world()
    invocation = replace(world.invocation(), actor="cli_a", correlation_id="request-1")
    demand(world, invocation=invocation)

    entry = [changes_of(old, new).entries for old, new in history_of(world.store.history)][4][0]
    assert entry.origin == Origin(trigger=Trigger.MANUAL, actor="cli_a", correlation_id="request-1")
    assert entry.duration_seconds is not None
    assert 0 <= entry.duration_seconds < 45
    assert (entry.generation, entry.expires_at) == (2, world.row.expires_at)


def test_a_refresh_that_is_older_than_the_attempt_that_the_row_knows_has_no_duration() -> None:
    leased_again = connecting(
        status=ConnectionStatus.ACTIVE, epoch=1, generation=1, attempted_at=after(70), open_attempts=2
    )
    adopted = replace(leased_again, generation=2, open_attempts=0, updated_at=after(30))

    (entry,) = changes_of(leased_again, adopted).entries
    assert (entry.type, entry.duration_seconds) == ("refreshed", None)


def test_failures_stand_in_the_ledger_each_and_on_the_bus_once_until_the_next_success() -> None:
    world = due_world()
    for _ in range(2):
        world.twin.script.add(faults.throttled("10"))
        demand(world)
        world.clock.advance(60)
    demand(world)

    assert entries_of(world) == ["connected", "refresh_failed", "refresh_failed", "refreshed", "recovered"]
    assert events_of(world) == ["connected", "refresh_failed", "refreshed", "recovered"]
    recovered = changes_of(*history_of(world.store.history)[-2]).events[-1]
    assert recovered.failure is not None, "it says what was overcome"
    assert recovered.failure.cause == "throttled"


def test_a_death_is_told_once_however_often_it_is_asked_for_afterwards() -> None:
    world = due_world()
    kill_grant(world)
    demand(world)
    for _ in range(3):
        world.clock.advance(600)
        demand(world)

    assert entries_of(world) == events_of(world) == ["connected", "reauthorization_required"]


def kill_grant(world: World) -> None:
    token_set = world.token_set()
    assert token_set is not None
    world.twin.rules.end_grant(token_set.access_token)


def test_a_reconnect_after_a_death_is_a_recovery() -> None:
    world = due_world()
    kill_grant(world)
    demand(world)
    world.clock.advance(60)
    world.connect()

    assert entries_of(world)[-3:] == ["reauthorization_required", "reconnected", "recovered"]
    assert events_of(world)[-3:] == ["reauthorization_required", "connected", "recovered"]


def test_a_worker_that_died_leaves_an_unresolved_attempt() -> None:
    world = due_world()
    row, now = world.row, world.clock.now()
    lost: dict[str, Any] = {"epoch": row.epoch, "generation": row.generation, "due_by": None}
    world.store.acquire_lease(KEY, owner="dead", now=now, until=now + (after(60) - after(0)), **lost)
    world.clock.advance(61)
    demand(world)

    assert entries_of(world)[1] == "attempt_unresolved"
    assert "attempt_unresolved" not in events_of(world)


def test_a_hold_a_change_and_a_disconnect_are_told_with_their_actor() -> None:
    world = due_world()
    deps, invocation = world.refreshing(), replace(world.invocation(), actor="cli_a")
    hold_connection(deps, KEY, on_hold=True, invocation=invocation)
    hold_connection(deps, KEY, on_hold=False, invocation=invocation)
    settings: dict[str, Any] = dict.fromkeys(("display_name", "policy", "publication"))
    for _ in range(2):  # the second time nothing changes
        change_connection(
            deps,
            KEY,
            name="new",
            **settings,
            minimum_published_lifetime_seconds=0,
            invocation=invocation,
        )
    disconnect_connection(deps, KEY, invocation=invocation)
    world.clock.advance(86_401)
    attend_connection(deps, hint_of(world), invocation=world.invocation())

    assert entries_of(world) == [
        "connected",
        "hold_set",
        "hold_lifted",
        "changed",
        "disconnected",
        "revoked",
        "retired",
    ]
    assert events_of(world) == ["connected", "disconnected"]
    told = [entry for old, new in history_of(world.store.history) for entry in changes_of(old, new).entries]
    assert [entry.origin and entry.origin.actor for entry in told][1:5] == ["cli_a"] * 4
    assert told[3].changed == ("name",)


def test_the_last_try_to_revoke_is_a_revocation_given_up() -> None:
    pending = PendingRevocation(
        sealed=Sealed(key_id="k", ciphertext=b"x"),
        epoch=1,
        generation=1,
        attempts=REVOCATION_LIMIT_ATTEMPTS - 1,
    )
    row = connecting(status=ConnectionStatus.DISCONNECTED, epoch=2, generation=1, revocation=pending)

    (entry,) = changes_of(row, replace(row, revocation=None)).entries
    assert entry.type == "revocation_given_up"


def test_an_imported_connection_is_told_as_one() -> None:
    row = connecting(
        status=ConnectionStatus.ACTIVE, epoch=1, generation=1, origin=Origin(trigger=Trigger.IMPORT)
    )
    told = changes_of(None, row)

    assert ([entry.type for entry in told.entries], [event.type for event in told.events]) == (
        ["imported"],
        ["connected"],
    )


@pytest.mark.parametrize(
    "new",
    [
        None,
        connecting(),
        connecting(status=ConnectionStatus.RETIRED),
        connecting(status=ConnectionStatus.DISCONNECTED, epoch=1),
    ],
)
def test_what_never_was_a_connection_is_not_told(new: Connection | None) -> None:
    assert changes_of(connecting(), new).entries == ()
