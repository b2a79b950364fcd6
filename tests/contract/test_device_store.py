"""One suite for `DeviceStore`: on the fake, and on DynamoDB as moto plays it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.adapters.dynamodb_devices import DynamoDBDevices
from evertoken.domain.authorization import PendingDevice
from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed
from evertoken.domain.errors import UserMismatchError
from evertoken.ports import PollTooEarly
from tests.fakes.devices import MemoryDevices
from tests.support.aws_account import TABLE

NOW = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=28)
DEVICE = PendingDevice(
    session_hash="e" * 64,
    tenant_id="acme",
    user_id="user é",
    connection_id="con_a",
    provider_id="fake",
    registration_id="fake-acme",
    binding="b" * 32,
    parameters={"shop": "acme"},
    scopes=("repo", "user"),
    account=None,
    name="",
    policy=RefreshPolicy.LAZY,
    publication=PublicationMode.API_ONLY,
    sealed_device_code=Sealed(key_id="2026-11", ciphertext=b"\x00code"),
    interval_seconds=5,
    next_poll_at=NOW,
    created_at=NOW - timedelta(seconds=5),
    expires_at=NOW + timedelta(minutes=10),
)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request):
    if request.param == "memory":
        return MemoryDevices()
    return DynamoDBDevices(request.getfixturevalue("dynamodb"), TABLE)


def claim(store, *, tenant_id="acme", user_id="user é", now=NOW, until=UNTIL):
    return store.claim_poll(DEVICE.session_hash, tenant_id=tenant_id, user_id=user_id, now=now, until=until)


def test_a_claimed_device_comes_back_as_it_was_put_and_nobody_else_may_poll_until_then(store):
    store.put(DEVICE)

    assert claim(store) == replace(DEVICE, next_poll_at=UNTIL)
    assert claim(store) == PollTooEarly(next_poll_at=UNTIL, interval_seconds=5)


def test_one_without_policy_publication_and_parameters_comes_back_as_it_was_put(store):
    bare = replace(DEVICE, policy=None, publication=None, account="main", scopes=(), parameters={})
    store.put(bare)

    assert claim(store) == replace(bare, next_poll_at=UNTIL)


def test_a_poll_is_too_early_until_its_very_instant(store):
    store.put(replace(DEVICE, next_poll_at=NOW + timedelta(seconds=5)))

    early = claim(store, now=NOW + timedelta(seconds=4.999))

    assert early == PollTooEarly(next_poll_at=NOW + timedelta(seconds=5), interval_seconds=5)
    assert isinstance(claim(store, now=NOW + timedelta(seconds=5)), PendingDevice)


def test_a_dead_callers_claim_ends_by_itself(store):
    store.put(DEVICE)
    claim(store)

    assert isinstance(claim(store, now=UNTIL, until=UNTIL + timedelta(seconds=28)), PendingDevice)


def test_of_twenty_that_claim_at_once_one_may_poll(store):
    store.put(DEVICE)

    with ThreadPoolExecutor(20) as pool:
        claimed = list(pool.map(lambda _: claim(store), range(20)))

    assert [type(one) for one in claimed].count(PendingDevice) == 1


def test_what_is_postponed_is_due_then_with_its_new_interval_and_prepared(store):
    store.put(DEVICE)
    later = NOW + timedelta(seconds=10)

    store.postpone_poll(claim(store), interval_seconds=10, next_poll_at=later, is_prepared=True)

    assert claim(store) == PollTooEarly(next_poll_at=later, interval_seconds=10)
    assert claim(store, now=later, until=later + timedelta(seconds=28)) == replace(
        DEVICE, interval_seconds=10, next_poll_at=later + timedelta(seconds=28), is_prepared=True
    )


def test_a_caller_whose_claim_was_passed_postpones_nothing(store):
    store.put(DEVICE)
    first = claim(store)
    second = claim(store, now=UNTIL, until=UNTIL + timedelta(seconds=28))

    store.postpone_poll(first, interval_seconds=99, next_poll_at=NOW, is_prepared=True)

    assert claim(store, now=UNTIL) == PollTooEarly(next_poll_at=second.next_poll_at, interval_seconds=5)


def test_a_removed_device_is_not_there_and_cannot_be_postponed_back(store):
    store.put(DEVICE)
    claimed = claim(store)
    store.remove(DEVICE.session_hash)
    store.remove(DEVICE.session_hash)

    store.postpone_poll(claimed, interval_seconds=5, next_poll_at=NOW, is_prepared=True)

    assert claim(store, now=UNTIL) is None


def test_another_tenant_finds_nothing_and_its_tries_are_not_counted(store):
    store.put(DEVICE)

    for _ in range(10):
        assert claim(store, tenant_id="other") is None
        assert claim(store, tenant_id="other", user_id="mallory") is None
    assert isinstance(claim(store), PendingDevice)


def test_the_fifth_try_with_another_user_ends_the_session(store):
    store.put(DEVICE)

    for _ in range(4):
        with pytest.raises(UserMismatchError):
            claim(store, user_id="mallory")
    assert isinstance(claim(store), PendingDevice)
    with pytest.raises(UserMismatchError):
        claim(store, user_id="mallory")
    assert claim(store, now=UNTIL) is None


def test_the_item_is_keyed_by_a_hash_and_goes_by_itself(dynamodb):
    DynamoDBDevices(dynamodb, TABLE).put(DEVICE)

    (item,) = dynamodb.scan(TableName=TABLE)["Items"]

    assert (item["pk"]["S"], item["sk"]["S"]) == (f"STATE#{DEVICE.session_hash}", "DEVICE")
    assert 0 <= int(item["ttl"]["N"]) - DEVICE.expires_at.timestamp() <= 60
