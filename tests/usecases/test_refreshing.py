"""The refresh protocol on the fakes: one connection and one request, whoever asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.connection import ConnectionStatus, PublicationMode
from evertoken.domain.errors import (
    ConnectionNotFoundError,
)
from evertoken.domain.provider import RefreshCredential, Rotation
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResult, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection, refresh_from_hint
from tests.simulation import service
from tests.simulation.world import KEY, KINDS, build_ready, build_row, build_world
from tests.support.provider_faults import delay
from tests.usecases.due_world import demand, due_world, hint_of, posts

Kind = RefreshResultKind


@pytest.mark.parametrize("kind", KINDS)
def test_a_due_connection_gets_the_providers_next_token_stored_and_published(kind: str) -> None:
    world = due_world(kind)
    before = world.token_set()
    result = attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    after = world.token_set()
    assert result.kind is Kind.REFRESHED
    assert before is not None
    assert after is not None
    assert before.refresh_token
    assert after.refresh_token
    assert world.twin.ledger.is_child_set(before.refresh_token, after.access_token, after.refresh_token)
    assert world.row.generation == 2
    assert not world.row.owes_publication
    assert world.row.lease is None
    shown = world.publisher.read(KEY)
    assert shown is not None
    assert (shown["access_token"], shown["generation"]) == (after.access_token, 2)
    assert "refresh_token" not in shown
    assert world.twin.ledger.violations == []


def test_64_askers_at_once_send_one_request() -> None:
    world = due_world()
    barrier = threading.Barrier(64)
    deps = [world.refreshing() for _ in range(64)]

    def ask(number: int) -> RefreshResult:
        barrier.wait()
        return refresh_connection(
            deps[number], KEY, reason=RefreshReason.MANUAL, seen_generation=1, invocation=world.invocation()
        )

    with ThreadPoolExecutor(max_workers=64) as pool:
        kinds = {result.kind for result in pool.map(ask, range(64))}
    assert posts(world) == 1
    assert kinds <= {Kind.REFRESHED, Kind.IN_FLIGHT, Kind.NOT_NEEDED}
    assert world.row.generation == 2


def test_the_same_hint_delivered_ten_times_sends_one_request() -> None:
    world = due_world()
    hint = hint_of(world)
    kinds = [
        attend_connection(world.refreshing(), hint, invocation=world.invocation()).kind for _ in range(10)
    ]
    assert kinds == [Kind.REFRESHED] + [Kind.NOT_NEEDED] * 9
    assert posts(world) == 1


def test_a_thousand_hints_of_days_ago_do_nothing() -> None:
    world = due_world()
    old = hint_of(world)
    attend_connection(world.refreshing(), old, invocation=world.invocation())
    writes = world.store.writes
    deps = world.refreshing()
    for number in range(1000):
        stale = replace(old, generation=number % 2, epoch=number % 3)
        if (stale.epoch, stale.generation) != (1, 2):
            attend_connection(deps, stale, invocation=world.invocation())
    assert posts(world) == 1
    assert world.store.writes == writes


def test_an_asked_hint_refreshes_before_the_plan_and_once() -> None:
    world = build_world("strict")
    world.connect()
    world.clock.advance(60)
    hint = hint_of(world)
    assert refresh_from_hint(world.refreshing(), hint, invocation=world.invocation()).kind is Kind.NOT_NEEDED
    asked = replace(hint, asked=True)
    kinds = [
        refresh_from_hint(world.refreshing(), asked, invocation=world.invocation()).kind for _ in range(3)
    ]
    assert kinds == [Kind.REFRESHED, Kind.NOT_NEEDED, Kind.NOT_NEEDED]


def test_a_newer_generation_than_the_caller_knows_is_returned_without_a_request() -> None:
    world = due_world()
    demand(world)
    world.clock.advance(100)
    assert demand(world, seen_generation=1).kind is Kind.NOT_NEEDED
    assert posts(world) == 1


def test_a_token_younger_than_the_floor_is_not_refreshed_on_demand() -> None:
    world = build_world("static")
    world.connect()
    world.clock.advance(29)
    assert demand(world).kind is Kind.NOT_NEEDED
    world.clock.advance(2)
    assert demand(world).kind is Kind.REFRESHED
    assert posts(world) == 1


@pytest.mark.parametrize("seconds", [5, 34.9])
def test_too_little_time_sends_nothing_and_takes_no_lease(seconds: float) -> None:
    world = due_world()
    result = demand(world, invocation=world.invocation(seconds))
    assert result.kind is Kind.NO_TIME
    assert posts(world) == 0
    assert world.row.lease is None


def test_the_lease_ends_no_sooner_than_the_process_and_counts_from_its_start() -> None:
    world = due_world()
    invocation = world.invocation()
    world.clock.advance(7)
    began = world.clock.now() - timedelta(seconds=7)
    demand(world, invocation=invocation)
    leases = [row.lease.until for row in world.store.history if row.lease is not None]
    assert leases[0] == began + timedelta(seconds=60)


@pytest.mark.parametrize("status", [ConnectionStatus.DISCONNECTED, ConnectionStatus.REAUTHORIZATION_REQUIRED])
def test_what_is_not_active_is_never_sent(status: ConnectionStatus) -> None:
    world = due_world()
    world.store._write(replace(world.row, status=status))
    assert demand(world).kind is Kind.NOT_ACTIVE
    hinted = refresh_from_hint(world.refreshing(), hint_of(world), invocation=world.invocation())
    assert hinted.kind is Kind.NOT_ACTIVE
    assert posts(world) == 0


def test_a_connection_that_is_gone_is_not_found_or_left_alone() -> None:
    world = build_world()
    with pytest.raises(ConnectionNotFoundError):
        demand(world)
    other = due_world()
    hint = replace(hint_of(other), key=replace(KEY, connection_id="absent"))
    assert attend_connection(other.refreshing(), hint, invocation=other.invocation()).kind is Kind.GONE


def test_a_slow_answer_within_the_deadline_is_kept_and_its_life_counts_from_the_request() -> None:
    world = due_world()
    world.twin.script.add(delay(20, after_commit=True))
    sent_at = world.clock.now()
    assert demand(world).kind is Kind.REFRESHED
    assert world.row.expires_at == sent_at + timedelta(seconds=3600)


@pytest.mark.parametrize("mode", list(PublicationMode))
def test_what_is_not_published_is_refreshed_all_the_same(mode: PublicationMode) -> None:
    world = build_world("strict")
    world.store.create_connecting(
        build_row(world.clock.now(), world.directory.get_ready("reg-1"), publication=mode)
    )
    world.publisher.create_empty(KEY)
    world.connect()
    world.clock.advance(2700)
    writes = world.publisher.writes
    assert demand(world).kind is Kind.REFRESHED
    assert world.publisher.writes - writes == (1 if mode is PublicationMode.SECRETS_MANAGER else 0)
    assert (world.row.lease, world.row.due_at) == (None, world.row.refresh_at)


@pytest.mark.parametrize("credential", [RefreshCredential.NONE, RefreshCredential.CLIENT_CREDENTIALS])
def test_a_connection_without_a_refresh_token_is_renewed_or_ends_with_its_token(
    credential: RefreshCredential,
) -> None:
    world = due_world("static")
    ready = build_ready(world.clock.now(), Rotation(), refresh_credential=credential)
    world.directory.put(ready)
    result = demand(world)
    if credential is RefreshCredential.CLIENT_CREDENTIALS:
        assert result.kind is Kind.REFRESHED
        return
    assert result.kind is Kind.NO_REFRESH_TOKEN
    assert (world.row.status, world.row.due_at) == (ConnectionStatus.ACTIVE, world.row.expires_at)
    service.run(world, 3600)
    assert world.row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED
    assert world.row.failure is not None
    assert world.row.failure.code == "no_refresh_token"
    assert posts(world) == 0
