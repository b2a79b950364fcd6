"""Who may not pass any more: one suite for the store, on the fake and on DynamoDB; then the list as an environment knows it, and admission by it."""

import contextlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from evertoken.adapters.client_admission import MOST_CLIENTS, ClientAdmission
from evertoken.adapters.revocation_list import DynamoDBRevocations, RevocationList
from evertoken.domain.authorization import Caller, Revoked
from evertoken.domain.errors import AuthenticationError, RateLimitedError, StoreUnavailableError
from tests.fakes.clock import FakeClock
from tests.fakes.directory import MemoryRevocations
from tests.support.aws_account import TABLE

NOW = datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=UTC)
NOBODY = Revoked(clients=frozenset(), tenants={})


@pytest.fixture(params=["memory", "aws"])
def store(request):
    if request.param == "memory":
        return MemoryRevocations()
    return DynamoDBRevocations(request.getfixturevalue("dynamodb"), TABLE)


def test_revoked_clients_and_tenants_are_read_back_apart(store):
    assert store.read_all() == NOBODY
    store.revoke_client("cli_a", until=NOW)
    store.revoke_tenant("acme", now=NOW, until=None)
    store.revoke_tenant("cli_a", now=NOW, until=NOW)

    assert store.read_all() == Revoked(clients=frozenset({"cli_a"}), tenants={"acme": None, "cli_a": None})


def test_revoking_and_lifting_may_be_repeated_and_the_first_lift_is_the_one_that_counts(store):
    for _ in range(2):
        store.revoke_tenant("acme", now=NOW, until=None)
    assert store.read_all().tenants == {"acme": None}
    for seconds in range(2):
        store.lift_tenant("acme", now=NOW + timedelta(seconds=seconds), until=NOW + timedelta(days=1))
    assert store.read_all().tenants == {"acme": NOW}

    store.revoke_tenant("acme", now=NOW, until=None)
    assert store.read_all().tenants == {"acme": None}
    store.lift_tenant("acme", now=NOW + timedelta(seconds=9), until=NOW + timedelta(days=1))
    assert store.read_all().tenants == {"acme": NOW + timedelta(seconds=9)}


def test_what_was_revoked_after_a_lift_began_stays_revoked(store):
    store.revoke_tenant("acme", now=NOW + timedelta(milliseconds=1), until=None)
    store.lift_tenant("acme", now=NOW, until=NOW + timedelta(days=1))

    assert store.read_all().tenants == {"acme": None}


def test_a_tenant_that_was_never_revoked_is_lifted_without_a_trace(store):
    store.lift_tenant("acme", now=NOW, until=NOW + timedelta(days=1))

    assert store.read_all() == NOBODY


@pytest.mark.parametrize(
    ("lifted_at", "issued_at", "is_refused"),
    [
        (None, NOW + timedelta(days=1), True),
        (NOW, NOW.replace(microsecond=0) - timedelta(seconds=1), True),
        (NOW, NOW.replace(microsecond=0), False),
        (NOW, NOW.replace(microsecond=0) + timedelta(seconds=1), False),
    ],
)
def test_a_tenant_that_may_pass_again_does_so_with_what_was_issued_from_that_second_on(
    lifted_at, issued_at, is_refused
):
    revoked = Revoked(clients=frozenset(), tenants={"acme": lifted_at})

    assert revoked.refuses_tenant("acme", issued_at=issued_at) == is_refused
    assert not revoked.refuses_tenant("beta", issued_at=issued_at)


def test_an_entry_goes_by_itself_once_no_token_is_left_and_a_suspension_never_does(dynamodb):
    store = DynamoDBRevocations(dynamodb, TABLE)
    store.revoke_client("cli_a", until=NOW)
    store.revoke_tenant("acme", now=NOW, until=None)
    store.revoke_tenant("beta", now=NOW, until=None)
    store.lift_tenant("beta", now=NOW, until=NOW)
    entries = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=TABLE)["Items"]}

    assert int(entries["CLIENT#cli_a"]["ttl"]["N"]) - NOW.timestamp() == 0.5
    assert "ttl" not in entries["TENANT#acme"]
    assert entries["TENANT#beta"]["ttl"] == entries["CLIENT#cli_a"]["ttl"]


def test_more_entries_than_one_answer_holds_are_all_read(dynamodb):
    names = {f"t{number}-{'x' * 1000}" for number in range(1100)}
    for first in range(0, 1100, 25):
        some = sorted(names)[first : first + 25]
        items = [{"pk": {"S": "REVOKED"}, "sk": {"S": f"TENANT#{name}"}} for name in some]
        dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in items]})

    assert DynamoDBRevocations(dynamodb, TABLE).read_all().tenants == dict.fromkeys(names)


class CountedRevocations(MemoryRevocations):
    """Counts the reads, and fails when it is told to."""

    reads = 0
    fails = False

    def read_all(self):
        self.reads += 1
        if self.fails:
            raise StoreUnavailableError("The store is told to fail.")
        return super().read_all()


@pytest.fixture
def world():
    store, clock = CountedRevocations(), FakeClock()
    return SimpleNamespace(store=store, clock=clock, known=RevocationList(store, clock=clock))


