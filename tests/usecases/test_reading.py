"""Reading a token on the fakes: fresh from the row, or after a refresh that this read makes or joins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evertoken.domain.connection import ConnectionStatus, Lease
from evertoken.domain.errors import (
    ClientChangedError,
    ConnectionNotFoundError,
    DisconnectedError,
    NoRefreshTokenError,
    OnHoldError,
    ProviderUnavailableError,
    ReauthorizationRequiredError,
    RegistrationPausedError,
    TokenExpiredError,
    TokenUnavailableError,
    VaultSealedError,
)
from evertoken.domain.provider import RefreshCredential
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.read_token import ReadDependencies, TokenRead, read_token
from tests.simulation import service
from tests.simulation.numbered import Fault, Numbered, disturb
from tests.simulation.world import KEY, World, build_world
from tests.support import provider_faults as faults
from tests.usecases.due_world import posts


def aged(seconds: float, kind: str = "strict_kill") -> World:
    """A connection whose token of an hour was issued *seconds* ago."""
    world = build_world(kind)
    world.connect()
    world.clock.advance(seconds)
    return world


def read(world: World, deps: ReadDependencies | None = None, **wishes: Any) -> TokenRead:
    return read_token(deps or world.reading(), KEY, invocation=world.invocation(28), **wishes)


def test_a_fresh_token_costs_one_read_and_nothing_else() -> None:
    world = aged(100)
    calls: list[str] = []

    def gate(port: str, method: str, effect: Any) -> Any:
        calls.append(f"{port}.{method}")
        return effect()

    got = read(world, world.reading(gate=gate))
    held = world.token_set()
    assert held is not None
    assert got.token_set == held
    assert got.connection == world.row
    assert calls == ["store.get", "sealer.open"]


def test_a_stale_token_is_served_and_hinted_at_once_a_minute_by_one_environment() -> None:
    world = aged(3600 - 800)
    deps = world.reading()
    for _ in range(5):
        assert read(world, deps).connection.generation == 1
    assert [hint.asked for hint in world.queue.hints] == [True]
    world.clock.advance(61)
    read(world, deps)
    assert len(world.queue.hints) == 2
    read(world)
    assert len(world.queue.hints) == 3, "another environment knows nothing of it"
    assert posts(world) == 0


def test_a_hint_that_cannot_be_sent_is_let_go() -> None:
    world = aged(3600 - 800)
    deps = world.reading()
    gated = Numbered(
        "queue", world.queue, lambda port, method, effect: disturb(Fault.UNAVAILABLE, port, effect)
    )
    assert read(world, replace(deps, queue=gated)).connection.generation == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("age", [3600 - 120, 3600 - 1, 3600, 7200, 86_400])
def test_in_the_mandatory_window_and_after_it_one_read_brings_a_fresh_token(age: float) -> None:
    world = aged(age)
    got = read(world)
    assert got.connection.generation == 2
    assert world.twin.rules.accepts(got.token_set.access_token)
    assert posts(world) == 1


@pytest.mark.parametrize(("wish", "is_refreshed"), [(100, False), (1799, False), (1800, True), (3000, True)])
def test_a_caller_can_ask_for_a_longer_life(wish: int, is_refreshed: bool) -> None:
    world = aged(1800)
    assert (read(world, min_lifetime_seconds=wish).connection.generation == 2) is is_refreshed


def test_a_life_that_no_token_has_is_refused_after_one_try() -> None:
    world = aged(100)
    for _ in range(20):
        with pytest.raises(TokenUnavailableError):
            read(world, min_lifetime_seconds=4000)
    assert posts(world) == 1
    assert read(world).connection.generation == 2


def test_a_rejected_generation_is_replaced_once_however_many_say_so() -> None:
    world = aged(600)
    generations = [read(world, rejected_generation=1).connection.generation for _ in range(50)]
    assert set(generations) == {2}
    assert posts(world) == 1
    assert read(world, rejected_generation=0).connection.generation == 2


def test_a_rejected_token_that_is_very_young_is_not_replaced_again_at_once() -> None:
    world = aged(600)
    read(world, rejected_generation=1)
    for _ in range(10):
        with pytest.raises(TokenUnavailableError):
            read(world, rejected_generation=2)
    assert posts(world) == 1


def _lease(world: World) -> None:
    until = world.clock.now() + timedelta(seconds=60)
    world.store._write(replace(world.row, lease=Lease(owner="another", until=until)))


FAILING = {
    "provider down": lambda world: world.twin.script.add(faults.unavailable(), times=99),
    "provider silent": lambda world: world.twin.script.add(faults.hang(), times=99),
    "client refused": lambda world: world.twin.rules.change_secret("client-1", "another"),
    "client gone": lambda world: world.directory.remove("reg-1"),
    "entry unreadable": lambda world: world.directory.spoil("reg-1"),
    "grant dead": lambda world: world.twin.rules.end_grant(_refresh_token(world)),
    "leased by another": _lease,
    "cooling down": lambda world: world.store._write(
        replace(world.row, cooldown_until=world.clock.now() + timedelta(seconds=300))
    ),
}


@pytest.mark.parametrize("name", FAILING)
def test_the_live_token_is_served_in_every_failure_until_it_expires(name: str) -> None:
    world = aged(3600 - 100)
    FAILING[name](world)
    got = read(world)
    assert got.connection.generation == 1
    assert got.connection.lives_for(world.clock.now()) > 0
    again = read(world)
    assert again.token_set == got.token_set


def test_a_live_token_is_served_though_the_store_cannot_lease() -> None:
    world = aged(3600 - 100)

    def gate(port: str, method: str, effect: Any) -> Any:
        return disturb(Fault.UNAVAILABLE if method == "acquire_lease" else None, port, effect)

    assert read(world, world.reading(gate=gate)).connection.generation == 1


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("provider down", ProviderUnavailableError),
        ("provider silent", ProviderUnavailableError),
        ("cooling down", ProviderUnavailableError),
        ("client refused", RegistrationPausedError),
        ("grant dead", ReauthorizationRequiredError),
        ("leased by another", TokenExpiredError),
    ],
)
def test_an_expired_token_is_never_served_and_the_error_says_why(name: str, error: type[Exception]) -> None:
    world = aged(3600 + 1)
    FAILING[name](world)
    with pytest.raises(error):
        read(world)
    with pytest.raises(TokenUnavailableError):
        read(world)


def test_a_reader_waits_for_the_refresh_of_another_and_gets_its_token() -> None:
    world = aged(3600 + 1)
    _lease(world)
    real = world.clock.sleep

    def sleep(seconds: float) -> None:
        real(seconds)
        if world.clock.elapsed > 3603 and world.row.generation == 1:
            world.store._write(replace(world.row, lease=None))
            read(world)

    world.clock.sleep = sleep  # type: ignore[method-assign]
    assert read(world).connection.generation == 2
    assert posts(world) == 1


def test_a_reader_waits_no_longer_than_it_may() -> None:
    world = aged(3600 + 1)
    _lease(world)
    began = world.clock.elapsed
    with pytest.raises(TokenExpiredError):
        read(world)
    assert 6 < world.clock.elapsed - began <= 9


def test_a_withdrawn_connection_is_refused_at_once_whatever_is_asked() -> None:
    world = aged(100)
    hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    with pytest.raises(OnHoldError):
        read(world)
    hold_connection(world.refreshing(), KEY, on_hold=False, invocation=world.invocation(28))
    assert read(world).connection.generation == 1
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation(28))
    for wishes in ({}, {"min_lifetime_seconds": 10}, {"rejected_generation": 1}):
        with pytest.raises(DisconnectedError):
            read(world, **wishes)


def test_a_hold_that_is_set_while_a_read_refreshes_refuses_that_read() -> None:
    world = aged(3600 + 1)
    real = world.transport.send

    def send(*args: Any, **kwargs: Any) -> Any:
        world.store.set_hold(KEY, expected=world.row, on_hold=True, now=world.clock.now())
        return real(*args, **kwargs)

    world.transport.send = send  # type: ignore[method-assign]
    with pytest.raises(OnHoldError):
        read(world)
    assert world.row.generation == 2


def test_what_is_not_there_or_not_yet_is_not_read() -> None:
    world = build_world()
    with pytest.raises(ConnectionNotFoundError):
        read(world)
    world._begin()
    with pytest.raises(TokenUnavailableError):
        read(world)


def test_a_damaged_ciphertext_is_a_typed_error_and_changes_nothing() -> None:
    world = aged(100)
    row = world.row
    assert row.sealed is not None
    swapped = replace(row, sealed=world.sealer.seal(KEY.tenant_id, "token-set|another|1|1", b"{}"))
    world.store._write(swapped)
    with pytest.raises(VaultSealedError):
        read(world)
    assert world.row == swapped


def test_what_cannot_be_renewed_says_so() -> None:
    world = aged(3600 + 1, "static")
    ready = world.directory.get_ready("reg-1")
    world.directory.put(replace(ready, registration=replace(ready.registration, client_id="client-2")))
    with pytest.raises(ClientChangedError):
        read(world)
    world = aged(3600 - 100, "static")
    ready = world.directory.get_ready("reg-1")
    world.directory.put(
        replace(ready, provider=replace(ready.provider, refresh_credential=RefreshCredential.NONE))
    )
    assert read(world).connection.generation == 1
    with pytest.raises(NoRefreshTokenError):
        read(world, min_lifetime_seconds=200)


@pytest.mark.parametrize("lifetime", [60, 120, 600, 3600, 86_400, 60 * 86_400])
def test_through_a_day_no_read_ever_returns_an_expired_token(lifetime: int) -> None:
    world = build_world("strict_kill", access_token_seconds=lifetime)
    world.connect()
    deps = world.reading()
    pause = max(20, min(lifetime // 3, 1500))
    for _ in range(86_400 // pause if pause > 300 else 200):
        service.run(world, pause)
        got = read(world, deps)
        assert got.connection.lives_for(world.clock.now()) > 0
        assert world.twin.rules.accepts(got.token_set.access_token)
    assert world.row.status is ConnectionStatus.ACTIVE


def _refresh_token(world: World) -> str:
    token_set = world.token_set()
    assert token_set is not None
    assert token_set.refresh_token is not None
    return token_set.refresh_token
