"""The refresh protocol on the fakes, when store, keys or time fail it: nothing that was issued is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from evertoken.domain.errors import (
    StoreUnavailableError,
    UnknownRegistrationError,
    VaultSealedError,
)
from evertoken.ports import LeaseGranted
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.refresh_attempt import RefreshReason, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_connection
from tests.simulation import service
from tests.simulation.numbered import Fault
from tests.simulation.world import KEY, World
from tests.usecases.due_world import demand, due_world, hint_of, posts, with_faults

Kind = RefreshResultKind


def _lose_key(world: World) -> None:
    world.sealer.forget()
    world.sealer.lost.add("2026-11")


def _lose_client(world: World) -> None:
    world.directory.remove("reg-1")


def test_time_that_ran_out_while_leasing_sends_nothing_and_gives_the_lease_back() -> None:
    world = due_world()
    deps = world.refreshing()
    acquire = world.store.acquire_lease

    def slow(*args: Any, **kwargs: Any) -> Any:
        world.clock.advance(20)
        return acquire(*args, **kwargs)

    world.store.acquire_lease = slow  # type: ignore[method-assign]
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.FAILED
    assert posts(world) == 0
    assert world.row.lease is None
    assert world.row.open_attempts == 0


def test_a_lease_write_that_timed_out_after_it_took_effect_goes_on_in_the_same_run() -> None:
    world = due_world()
    deps = with_faults(world, "store", {"acquire_lease": [Fault.TIMEOUT_AFTER]})
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.REFRESHED
    assert posts(world) == 1
    assert max(row.open_attempts for row in world.store.history) == 1


def test_a_lease_write_that_is_throttled_is_tried_once_more_and_then_left_to_the_queue() -> None:
    world = due_world()
    deps = with_faults(world, "store", {"acquire_lease": [Fault.UNAVAILABLE]})
    assert (
        refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation()).kind
        is Kind.REFRESHED
    )
    world = due_world()
    deps = with_faults(world, "store", {"acquire_lease": [Fault.UNAVAILABLE] * 2})
    with pytest.raises(StoreUnavailableError):
        refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert posts(world) == 0


@pytest.mark.parametrize(
    "faults", [[Fault.UNAVAILABLE] * 3, [Fault.TIMEOUT_AFTER], [Fault.UNAVAILABLE, Fault.TIMEOUT_AFTER]]
)
def test_a_commit_that_was_not_acknowledged_is_repeated_with_the_same_bytes(faults: list[Fault]) -> None:
    world = due_world()
    commits: list[Any] = []
    real = world.store.commit_token_set

    def commit(key: Any, value: Any) -> Any:
        commits.append(value)
        return real(key, value)

    world.store.commit_token_set = commit  # type: ignore[method-assign]
    deps = with_faults(world, "store", {"commit_token_set": faults})
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.REFRESHED
    assert world.row.generation == 2
    assert all(one == commits[0] for one in commits)
    assert posts(world) == 1


def test_a_store_that_stays_down_leaves_the_sealed_answer_in_the_sink_and_it_is_adopted() -> None:
    world = due_world()
    deps = with_faults(world, "store", {"commit_token_set": [Fault.UNAVAILABLE] * 1000})
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.RESCUED
    assert world.clock.elapsed < 45 + 2460, "before the platform ends the process"
    assert world.row.generation == 1
    service.deliver(world)
    after = world.token_set()
    assert world.row.generation == 2
    assert after is not None
    assert world.twin.rules.accepts(after.access_token)
    assert world.publisher.read(KEY) == world.publisher.read(KEY) | {"generation": 2}  # type: ignore[operator]


def test_a_commit_that_is_refused_for_good_still_goes_to_the_sink() -> None:
    world = due_world()
    deps = world.refreshing()

    def refuse(*args: Any) -> Any:
        raise RuntimeError("ValidationException")

    world.store.commit_token_set = refuse  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert len(world.rescue.waiting) == 1


def test_a_commit_that_lost_to_a_newer_generation_keeps_nothing_and_says_so() -> None:
    world = due_world("static")
    deps = world.refreshing()
    real = world.transport.send

    def send(*args: Any, **kwargs: Any) -> Any:
        world.transport.send = real  # type: ignore[method-assign]
        answer = real(*args, **kwargs)
        world.clock.advance(61)
        attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
        return answer

    world.transport.send = send  # type: ignore[method-assign]
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.SUPERSEDED
    assert world.row.generation == 2
    assert result.connection == world.row


def test_a_hold_that_is_set_meanwhile_keeps_the_answer_and_shows_it_to_nobody() -> None:
    world = due_world()
    deps = world.refreshing()
    real = world.transport.send

    def send(*args: Any, **kwargs: Any) -> Any:
        world.store.set_hold(KEY, expected=world.row, on_hold=True, now=world.clock.now())
        return real(*args, **kwargs)

    world.transport.send = send  # type: ignore[method-assign]
    result = refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    assert result.kind is Kind.REFRESHED
    assert (world.row.on_hold, world.row.generation) == (True, 2)
    shown = world.publisher.read(KEY)
    assert shown is not None
    assert shown["access_token"] is None


def test_without_key_or_client_nothing_is_leased_and_nothing_sent() -> None:
    for break_it, error in ((_lose_key, VaultSealedError), (_lose_client, UnknownRegistrationError)):
        world = due_world()
        break_it(world)
        row = world.row
        with pytest.raises(error):
            demand(world)
        assert world.row == row
        assert posts(world) == 0


def test_the_lease_of_a_dead_process_is_over_in_time_and_the_next_one_goes_on() -> None:
    world = due_world("static")
    lease = world.store.acquire_lease(
        KEY,
        epoch=1,
        generation=1,
        owner="dead",
        now=world.clock.now(),
        until=world.clock.now() + timedelta(seconds=60),
        due_by=None,
    )
    assert isinstance(lease, LeaseGranted)
    assert demand(world).kind is Kind.IN_FLIGHT
    service.run(world, 130)
    assert world.row.generation == 2
