"""Connecting when time runs out or a neighbour fails: a code is posted once or not at all, and nothing that was issued is lost."""

import json
from dataclasses import dataclass, field, replace

import pytest

from evertoken.catalogue.provider_directory import ProviderDirectory
from evertoken.domain.authorization import Tenant
from evertoken.domain.connection import ConnectionKey, ConnectionStatus, PublicationMode
from evertoken.domain.errors import (
    ConflictError,
    ConnectExpiredError,
    PublisherUnavailableError,
    StoreUnavailableError,
    VaultSealedError,
)
from evertoken.domain.http import HttpAnswer, HttpRequest, NoAnswer, NotSent
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from evertoken.ports import CommitSuperseded
from evertoken.usecases.authorization_session import SESSION_PREFIX
from evertoken.usecases.complete_authorization import CompleteDependencies, complete_authorization
from evertoken.usecases.establish_connection import EstablishDependencies
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.receive_callback import CallbackDependencies, CallbackStatus, receive_callback
from evertoken.usecases.start_authorization import ConnectionWish, StartDependencies, start_authorization
from tests.fakes.authorizations import MemoryAuthorizations
from tests.fakes.client_directory import FakeClientDirectory
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.directory import MemoryOperatorProviders, MemoryRegistrations, MemoryTenants
from tests.fakes.publisher import FakePublisher
from tests.fakes.randomness import SeededRandomness
from tests.fakes.sealer import FakeSealer

RETURN_URL = "https://app.example/back"
DOCUMENT = {
    "extends": "oauth2",
    "name": "Fake",
    "endpoints": {"authorization": "https://as.example/authorize", "token": "https://as.example/token"},
}
ISSUED = {
    "access_token": "canary-access",
    "refresh_token": "canary-refresh",
    "token_type": "Bearer",
    "expires_in": 3600,
}


@dataclass
class CannedTransport:
    """A provider that answers as told, and issues a token set when it was told nothing."""

    exchanges: list = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    def send(self, request, *, timeout_seconds):
        assert timeout_seconds > 0
        self.requests.append(request)
        if self.exchanges:
            return self.exchanges.pop(0)
        return HttpAnswer(
            status=200, headers={"content-type": "application/json"}, body=json.dumps(ISSUED).encode()
        )


class World:
    """The three use cases of connecting, on fakes."""

    def __init__(self):
        self.clock = FakeClock()
        self.transport, self.store = CannedTransport(), FakeConnectionStore(self.clock)
        self.publisher, self.sealer = FakePublisher(self.clock), FakeSealer(self.clock)
        own, self.registrations = MemoryOperatorProviders(), MemoryRegistrations()
        own.put("fake", DOCUMENT, self.clock.now())
        catalogue = ProviderDirectory(own)
        now = self.clock.now()
        registration = ClientRegistration(
            registration_id="fake-acme",
            provider_id="fake",
            client_id="c",
            tenants=("acme",),
            scopes=("read",),
            has_secret=True,
            created_at=now,
            updated_at=now,
        )
        ready = ReadyClient(provider=catalogue.get("fake"), registration=registration, client_secret="s")
        self.registrations.put(registration, binding=ready.binding, expected_version=None)
        tenants = MemoryTenants()
        tenants.put(
            Tenant(tenant_id="acme", name="Acme", return_urls=(RETURN_URL,), created_at=now, updated_at=now)
        )
        self.authorizations, directory = MemoryAuthorizations(), FakeClientDirectory(ready)
        randomness = SeededRandomness()
        self.starting = StartDependencies(
            tenants=tenants,
            registrations=self.registrations,
            directory=directory,
            authorizations=self.authorizations,
            sealer=self.sealer,
            clock=self.clock,
            randomness=randomness,
            minimum_published_lifetime_seconds=900,
        )
        self.receiving = CallbackDependencies(
            authorizations=self.authorizations,
            registrations=self.registrations,
            catalogue=catalogue,
            sealer=self.sealer,
            clock=self.clock,
        )
        establishing = EstablishDependencies(
            store=self.store,
            sealer=self.sealer,
            transport=self.transport,
            publisher=self.publisher,
            clock=self.clock,
            randomness=randomness,
            timing=Timing(function_timeout_seconds=28, http_total_seconds=12, commit_budget_seconds=5),
            minimum_published_lifetime_seconds=900,
        )
        self.completing = CompleteDependencies(
            authorizations=self.authorizations, directory=directory, establishing=establishing
        )
        self.session_uri = self.state = ""

    def start(self, **wish):
        started = start_authorization(
            self.starting,
            ConnectionWish(tenant_id="acme", provider_id="fake", user_id="ann", **wish),
            return_url=RETURN_URL,
            parameters={},
            base_url="https://api.example",
        )
        self.session_uri = started.session_uri
        self.state = started.authorization_url.partition("state=")[2].partition("&")[0]
        return started

    def come_back(self):
        raw = f"state={self.state}&code=canary-code"
        return receive_callback(self.receiving, registration_id="fake-acme", raw_parameters=raw).status

    def complete(self, *, seconds=25.0):
        invocation = Invocation(started_at=self.clock.now(), ends_at=self.clock.monotonic() + seconds)
        return complete_authorization(
            self.completing,
            tenant_id="acme",
            session_uri=self.session_uri,
            user_id="ann",
            invocation=invocation,
        )


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

    from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose

    purpose = token_set_purpose(row.connection_id, 1, 1)
    assert decode_token_set(returned.sealer.open("acme", purpose, row.sealed)).access_token == "canary-access"
    assert (row.epoch, row.generation) == (1, 1)


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
