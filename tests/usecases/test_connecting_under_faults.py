"""Connecting when time runs out or a neighbour fails: a code is posted once or not at all, and nothing that was issued is lost."""

import json
from dataclasses import replace

import pytest

from evertoken.domain.connection import ConnectionKey, ConnectionStatus, PublicationMode
from evertoken.domain.errors import (
    ConflictError,
    ConnectExpiredError,
    PublisherUnavailableError,
    SignerUnavailableError,
    StoreUnavailableError,
    VaultSealedError,
)
from evertoken.domain.http import NoAnswer, NotSent
from evertoken.ports import CommitSuperseded
from evertoken.usecases.authorization_session import SESSION_PREFIX
from evertoken.usecases.receive_callback import CallbackStatus
from tests.usecases.connecting_world import DOCUMENT, World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def returned(world):
    """A world where the browser has come back."""
    world.start()
    assert world.come_back() is CallbackStatus.RETURNED
    return world


def test_a_state_is_good_for_ten_minutes_and_not_longer(world):
    world.start()
    world.clock.advance(599)
    assert world.come_back() is CallbackStatus.RETURNED

    world.start()
    world.clock.advance(600)
    assert world.come_back() is CallbackStatus.EXPIRED
    assert len(world.authorizations.returned) == 1


def test_a_code_waits_two_minutes_and_not_longer(returned):
    returned.clock.advance(119)
    assert returned.complete().connection.status is ConnectionStatus.ACTIVE

    returned.start()
    returned.come_back()
    returned.clock.advance(120)
    with pytest.raises(ConnectExpiredError):
        returned.complete()
    assert len(returned.transport.requests) == 1


def test_the_verifier_of_the_challenge_goes_with_the_code(returned):
    returned.complete()

    body = returned.transport.requests[0].body.decode()
    assert "code=canary-code" in body
    assert "code_verifier=" in body
    assert "redirect_uri=https%3A%2F%2Fapi.example%2Fv1%2Foauth%2Fcallback%2Ffake-acme" in body


def test_without_secrets_manager_nothing_is_asked_of_the_provider(returned):
    returned.publisher.delay_next()

    with pytest.raises(PublisherUnavailableError):
        returned.complete()
    assert returned.transport.requests == []


def test_without_the_data_key_nothing_is_asked_of_the_provider(returned):
    returned.sealer.forget()
    returned.sealer.lost.add("2026-11")

    with pytest.raises(VaultSealedError):
        returned.complete()
    assert returned.transport.requests == []


def test_without_the_signer_nothing_is_asked_of_the_provider_and_no_row_is_made():
    world = World(
        {
            **DOCUMENT,
            "issuer": "https://as.example",
            "client_authentication": {"methods": ["client_secret_jwt"]},
        }
    )
    world.start()
    world.come_back()
    world.signer.failures = 1

    with pytest.raises(SignerUnavailableError) as unavailable:
        world.complete()
    assert unavailable.value.retryable
    assert (world.transport.requests, world.store.history) == ([], [])


def test_a_publication_that_fails_is_owed_and_the_connection_stands(returned):
    create = returned.publisher.create_empty

    def create_and_then_fail(key):
        create(key)
        returned.publisher.delay_next()

    returned.publisher.create_empty = create_and_then_fail

    established = returned.complete()

    row = returned.store.get(established.connection.key)
    assert row.status is ConnectionStatus.ACTIVE
    assert row.owes_publication
    assert row.due_at is not None
    assert row.due_at <= returned.clock.now()
    assert "follows by itself" in established.notices[0]


def test_an_abandoned_connection_is_looked_at_after_a_quarter_of_an_hour(returned):
    returned.transport.exchanges.append(NoAnswer(reason="timeout"))

    with pytest.raises(Exception, match="Start again"):
        returned.complete()

    row = returned.store.history[-1]
    assert row.status is ConnectionStatus.CONNECTING
    assert (row.due_at - returned.clock.now()).total_seconds() == 900


def test_a_request_that_never_left_is_made_again_once(returned):
    returned.transport.exchanges.append(NotSent(reason="connect_refused"))

    assert returned.complete().connection.status is ConnectionStatus.ACTIVE
    assert len(returned.transport.requests) == 2


def test_a_request_that_may_have_arrived_is_not_made_again(returned):
    returned.transport.exchanges.append(NoAnswer(reason="timeout"))

    with pytest.raises(Exception, match="Start again"):
        returned.complete()
    assert len(returned.transport.requests) == 1


def test_a_store_that_does_not_acknowledge_is_asked_again_with_the_same_write(returned):
    connect, seen = returned.store.connect, []

    def acknowledge_the_third_time(wanted):
        seen.append(wanted)
        result = connect(wanted)
        if len(seen) < 3:
            raise StoreUnavailableError("no acknowledgement")
        return result

    returned.store.connect = acknowledge_the_third_time

    row = returned.complete().connection

    assert (row.epoch, row.generation) == (1, 1)
    assert {one.commit.commit_id for one in seen} == {seen[0].commit.commit_id}
    assert len(returned.transport.requests) == 1


def test_a_store_that_stays_down_is_given_up_before_the_function_ends(returned):
    def never(wanted):
        returned.clock.advance(2)
        raise StoreUnavailableError("down")

    returned.store.connect = never

    with pytest.raises(StoreUnavailableError):
        returned.complete(seconds=20)
    assert returned.clock.monotonic() < 20


def test_a_connect_of_the_same_account_that_passes_is_joined(world):
    """Two browsers of one person at once: the later one reconnects what the earlier one made."""
    world.start(account="main")
    world.come_back()
    late_session = world.session_uri
    connect, first_of_all = world.store.connect, []

    def let_another_pass(wanted):
        if not first_of_all:
            first_of_all.append(True)
            world.start(account="main")
            world.come_back()
            first_of_all.append(world.complete().connection)
        return connect(wanted)

    world.store.connect = let_another_pass
    world.session_uri = late_session

    joined = world.complete().connection

    assert joined.connection_id == first_of_all[1].connection_id
    assert (joined.epoch, joined.generation) == (2, 2)


def test_a_connect_that_is_passed_again_and_again_says_so(returned):
    returned.store.connect = lambda wanted: CommitSuperseded(connection=None)

    with pytest.raises(ConflictError):
        returned.complete()


def test_the_token_set_is_bound_to_the_epoch_and_generation_that_the_row_has_after_it(returned):
    row = returned.complete().connection

    assert (row.epoch, row.generation) == (1, 1)
    assert returned.stored(row).access_token == "canary-access"


def test_what_is_published_is_the_access_token_alone(returned):
    row = returned.complete().connection

    shown = returned.publisher.read(ConnectionKey(tenant_id="acme", connection_id=row.connection_id))
    assert shown["access_token"] == "canary-access"
    assert "canary-refresh" not in json.dumps(shown)
    assert row.publication is PublicationMode.SECRETS_MANAGER


def test_a_session_of_another_form_is_no_session(returned):
    returned.session_uri = SESSION_PREFIX + "guess"

    with pytest.raises(ConnectExpiredError):
        returned.complete()


def test_no_value_of_the_walk_shows_a_secret_in_its_repr(returned):
    pending = next(iter(returned.authorizations.returned.values()))
    established = returned.complete()

    shown = repr((pending, established, replace(established.connection), returned.transport.requests))
    assert "canary" not in shown
    assert returned.state not in shown
