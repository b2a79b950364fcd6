"""One suite for `AuthorizationStore`: on the fake, and on DynamoDB as moto plays it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.adapters.dynamodb_authorizations import DynamoDBAuthorizations
from evertoken.domain.authorization import PendingAuthorization, ReturnedAuthorization
from evertoken.domain.connection import PublicationMode, RefreshPolicy, Sealed
from evertoken.domain.errors import UserMismatchError
from tests.fakes.authorizations import MemoryAuthorizations
from tests.support.aws_account import TABLE

NOW = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)
PENDING = PendingAuthorization(
    state_hash="5" * 64,
    session_hash="e" * 64,
    tenant_id="acme",
    user_id="user é",
    connection_id="con_a",
    provider_id="github",
    registration_id="github-acme",
    binding="b" * 32,
    parameters={"shop": "acme"},
    redirect_uri="https://evertoken.example/v1/oauth/callback/github-acme",
    return_url="https://app.example/back",
    scopes=("repo", "user"),
    account=None,
    name="",
    policy=RefreshPolicy.LAZY,
    publication=PublicationMode.API_ONLY,
    sealed_verifier=Sealed(key_id="2026-11", ciphertext=b"\x00verifier"),
    created_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
)
RETURNED = ReturnedAuthorization(
    pending=PENDING,
    sealed_code=Sealed(key_id="2026-11", ciphertext=b"\x00code"),
    extra=(("realm", "1"),),
    returned_at=NOW,
    expires_at=NOW + timedelta(minutes=2),
)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request):
    if request.param == "memory":
        return MemoryAuthorizations()
    return DynamoDBAuthorizations(request.getfixturevalue("dynamodb"), TABLE)


def test_a_pending_authorization_comes_back_as_it_was_put(store):
    store.put_pending(PENDING)

    assert store.take_pending(PENDING.state_hash) == PENDING


def test_one_without_verifier_policy_and_publication_comes_back_as_it_was_put(store):
    bare = replace(
        PENDING,
        sealed_verifier=None,
        policy=None,
        publication=None,
        account="main",
        scopes=(),
        parameters={},
    )
    store.put_pending(bare)

    assert store.take_pending(bare.state_hash) == bare


def test_a_state_is_taken_once(store):
    store.put_pending(PENDING)
    store.take_pending(PENDING.state_hash)

    assert store.take_pending(PENDING.state_hash) is None


def test_an_unknown_state_is_not_there(store):
    assert store.take_pending("0" * 64) is None


def test_of_twenty_that_take_one_state_at_once_one_gets_it(store):
    store.put_pending(PENDING)

    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(lambda _: store.take_pending(PENDING.state_hash), range(20)))

    assert [one for one in taken if one is not None] == [PENDING]


def test_a_returned_authorization_comes_back_to_its_tenant_and_user_once(store):
    store.put_returned(RETURNED)

    assert store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="user é") == RETURNED
    assert store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="user é") is None


def test_another_tenant_finds_nothing_and_takes_nothing(store):
    store.put_returned(RETURNED)

    for _ in range(10):
        assert store.take_returned(PENDING.session_hash, tenant_id="other", user_id="user é") is None
    assert store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="user é") == RETURNED


def test_four_tries_with_another_user_leave_the_session(store):
    store.put_returned(RETURNED)

    for _ in range(4):
        with pytest.raises(UserMismatchError):
            store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="mallory")
    assert store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="user é") == RETURNED


def test_the_fifth_try_with_another_user_ends_the_session(store):
    store.put_returned(RETURNED)

    for _ in range(5):
        with pytest.raises(UserMismatchError):
            store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="mallory")
    assert store.take_returned(PENDING.session_hash, tenant_id="acme", user_id="user é") is None


def test_one_that_was_stored_before_connections_had_parameters_can_still_be_completed(dynamodb):
    store = DynamoDBAuthorizations(dynamodb, TABLE)
    store.put_pending(PENDING)
    key = {"pk": {"S": f"STATE#{PENDING.state_hash}"}, "sk": {"S": "STATE"}}
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="REMOVE #parameters",
        ExpressionAttributeNames={"#parameters": "parameters"},
    )

    assert store.take_pending(PENDING.state_hash) == replace(PENDING, parameters={})


def test_the_items_are_keyed_by_hashes_and_go_by_themselves(dynamodb):
    store = DynamoDBAuthorizations(dynamodb, TABLE)
    store.put_pending(PENDING)
    store.put_returned(RETURNED)

    items = {item["sk"]["S"]: item for item in dynamodb.scan(TableName=TABLE)["Items"]}

    assert items["STATE"]["pk"]["S"] == f"STATE#{PENDING.state_hash}"
    assert items["SESSION"]["pk"]["S"] == f"STATE#{PENDING.session_hash}"
    assert 0 <= int(items["STATE"]["ttl"]["N"]) - PENDING.expires_at.timestamp() <= 60
    assert 0 <= int(items["SESSION"]["ttl"]["N"]) - RETURNED.expires_at.timestamp() <= 60