def test_a_warm_environment_asks_at_most_every_45_seconds(world):
    for _ in range(45):
        world.known.is_revoked_client("cli_a")
        world.known.is_revoked_tenant("acme", issued_at=NOW)
        world.clock.advance(0.99)
    assert world.store.reads == 1
    world.clock.advance(1)
    world.known.is_revoked_client("cli_a")
    assert world.store.reads == 2


@pytest.mark.parametrize("asked_every", [0.5, 7, 44, 59])
@pytest.mark.parametrize("fails_for", [0, 14, 10_000])
def test_whoever_was_revoked_60_seconds_ago_passes_no_environment(world, asked_every, fails_for):
    world.known.is_revoked_client("cli_a")
    world.store.revoke_client("cli_a", until=NOW)
    world.store.fails = fails_for > 0
    revoked_at = world.clock.monotonic()

    for _ in range(int(180 / asked_every)):
        world.clock.advance(asked_every)
        elapsed = world.clock.monotonic() - revoked_at
        world.store.fails = 45 < elapsed < 45 + fails_for
        try:
            is_revoked = world.known.is_revoked_client("cli_a")
        except StoreUnavailableError:
            assert elapsed >= 60, "an old list is believed while it may be"
            continue
        assert is_revoked or elapsed < 60


def test_a_list_that_cannot_be_fetched_is_believed_for_60_seconds_and_asked_for_every_five(world):
    assert not world.known.is_revoked_tenant("acme", issued_at=NOW)
    world.store.fails = True
    world.clock.advance(46)
    for _ in range(13):
        assert not world.known.is_revoked_tenant("acme", issued_at=NOW)
        world.clock.advance(1)
    assert world.store.reads == 1 + 3
    world.clock.advance(1)
    with pytest.raises(StoreUnavailableError):
        world.known.is_revoked_tenant("acme", issued_at=NOW)
    world.store.fails = False
    world.clock.advance(5)
    assert not world.known.is_revoked_tenant("acme", issued_at=NOW)


def test_without_any_list_nobody_is_said_to_be_unrevoked(world):
    world.store.fails = True

    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            world.known.is_revoked_client("cli_a")
    assert world.store.reads == 1


def test_an_environment_that_was_frozen_does_not_believe_its_monotonic_clock():
    class FrozenClock(FakeClock):
        def monotonic(self):
            return 7.0

    store, clock = CountedRevocations(), FrozenClock()
    known = RevocationList(store, clock=clock)
    assert not known.is_revoked_client("cli_a")
    store.revoke_client("cli_a", until=NOW)
    clock.advance(3600)

    assert known.is_revoked_client("cli_a")


def test_what_is_revoked_while_the_list_is_read_is_known_a_minute_after(world):
    class SlowRevocations(CountedRevocations):
        def read_all(self):
            found = super().read_all()
            if self.reads == 1:
                self.revoke_client("cli_a", until=NOW)
                world.clock.advance(30)
            return found

    known = RevocationList(SlowRevocations(), clock=world.clock)
    assert not known.is_revoked_client("cli_a")
    world.clock.advance(15)

    assert known.is_revoked_client("cli_a")


def caller(client_id="cli_a", tenant_id="acme"):
    return Caller(client_id=client_id, tenant_id=tenant_id, scopes=frozenset(), issued_at=NOW)


@pytest.fixture
def admission(world):
    return ClientAdmission(world.known, requests_per_second=5, clock=world.clock)


def test_revoked_clients_and_the_clients_of_revoked_tenants_are_refused_like_a_bad_token(world, admission):
    admission.admit(caller())
    world.store.revoke_client("cli_a", until=NOW)
    world.store.revoke_tenant("beta", now=NOW, until=None)
    world.clock.advance(45)

    for refused in (caller(), caller("cli_b", "beta")):
        with pytest.raises(AuthenticationError) as refusal:
            admission.admit(refused)
        assert refusal.value.message == AuthenticationError().message
    admission.admit(caller("cli_b", "acme"))
    admission.admit(caller("operator", None))


def test_a_quiet_client_has_twice_its_rate_at_once_and_then_its_rate(world, admission):
    for _ in range(10):
        admission.admit(caller())
    with pytest.raises(RateLimitedError) as refusal:
        admission.admit(caller())
    assert refusal.value.retry_after_seconds == 1
    passed = 0
    for _ in range(100):
        world.clock.advance(0.1)
        with contextlib.suppress(RateLimitedError):
            admission.admit(caller())
            passed += 1
    assert passed in (49, 50)


def test_one_client_does_not_use_up_anothers_share(admission):
    for _ in range(10):
        admission.admit(caller("cli_a"))
    admission.admit(caller("cli_b"))
    with pytest.raises(RateLimitedError):
        admission.admit(caller("cli_a"))


def test_the_memory_of_buckets_is_bounded_and_forgets_whoever_was_quiet_longest(admission):
    for _ in range(10):
        admission.admit(caller("busy"))
    for number in range(3 * MOST_CLIENTS):
        admission.admit(caller(f"cli_{number}"))
        if number % 1000 == 0:
            with pytest.raises(RateLimitedError):
                admission.admit(caller("busy"))

    assert len(admission._buckets) == MOST_CLIENTS
