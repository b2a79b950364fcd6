"""Connecting by device: polls are an interval apart whoever calls, and a device code is redeemed once (RFC 8628)."""

import json
from datetime import timedelta

import pytest

from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import (
    ClientChangedError,
    ConnectExpiredError,
    InvalidInputError,
    ProviderRefusedError,
    ProviderUnavailableError,
    PublisherUnavailableError,
    SignerUnavailableError,
    StoreUnavailableError,
    UserMismatchError,
    VaultSealedError,
)
from evertoken.domain.grant import Grant
from evertoken.domain.http import NoAnswer, NotSent
from evertoken.usecases.poll_device import StillPending
from tests.usecases.connecting_world import DOCUMENT, World, answer, form_of, issued

DEVICE = {
    **DOCUMENT,
    "issuer": "https://as.example",
    "grants": ["device_code", "refresh_token"],
    "endpoints": {**DOCUMENT["endpoints"], "device_authorization": "https://as.example/device"},
}
AUTHORIZED = {
    "device_code": "canary-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/activate",
    "verification_uri_complete": "https://as.example/activate?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 5,
}


def pending(code="authorization_pending"):
    return answer(400, error=code)


@pytest.fixture
def world():
    """A world where a device authorization was started, and its first interval is over."""
    world = World(DEVICE)
    world.transport.exchanges.append(answer(**AUTHORIZED))
    world.start_device()
    world.clock.advance(5)
    return world


def polls(world):
    return [request for request in world.transport.requests if request.url.endswith("/token")]


def test_starting_shows_what_the_user_needs_and_keeps_the_device_code_sealed():
    world = World(DEVICE)
    world.transport.exchanges.append(answer(**AUTHORIZED))

    started = world.start_device(scopes=("a", "b"))

    assert (started.user_code, started.interval_seconds) == ("WDJB-MJHT", 5)
    assert started.verification_uri == AUTHORIZED["verification_uri"]
    assert started.verification_uri_complete == AUTHORIZED["verification_uri_complete"]
    assert started.expires_at == world.clock.now() + timedelta(seconds=600)
    (request,) = world.transport.requests
    assert request.url == "https://as.example/device"
    assert form_of(request)["scope"] == "a b"
    (device,) = world.devices.devices.values()
    assert b"canary" not in device.sealed_device_code.ciphertext
    assert "canary" not in repr((started, device))
    assert started.session_uri not in repr((started, device))


def test_a_user_who_takes_longer_than_a_row_may_wait_is_not_waited_for():
    world = World(DEVICE)
    world.transport.exchanges.append(answer(**{**AUTHORIZED, "expires_in": 1800}))

    assert world.start_device().expires_at == world.clock.now() + timedelta(seconds=840)


def test_without_an_interval_it_is_five_seconds():
    world = World(DEVICE)
    world.transport.exchanges.append(
        answer(**{name: value for name, value in AUTHORIZED.items() if name != "interval"})
    )

    assert world.start_device().interval_seconds == 5


def test_a_provider_that_gives_no_code_is_refused_and_nothing_is_kept():
    world = World(DEVICE)
    world.transport.exchanges.append(answer(400, error="invalid_scope"))

    with pytest.raises(ProviderRefusedError, match="invalid_scope"):
        world.start_device()
    assert world.devices.devices == {}


def test_an_entry_that_offers_no_device_flow_refuses_it_and_names_what_it_offers():
    world = World()

    with pytest.raises(InvalidInputError, match="offers: authorization_code"):
        world.start_device()
    assert world.transport.requests == []


def test_a_user_who_consented_has_a_connection_and_the_session_is_used_up(world):
    established = world.poll()

    row = established.connection
    assert (row.status, row.user_id) == (ConnectionStatus.ACTIVE, "ann")
    form = form_of(polls(world)[0])
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert form["device_code"] == "canary-device-code"
    context = world.stored(row).context
    assert (context.grant, context.granted_at) == (Grant.DEVICE_CODE, world.clock.now())
    world.clock.advance(60)
    with pytest.raises(ConnectExpiredError):
        world.poll()
    assert len(polls(world)) == 1


