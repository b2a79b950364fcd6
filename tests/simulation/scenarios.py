"""The lives of a connection in which every call is disturbed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from evertoken.domain.assertion import SigningAlgorithm, SigningKey
from evertoken.domain.connection import ConnectionStatus, PublicationMode
from evertoken.domain.errors import EvertokenError, StoreUnavailableError
from evertoken.domain.outcome import Issued
from evertoken.domain.request_shape import ClientAuthentication
from evertoken.ports import Clock
from evertoken.usecases.change_connection import change_connection
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.establish_connection import establish_connection
from evertoken.usecases.hold_connection import hold_connection
from evertoken.usecases.prepare_target import EstablishDependencies, prepare_target
from evertoken.usecases.read_token import read_token
from evertoken.usecases.refresh_attempt import RefreshReason
from evertoken.usecases.refresh_connection import refresh_connection
from tests.simulation import service
from tests.simulation.enumeration import Scenario
from tests.simulation.numbered import Gate
from tests.simulation.oracle import Oracle
from tests.simulation.world import KEY, READ_TIMING, World
from tests.support.provider_faults import throttled


def _due(world: World) -> None:
    """A connection whose refresh falls due within the next minute."""
    world.connect()
    refresh_at = world.row.refresh_at
    assert refresh_at is not None
    world.clock.advance_to(refresh_at - timedelta(seconds=30))


def _refresh_on_schedule(world: World) -> None:
    service.run(world, 90)


def _mandatory(world: World) -> None:
    world.connect()
    world.clock.advance(3600 - 60)


def _read(world: World) -> None:
    read_token(world.reading(), KEY, invocation=world.invocation(28))


def _expired(world: World) -> None:
    world.connect()
    world.clock.advance(3600 + 60)


def _stale_read(world: World) -> None:
    read_token(world.reading(), KEY, invocation=world.invocation(28))
    service.run(world, 30)


def _stale(world: World) -> None:
    world.connect()
    world.clock.advance(3600 - 900 + 10)


def _connected(world: World) -> None:
    world.connect()
    world.clock.advance(600)


def _manual(world: World) -> None:
    refresh_connection(world.refreshing(), KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())


def _disconnect(world: World) -> None:
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation(28))


def _is_over(world: World, oracle: Oracle) -> None:
    row = world.row
    if row.status is ConnectionStatus.ACTIVE:
        return  # the fault struck before the one write that decides
    assert row.status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.RETIRED)
    assert row.revocation is None, "a revocation is still owed"
    assert world.twin.ledger.find_requests("revoke", outcome="ok"), "X1: the provider was not told"
    tokens = [token for token in world.twin.ledger.tokens.values() if token.kind == "refresh"]
    assert all(token.revoked_because for token in tokens)
    del oracle


def _disconnected(world: World) -> None:
    _connected(world)
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation(28))
    world.clock.advance(86_400 - 30)


def _retire(world: World) -> None:
    service.run(world, 90)


def _is_retired(world: World, oracle: Oracle) -> None:
    row = world.row
    assert row.status is ConnectionStatus.RETIRED
    assert row.due_at is None
    assert world.publisher.secrets[KEY].is_deleted
    found = world.store.find_account(
        tenant_id=row.tenant_id, registration_id=row.registration_id, user_id=row.user_id, account=row.account
    )
    assert found is None, "the account is bound to a retired connection for ever"
    del oracle


def _hold_and_lift(world: World) -> None:
    hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    hold_connection(world.refreshing(), KEY, on_hold=False, invocation=world.invocation(28))


def _unpublish_and_publish(world: World) -> None:
    for mode in (PublicationMode.API_ONLY, PublicationMode.SECRETS_MANAGER):
        change_connection(
            world.refreshing(),
            KEY,
            name=None,
            display_name=None,
            policy=None,
            publication=mode,
            minimum_published_lifetime_seconds=900,
            invocation=world.invocation(28),
        )


def _lose_the_store_at_the_commit(world: World) -> None:
    """A commit that the store does not take until the process has to give up: the answer goes to the sink."""
    deps = world.refreshing()
    real, down_until = world.store.commit_token_set, world.clock.elapsed + 45

    def commit(*args: object, **kwargs: object) -> object:
        if world.clock.elapsed < down_until:
            raise StoreUnavailableError("Not acknowledged in time.")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    world.store.commit_token_set = commit  # type: ignore[assignment, method-assign]
    with suppress(EvertokenError):
        refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())
    world.clock.advance(max(0.0, down_until - world.clock.elapsed))


def _store_down(world: World) -> None:
    _lose_the_store_at_the_commit(world)
    service.deliver(world)


def _late_adoption(world: World) -> None:
    """As before, and the sink is read only when the lease is over and other workers have looked at the row."""
    _lose_the_store_at_the_commit(world)
    for message in world.rescue.queue.messages:
        message.visible_at = world.clock.now() + timedelta(seconds=160)
    service.run(world, 300)


def _throttled(world: World) -> None:
    world.twin.script.add(throttled("120"))
    service.run(world, 90)


def _dead_grant(world: World) -> None:
    token_set = world.token_set()
    assert token_set is not None
    assert token_set.refresh_token is not None
    world.twin.rules.end_grant(token_set.refresh_token)
    service.run(world, 90)


def _is_dead(world: World, oracle: Oracle) -> None:
    assert world.row.status is ConnectionStatus.REAUTHORIZATION_REQUIRED
    assert world.row.due_at is None
    refused = world.twin.ledger.find_requests(outcome="invalid_grant")
    assert len(refused) <= 3, "a dead grant was asked for again and again"
    del oracle


def _just_disconnected(world: World) -> None:
    _connected(world)
    disconnect_connection(world.refreshing(), KEY, invocation=world.invocation(28))


def _wrong_client(world: World) -> None:
    world.twin.rules.change_secret("client-1", "another")
    service.run(world, 90)
    world.twin.rules.change_secret("client-1", "secret: % + & é")
    ready = world.directory.get_ready("reg-1")
    world.directory.put(replace(ready, registration=replace(ready.registration, paused_until=None)))


def _late_success(world: World) -> None:
    """A disconnect between the provider's answer and the commit: the new tokens are revoked, not stored."""
    gate = world.gate
    assert gate is not None
    world.gate = None
    others = world.refreshing()
    world.gate = gate
    deps = world.refreshing()
    real = world.transport.send

    def send(*args: object, **kwargs: object) -> object:
        answer = real(*args, **kwargs)  # type: ignore[arg-type]
        world.transport.send = real  # type: ignore[method-assign]
        disconnect_connection(others, KEY, invocation=world.invocation(28))
        return answer

    world.transport.send = send  # type: ignore[assignment, method-assign]
    refresh_connection(deps, KEY, reason=RefreshReason.MANUAL, invocation=world.invocation())


