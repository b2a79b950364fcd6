"""Disconnect, hold and the publication that follows them: readers lose the token at once, and the provider is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import ConflictError, ConnectionNotFoundError, InvalidInputError
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.publish_connection import PublishResult, publish_connection
from evertoken.usecases.refresh_attempt import RefreshResultKind
from tests.simulation import service
from tests.simulation.world import KEY, World, build_world
from tests.support import provider_faults as faults
from tests.usecases.due_world import demand, due_world, hint_of, posts


def connected(kind: str = "strict_kill") -> World:
    world = build_world(kind)
    world.connect()
    world.clock.advance(600)
    return world


def disconnect(world: World) -> Any:
    return disconnect_connection(world.refreshing(), KEY, invocation=world.invocation(28))


def shown(world: World, label: str = "AWSCURRENT") -> Any:
    content = world.publisher.read(KEY, label)
    assert content is not None
    return content["access_token"]


def revocations(world: World) -> int:
    return len(world.twin.ledger.find_requests("revoke"))


def test_a_disconnect_withdraws_revokes_and_forgets() -> None:
    world = connected()
    token_set = world.token_set()
    row = disconnect(world)
    assert (row.status, row.sealed, row.revocation) == (ConnectionStatus.DISCONNECTED, None, None)
    assert (shown(world), shown(world, "AWSPREVIOUS")) == (None, None)
    assert revocations(world) == 1
    assert token_set is not None
    assert token_set.refresh_token is not None
    assert not world.twin.rules.is_refreshable(token_set.refresh_token)


def test_disconnecting_again_is_harmless_and_what_is_retired_is_not_found() -> None:
    world = connected()
    disconnect(world)
    assert disconnect(world).status is ConnectionStatus.DISCONNECTED
    assert revocations(world) == 1
    service.run(world, 86_400 + 300)
    assert world.row.status is ConnectionStatus.RETIRED
    with pytest.raises(ConnectionNotFoundError):
        disconnect(world)
    with pytest.raises(ConnectionNotFoundError):
        hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))


def test_a_revocation_that_the_provider_puts_off_is_tried_until_it_is_understood() -> None:
    world = connected()
    world.twin.script.add(faults.unavailable("30"), endpoint="revoke", times=3)
    world.twin.script.add(faults.hang(), endpoint="revoke")
    row = disconnect(world)
    assert row.revocation is not None
    assert shown(world) is None, "readers do not wait for the provider"
    service.run(world, 1800)
    assert world.row.revocation is None
    assert revocations(world) == 5


def test_a_revocation_that_never_succeeds_is_given_up_and_the_connection_retired() -> None:
    world = connected()
    world.twin.script.add(faults.unavailable(None), endpoint="revoke", times=10_000)
    disconnect(world)
    service.run(world, 2 * 86_400)
    assert revocations(world) == 30
    assert world.row.status is ConnectionStatus.RETIRED


def test_a_success_that_comes_after_the_disconnect_is_revoked_and_never_stored() -> None:
    world = due_world()
    others, real = world.refreshing(), world.transport.send

    def send(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs)
        world.transport.send = real  # type: ignore[method-assign]
        disconnect_connection(others, KEY, invocation=world.invocation(28))
        return answer

    world.transport.send = send  # type: ignore[method-assign]
    assert demand(world).kind is RefreshResultKind.SUPERSEDED
    assert (world.row.status, world.row.sealed) == (ConnectionStatus.DISCONNECTED, None)
    service.run(world, 300)
    assert world.row.revocation is None
    tokens = [token for token in world.twin.ledger.tokens.values() if token.kind == "refresh"]
    assert all(token.revoked_because for token in tokens)
    assert shown(world) is None


def test_newer_tokens_that_arrive_while_the_old_ones_are_revoked_are_revoked_too() -> None:
    world = due_world("static")
    before = world.token_set()
    disconnecting, real = world.refreshing(), world.transport.send

    def send(request: Any, *, timeout_seconds: float) -> Any:
        if request.url.endswith("/token"):
            return real(request, timeout_seconds=timeout_seconds)
        world.transport.send = real  # type: ignore[method-assign]
        answer = real(request, timeout_seconds=timeout_seconds)
        row = world.row
        assert row.revocation is not None
        late = replace(row.revocation, generation=row.revocation.generation + 1)
        purpose = f"token-set|{KEY.connection_id}|{late.epoch}|{late.generation}"
        plaintext = world.sealer.open(
            KEY.tenant_id, f"token-set|{KEY.connection_id}|{late.epoch}|{late.generation - 1}", late.sealed
        )
        late = replace(late, sealed=world.sealer.seal(KEY.tenant_id, purpose, plaintext))
        assert world.store.replace_revocation(KEY, epoch=row.epoch, revocation=late, now=world.clock.now())
        return answer

    world.transport.send = send  # type: ignore[assignment, method-assign]
    disconnect_connection(disconnecting, KEY, invocation=world.invocation(28))
    assert world.row.revocation is not None, "the newer tokens are still to be revoked"
    service.run(world, 120)
    assert (world.row.revocation, revocations(world)) == (None, 2)
    assert before is not None


def test_a_reconnect_while_a_refresh_is_under_way_wins_and_the_old_answer_is_dropped() -> None:
    world = due_world()
    real = world.transport.send

    def send(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs)
        world.connect()
        return answer

    world.transport.send = send  # type: ignore[method-assign]
    assert demand(world).kind is RefreshResultKind.SUPERSEDED
    held = world.token_set()
    assert held is not None
    assert (world.row.epoch, shown(world)) == (2, held.access_token)
    assert held.refresh_token is not None
    assert world.twin.rules.is_refreshable(held.refresh_token)
    assert revocations(world) == 0, "many providers end the whole grant, the new one with it"


def test_a_hold_shows_nothing_and_a_lift_shows_the_newest_token() -> None:
    world = connected()
    hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    assert (shown(world), shown(world, "AWSPREVIOUS")) == (None, None)
    service.run(world, 3600)
    assert posts(world) == 0
    hold_connection(world.refreshing(), KEY, on_hold=False, invocation=world.invocation(28))
    service.run(world, 120)
    held = world.token_set()
    assert held is not None
    assert world.row.generation == 2, "what fell due meanwhile is refreshed"
    assert shown(world) == held.access_token


def test_a_row_that_keeps_moving_is_a_conflict_and_changes_nothing() -> None:
    world = connected()
    row = world.row
    world.store.disconnect = world.store.set_hold = lambda *a, **k: None  # type: ignore[assignment, method-assign]
    with pytest.raises(ConflictError):
        disconnect(world)
    with pytest.raises(ConflictError):
        hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    assert world.row == row


def test_a_publication_that_secrets_manager_did_not_take_follows_by_itself() -> None:
    world = due_world()
    world.publisher.delay_next()
    result = demand(world)
    assert (result.kind, result.publication_is_owed) == (RefreshResultKind.REFRESHED, True)
    assert world.row.owes_publication
    service.run(world, 180)
    assert not world.row.owes_publication
    world.publisher.land()
    held = world.token_set()
    assert held is not None
    assert shown(world) == held.access_token


def test_publishing_what_is_not_owed_does_nothing_and_a_newer_publisher_passes() -> None:
    world = connected()
    stale = replace(world.row, published_number=world.row.published_number - 1)
    assert publish_connection(world.publishing(), world.row) is PublishResult.NOTHING_OWED
    hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    hold_connection(world.refreshing(), KEY, on_hold=False, invocation=world.invocation(28))
    world.publisher.spend(KEY, 9)
    behind = replace(stale, publication_number=9)
    assert publish_connection(world.publishing(), behind) is PublishResult.PASSED
    held = world.token_set()
    assert held is not None
    assert shown(world) == held.access_token


def _pause(world: World) -> None:
    ready = world.directory.get_ready("reg-1")
    paused_until = world.clock.now().replace(year=2027)
    world.directory.put(replace(ready, registration=replace(ready.registration, paused_until=paused_until)))


WITHOUT_CLIENT = {
    "registration gone": lambda world: world.directory.remove("reg-1"),
    "entry unreadable": lambda world: world.directory.spoil("reg-1"),
    "registration paused": _pause,
    "provider down": lambda world: world.twin.script.add(faults.unavailable(), times=99),
}


@pytest.mark.parametrize("name", WITHOUT_CLIENT)
def test_what_readers_are_owed_does_not_wait_for_the_provider_or_the_client(name: str) -> None:
    world = due_world()
    world.publisher.delay_next(9)
    held = world.store.set_hold(KEY, expected=world.row, on_hold=True, now=world.clock.now())
    assert held is not None
    lifted = world.store.set_hold(KEY, expected=held, on_hold=False, now=world.clock.now())
    assert lifted is not None
    WITHOUT_CLIENT[name](world)
    world.publisher._delayed = 0
    try:
        attend_connection(world.refreshing(), hint_of(world), invocation=world.invocation())
    except InvalidInputError:
        assert name in ("registration gone", "entry unreadable")
    assert not world.row.owes_publication


def test_a_late_publisher_of_an_expired_worker_cannot_bring_a_token_back() -> None:
    world = due_world()
    world.publisher.delay_next()
    demand(world)
    disconnect(world)
    while world.publisher.under_way:
        world.publisher.land()
    assert (shown(world), shown(world, "AWSPREVIOUS")) == (None, None)