def test_while_the_user_has_not_decided_it_is_pending_and_asked_again_after_the_interval(world):
    world.transport.exchanges += [pending(), pending()]

    assert world.poll() == StillPending(retry_after_seconds=5)
    world.clock.advance(4.9)
    assert world.poll() == StillPending(retry_after_seconds=1)
    assert len(polls(world)) == 1
    world.clock.advance(0.1)
    assert world.poll() == StillPending(retry_after_seconds=5)
    world.clock.advance(5)
    assert world.poll().connection.status is ConnectionStatus.ACTIVE
    assert len(polls(world)) == 3


def test_the_first_poll_waits_an_interval_as_well():
    world = World(DEVICE)
    world.transport.exchanges.append(answer(**AUTHORIZED))
    world.start_device()

    assert world.poll() == StillPending(retry_after_seconds=5)
    assert polls(world) == []


def test_of_two_calls_at_once_one_asks_the_provider(world):
    """The second comes while the provider is working on the first."""
    met = []

    def while_it_works():
        world.clock.advance(6)
        met.append(world.poll())
        return issued()

    world.transport.exchanges.append(while_it_works)

    assert world.poll().connection.status is ConnectionStatus.ACTIVE
    assert met == [StillPending(retry_after_seconds=5)]
    assert len(polls(world)) == 1


def test_slow_down_lengthens_the_interval_for_good(world):
    world.transport.exchanges += [pending("slow_down"), pending(), pending("slow_down")]

    for expected in (10, 10, 15):
        assert world.poll() == StillPending(retry_after_seconds=expected)
        world.clock.advance(expected - 0.1)
        assert isinstance(world.poll(), StillPending)
        world.clock.advance(0.1)
    assert len(polls(world)) == 3


@pytest.mark.parametrize(
    "exchange",
    [
        NoAnswer(reason="timeout"),
        answer(503),
        answer(500),
    ],
    ids=["no answer", "503", "500"],
)
def test_a_provider_that_does_not_answer_is_asked_less_and_less_often(world, exchange):
    waits = []
    for _ in range(5):
        world.transport.exchanges.append(exchange)
        waits.append(world.poll().retry_after_seconds)
        world.clock.advance(waits[-1])

    assert waits == [10, 20, 40, 60, 60]
    assert world.poll().connection.status is ConnectionStatus.ACTIVE


def test_a_poll_that_never_left_backs_off_as_well(world):
    world.transport.exchanges += [NotSent(reason="connect_refused"), NotSent(reason="connect_refused")]

    assert world.poll() == StillPending(retry_after_seconds=10)


def test_what_the_provider_asks_us_to_wait_is_waited(world):
    too_many = answer(429, error="rate_limited")
    too_many.headers["retry-after"] = "45"
    world.transport.exchanges.append(too_many)

    assert world.poll() == StillPending(retry_after_seconds=45)
    world.clock.advance(44)
    assert isinstance(world.poll(), StillPending)
    assert len(polls(world)) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("access_denied", ProviderRefusedError),
        ("expired_token", ConnectExpiredError),
        ("invalid_grant", ProviderRefusedError),
        ("invalid_client", ProviderRefusedError),
        ("unheard_of", ProviderRefusedError),
    ],
)
def test_any_other_error_ends_it(world, code, error):
    world.transport.exchanges.append(pending(code))

    with pytest.raises(error):
        world.poll()
    world.clock.advance(60)
    with pytest.raises(ConnectExpiredError):
        world.poll()
    assert len(polls(world)) == 1


def test_a_device_is_not_asked_about_any_more_once_its_time_is_over(world):
    world.clock.advance(595)

    with pytest.raises(ConnectExpiredError):
        world.poll()
    assert polls(world) == []