def _delayed_hold(world: World) -> None:
    """The withdrawal of a hold is sent and not acknowledged; it arrives after the hold is lifted again."""
    world.publisher.delay_next(2)
    hold_connection(world.refreshing(), KEY, on_hold=True, invocation=world.invocation(28))
    hold_connection(world.refreshing(), KEY, on_hold=False, invocation=world.invocation(28))
    service.run(world, 90)
    while world.publisher.under_way:
        world.publisher.land()


def _paused(world: World) -> None:
    _due(world)
    ready = world.directory.get_ready("reg-1")
    paused_until = world.clock.now() + timedelta(seconds=300)
    world.directory.put(replace(ready, registration=replace(ready.registration, paused_until=paused_until)))


def _is_begun_or_gone(world: World, oracle: Oracle) -> None:
    row = world.store.find(KEY)
    assert row is None or row.status in (ConnectionStatus.ACTIVE, ConnectionStatus.RETIRED)
    del oracle


def establish(world: World, clock: Clock | None = None, gate: Gate | None = None) -> None:
    """Complete an authorization of the connection's account, from the provider's answer on."""
    ports = world.refreshing(clock, gate, READ_TIMING)
    deps = EstablishDependencies(
        store=ports.store,
        sealer=ports.sealer,
        transport=ports.transport,
        signer=ports.signer,
        publisher=ports.publisher,
        clock=ports.clock,
        randomness=ports.randomness,
        timing=ports.timing,
        minimum_published_lifetime_seconds=900,
    )
    wish = ConnectionWish(
        tenant_id=KEY.tenant_id, provider_id="scripted", user_id="user-1", account="account-1"
    )
    ready = world.directory.get_ready("reg-1")
    invocation = world.invocation(READ_TIMING.function_timeout_seconds, clock)
    target = prepare_target(deps, ready, wish, connection_id=KEY.connection_id)
    establish_connection(deps, ready, target, Issued(token_set=world.new_grant()), invocation=invocation)


def _signing(world: World) -> None:
    """As `_due`, and the client proves itself by assertions."""
    ready = world.directory.get_ready("reg-1")
    provider = replace(ready.provider, client_authentication=(ClientAuthentication.PRIVATE_KEY_JWT,))
    key = SigningKey(algorithm=SigningAlgorithm.ES256, key_id="key-1", kms_key_id="alias/key-1")
    registration = replace(ready.registration, has_secret=False, signing_key=key)
    world.directory.put(replace(ready, provider=provider, registration=registration, client_secret=None))
    _due(world)


def _consent_ending(world: World) -> None:
    """A connection whose notice falls due within the next minute, long before its refresh."""
    world.connect()
    now = world.clock.now()
    notice_at = now + timedelta(seconds=30)
    ending = replace(
        world.row, consent_ends_at=now + timedelta(days=14), consent_notice_at=notice_at, due_at=notice_at
    )
    world.store._write(ending, due_set_at=now)


def _is_noticed_once(world: World, oracle: Oracle) -> None:
    noticed = {row.consent_noticed_at for row in world.store.history} - {None}
    assert len(noticed) == 1, "the end of a consent is told once, whatever fails"
    del oracle


def _is_logged_in_again(world: World, oracle: Oracle) -> None:
    assert world.row.status is ConnectionStatus.ACTIVE
    assert world.row.generation > 1
    del oracle


SCENARIOS = (
    Scenario(name="scheduled refresh", prepare=_due, act=_refresh_on_schedule),
    Scenario(name="read in the mandatory window", prepare=_mandatory, act=_read),
    Scenario(name="read of an expired token", prepare=_expired, act=_read),
    Scenario(name="read of a stale token", prepare=_stale, act=_stale_read),
    Scenario(name="manual refresh", prepare=_connected, act=_manual),
    Scenario(name="store down at the commit", prepare=_connected, act=_store_down),
    Scenario(name="rescued answer adopted late", prepare=_connected, act=_late_adoption),
    Scenario(name="throttled by the provider", prepare=_due, act=_throttled),
    Scenario(name="client refused by the provider", prepare=_due, act=_wrong_client),
    Scenario(name="disconnect", prepare=_connected, act=_disconnect, after=_is_over),
    Scenario(name="hold and lift", prepare=_connected, act=_hold_and_lift),
    Scenario(name="unpublish and publish", prepare=_connected, act=_unpublish_and_publish),
    Scenario(name="late withdrawal of a hold", prepare=_connected, act=_delayed_hold),
    Scenario(name="registration paused", prepare=_paused, act=_refresh_on_schedule),
    Scenario(name="retire", prepare=_disconnected, act=_retire, after=_is_retired),
    Scenario(name="grant ended by the user", prepare=_due, act=_dead_grant, after=_is_dead),
    Scenario(name="first connection", prepare=lambda world: None, act=establish, after=_is_begun_or_gone),
    Scenario(name="reconnect", prepare=_connected, act=establish),
    Scenario(name="reconnect after a disconnect", prepare=_just_disconnected, act=establish),
    Scenario(name="success after a disconnect", prepare=_connected, act=_late_success),
    Scenario(name="client that signs", prepare=_signing, act=_refresh_on_schedule),
    Scenario(
        name="consent that ends", prepare=_consent_ending, act=_refresh_on_schedule, after=_is_noticed_once
    ),
)
SESSION_SCENARIOS = tuple(
    replace(one, after=_is_logged_in_again) if one.after is _is_dead else one for one in SCENARIOS
)
"""The same where the grant can run again: it is never lost, and what the provider ended begins anew."""