def test_another_user_cannot_finish_and_five_tries_end_it(world):
    for _ in range(5):
        with pytest.raises(UserMismatchError):
            world.poll(user_id="bob")
    with pytest.raises(ConnectExpiredError):
        world.poll()
    assert polls(world) == []


def test_another_tenant_finds_nothing(world):
    with pytest.raises(ConnectExpiredError):
        world.poll(tenant_id="other")
    assert world.poll().connection.tenant_id == "acme"


def test_a_client_that_changed_meanwhile_is_asked_nothing(world):
    world.put_provider(
        {**DEVICE, "endpoints": {**DEVICE["endpoints"], "token": "https://elsewhere.example/token"}}
    )

    with pytest.raises(ClientChangedError):
        world.poll()
    assert len(world.transport.requests) == 1


def test_what_fails_before_the_provider_is_asked_may_be_called_again_an_interval_later(world):
    world.publisher.delay_next()

    with pytest.raises(PublisherUnavailableError):
        world.poll()
    assert polls(world) == []
    world.clock.advance(5)
    assert world.poll().connection.status is ConnectionStatus.ACTIVE


def test_without_the_data_key_nothing_is_asked(world):
    world.sealer.forget()
    world.sealer.lost.add("2026-11")

    with pytest.raises(VaultSealedError):
        world.poll()
    assert polls(world) == []


def test_without_the_signer_nothing_is_asked():
    world = World({**DEVICE, "client_authentication": {"methods": ["client_secret_jwt"]}})
    world.signer.failures = 1
    with pytest.raises(SignerUnavailableError):
        world.start_device()
    assert world.transport.requests == []

    world.transport.exchanges.append(answer(**AUTHORIZED))
    world.start_device()
    world.clock.advance(5)
    world.signer.failures = 1
    with pytest.raises(SignerUnavailableError):
        world.poll()
    assert polls(world) == []


def test_the_row_and_its_secret_are_made_once_however_often_is_polled(world):
    created, rows = [], []
    create, create_row = world.publisher.create_empty, world.store.create_connecting
    world.publisher.create_empty = lambda key: (created.append(key), create(key))
    world.store.create_connecting = lambda row: (rows.append(row), create_row(row))
    world.transport.exchanges += [pending()] * 4

    for _ in range(5):
        last = world.poll()
        world.clock.advance(5)

    assert last.connection.status is ConnectionStatus.ACTIVE
    assert (len(created), len(rows)) == (1, 1)
    assert {row.connection_id for row in world.store.history} == {last.connection.connection_id}


def test_tokens_that_could_not_be_stored_use_the_session_up(world):
    """A device code cannot be redeemed twice, so that another call would only be told that it is refused."""

    def never(wanted):
        world.clock.advance(10)
        raise StoreUnavailableError("down")

    world.store.connect = never
    with pytest.raises(StoreUnavailableError):
        world.poll()
    with pytest.raises(ConnectExpiredError):
        world.poll()
    assert len(polls(world)) == 1


def test_a_session_that_cannot_be_removed_does_not_cost_the_connection(world):
    def down(session_hash):
        raise StoreUnavailableError("down")

    world.devices.remove = down

    assert world.poll().connection.status is ConnectionStatus.ACTIVE


def test_no_value_of_the_walk_shows_a_secret_in_its_repr(world):
    established = world.poll()

    shown = repr((established, world.transport.requests, world.devices, world.store.history))
    assert "canary" not in shown
    assert "canary" not in json.dumps([str(request.url) for request in world.transport.requests])


def test_a_start_that_was_not_answered_may_be_made_again():
    world = World(DEVICE)
    world.transport.exchanges.append(NoAnswer(reason="timeout"))

    with pytest.raises(ProviderUnavailableError):
        world.start_device()
    assert world.devices.devices == {}
