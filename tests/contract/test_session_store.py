"""One suite for the store of sessions: on the fake, and on DynamoDB as moto plays it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from evertoken.adapters.dynamodb_sessions import DynamoDBSessions
from evertoken.control_ports import NotRotated, Rotated, SessionChange
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.session import Profile, Session, SessionEnd, SessionToken, new_session_id
from tests.fakes.sessions import MemorySessions
from tests.simulation.mutation import Mutant, applied
from tests.support.aws_account import TABLE, open_aws_account

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def session_of(user_id="ann", tenant_id="acme", number=0, **changes):
    session = Session(
        tenant_id=tenant_id,
        session_id=new_session_id(tenant_id, user_id, str(number)),
        user_id=user_id,
        role="PATIENT",
        profile=Profile(email="ann@example.com", name="Ann é"),
        authenticated_at=NOW,
        ends_at=after(43_200),
        token_id="one",
        token_role="PATIENT",
        rotated_at=NOW,
    )
    return replace(session, **changes)


SESSION = session_of()


def presented(token_id="one", session=SESSION):
    return SessionToken(
        tenant_id=session.tenant_id,
        session_id=session.session_id,
        user_id=session.user_id,
        token_id=token_id,
        authenticated_at=session.authenticated_at,
    )


@pytest.fixture(scope="module")
def account():
    with open_aws_account():
        yield boto3.client("dynamodb")


@pytest.fixture(params=["fake", "dynamodb"])
def store(request):
    if request.param == "fake":
        return MemorySessions()
    return build_dynamodb(request.getfixturevalue("account"))


def build_dynamodb(client):
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
    return DynamoDBSessions(client, TABLE)


def stored(store, session=SESSION):
    return store.find(session.tenant_id, session.session_id)


def test_a_session_comes_back_as_it_was_created(store):
    bare = session_of("bob", profile=Profile())
    for session in (SESSION, bare):
        store.create(session)
        store.create(session)

    assert stored(store) == SESSION
    assert stored(store, bare) == bare
    assert store.find("acme", "ses_nobodys") is None
    assert store.find("beta", SESSION.session_id) is None


def test_a_rotation_makes_the_successor_the_newest_token(store):
    store.create(SESSION)

    rotated = store.rotate(presented(), successor="two", now=after(10.5))

    expected = replace(SESSION, token_id="two", previous_token_id="one", generation=2, rotated_at=after(10.5))
    assert rotated == Rotated(session=expected)
    assert stored(store) == expected


def test_a_rotation_copies_the_role_that_is_stored_at_that_moment(store):
    store.create(SESSION)
    store.change("acme", SESSION.session_id, SessionChange(role="VISITOR"), now=after(1))

    assert stored(store).token_role == "PATIENT"
    assert store.rotate(presented(), successor="two", now=after(2)).session.token_role == "VISITOR"


@pytest.mark.parametrize("token_id", ["zero", "", "two"])
def test_only_the_newest_token_is_rotated_and_the_refusal_shows_the_session(store, token_id):
    store.create(SESSION)

    assert store.rotate(presented(token_id), successor="new", now=after(1)) == NotRotated(session=SESSION)
    assert stored(store) == SESSION


def test_a_parent_is_not_rotated_again(store):
    store.create(SESSION)
    rotated = store.rotate(presented(), successor="two", now=after(1)).session

    assert store.rotate(presented(), successor="three", now=after(2)) == NotRotated(session=rotated)
    assert stored(store) == rotated


def test_the_session_of_another_tenant_is_not_there(store):
    store.create(SESSION)
    foreign = replace(presented(), tenant_id="beta")

    assert store.rotate(foreign, successor="two", now=NOW) == NotRotated(session=None)
    assert store.change("beta", SESSION.session_id, SessionChange(role="x"), now=NOW) is None
    assert store.revoke("beta", SESSION.session_id, because=SessionEnd.REVOKED, now=NOW) is None
    assert stored(store) == SESSION
    assert store.find("beta", SESSION.session_id) is None


def test_a_revoked_session_is_neither_rotated_nor_changed(store):
    store.create(SESSION)
    assert store.revoke("acme", SESSION.session_id, because=SessionEnd.SIGNED_OUT, now=after(5)) is True
    revoked = replace(SESSION, revoked_at=after(5), revoked_because=SessionEnd.SIGNED_OUT)

    assert store.rotate(presented(), successor="two", now=after(6)) == NotRotated(session=revoked)
    assert store.change("acme", SESSION.session_id, SessionChange(role="x"), now=after(6)) is None
    assert stored(store) == revoked


def test_a_session_is_ended_once_and_keeps_the_first_reason(store):
    store.create(SESSION)
    store.revoke("acme", SESSION.session_id, because=SessionEnd.REUSE_DETECTED, now=after(5))

    assert store.revoke("acme", SESSION.session_id, because=SessionEnd.SIGNED_OUT, now=after(6)) is False
    assert stored(store).revoked_because is SessionEnd.REUSE_DETECTED
    assert stored(store).revoked_at == after(5)


def test_at_its_absolute_end_a_session_is_neither_rotated_nor_changed(store):
    store.create(SESSION)

    assert store.rotate(presented(), successor="two", now=after(43_200)) == NotRotated(session=SESSION)
    assert store.change("acme", SESSION.session_id, SessionChange(role="x"), now=after(43_200)) is None
    assert isinstance(store.rotate(presented(), successor="two", now=after(43_199.9)), Rotated)


def test_a_change_leaves_what_it_does_not_name_and_replaces_a_profile_whole(store):
    store.create(SESSION)

    store.change("acme", SESSION.session_id, SessionChange(role="NURSE"), now=after(1))
    assert stored(store) == replace(SESSION, role="NURSE")
    changed = store.change(
        "acme", SESSION.session_id, SessionChange(profile=Profile(name="Anna")), now=after(2)
    )
    assert changed == stored(store) == replace(SESSION, role="NURSE", profile=Profile(name="Anna"))


def test_lists_hold_one_tenants_sessions_or_one_users_page_by_page(store):
    own = [session_of("ann", number=one) for one in range(5)]
    others = [session_of("bob", number=one) for one in range(2)]
    foreign = session_of("ann", "beta")
    for session in (*own, *others, foreign):
        store.create(session)

    def walk(user_id, limit):
        position, pages = None, []
        while True:
            page = store.list("acme", user_id=user_id, limit=limit, position=position)
            assert len(page.sessions) <= limit
            pages.extend(page.sessions)
            position = page.position
            if position is None:
                return pages

    for limit in (1, 2, 5, 100):
        assert sorted(walk(None, limit), key=by_id) == sorted(own + others, key=by_id)
        assert walk("ann", limit) == sorted(own, key=by_id)
    assert walk("nobody", 10) == []
    assert store.list("gamma", user_id=None, limit=10, position=None).sessions == ()


def by_id(session):
    return session.session_id


def test_two_users_whose_ids_begin_alike_are_not_mixed_up(store):
    store.create(SESSION)
    twin = replace(SESSION, user_id="twin", session_id=SESSION.session_id[:-1] + "a")
    store.create(twin)

    assert store.list("acme", user_id="ann", limit=10, position=None).sessions == (SESSION,)


# ------------------------------------------------------------------------------------------------- DynamoDB alone


def counted(client):
    """A client that lists its calls."""
    calls: list[str] = []
    own = boto3.client("dynamodb")
    own.meta.events.register("before-call.*.*", lambda model, **_: calls.append(model.name))
    return own, calls


def test_each_rotation_change_and_end_is_one_write_and_no_read_done_or_refused(account):
    build_dynamodb(account)
    client, calls = counted(account)
    store = DynamoDBSessions(client, TABLE)
    store.create(SESSION)
    calls.clear()

    store.rotate(presented(), successor="two", now=after(1))
    store.rotate(presented(), successor="three", now=after(1))
    store.change("acme", SESSION.session_id, SessionChange(role="x", profile=Profile()), now=after(2))
    store.revoke("acme", SESSION.session_id, because=SessionEnd.REVOKED, now=after(3))
    store.revoke("acme", SESSION.session_id, because=SessionEnd.REVOKED, now=after(3))

    assert calls == ["UpdateItem"] * 5


def test_an_item_goes_by_itself_a_day_after_its_end_and_holds_no_token(account):
    build_dynamodb(account).create(SESSION)
    (item,) = account.scan(TableName=TABLE)["Items"]

    assert item["pk"] == {"S": "SESSIONS#acme"}
    assert item["ttl"] == {"N": str(int(after(43_200 + 86_400).timestamp()))}
    assert "eyJ" not in repr(item)


def test_a_users_list_reads_what_it_returns_and_not_the_tenants_other_sessions(account):
    store = build_dynamodb(account)
    for number in range(3):
        store.create(session_of("ann", number=number))
    for number in range(300):
        store.create(session_of(f"user-{number}", number=number))
    read: list[int] = []
    client = boto3.client("dynamodb")
    client.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["ScannedCount"])
    )

    page = DynamoDBSessions(client, TABLE).list("acme", user_id="ann", limit=50, position=None)

    assert len(page.sessions) == 3
    assert sum(read) == 3


def test_a_store_that_does_not_answer_is_unavailable(account):
    class Silent:
        def __getattr__(self, name: str) -> Any:
            def call(**_: Any) -> Any:
                raise ReadTimeoutError(endpoint_url="https://dynamodb")

            return call

    silent = DynamoDBSessions(Silent(), TABLE)
    for call in (
        partial(silent.create, SESSION),
        partial(silent.find, "acme", "x"),
        partial(silent.list, "acme", user_id=None, limit=1, position=None),
        partial(silent.rotate, presented(), successor="two", now=NOW),
        partial(silent.change, "acme", "x", SessionChange(role="x"), now=NOW),
        partial(silent.revoke, "acme", "x", because=SessionEnd.REVOKED, now=NOW),
    ):
        with pytest.raises(StoreUnavailableError):
            call()


# ------------------------------------------------------------------------------------------------- mistakes

MODULE = "evertoken.adapters.dynamodb_sessions"
MISTAKES: dict[str, tuple[str, str, str, Any]] = {
    "any token rotates": (
        "rotate",
        "_IS_NEWEST_AND_LIVE",
        "_IS_NEWEST_AND_LIVE.replace('token_id = :presented', '(token_id = :presented OR attribute_exists(pk))')",
        test_a_parent_is_not_rotated_again,
    ),
    "a revoked session rotates": (
        "rotate",
        "_IS_NEWEST_AND_LIVE",
        "_IS_NEWEST_AND_LIVE.replace('attribute_not_exists(revoked_at)', 'attribute_exists(pk)')",
        test_a_revoked_session_is_neither_rotated_nor_changed,
    ),
    "a session rotates past its end": (
        "rotate",
        "_IS_NEWEST_AND_LIVE",
        "_IS_NEWEST_AND_LIVE.replace('ends_at > :now', 'rotated_at <= :now')",
        test_at_its_absolute_end_a_session_is_neither_rotated_nor_changed,
    ),
    "the parent is forgotten": (
        "rotate",
        "_ROTATE",
        "_ROTATE.replace('previous_token_id = token_id, ', '')",
        test_a_rotation_makes_the_successor_the_newest_token,
    ),
    "the generation stands still": (
        "rotate",
        '":one": 1',
        '":one": 0',
        test_a_rotation_makes_the_successor_the_newest_token,
    ),
    "the role is the old token's": (
        "rotate",
        "_ROTATE",
        "_ROTATE.replace('token_role = #role', 'token_role = if_not_exists(token_role, #role)')",
        test_a_rotation_copies_the_role_that_is_stored_at_that_moment,
    ),
    "a change after the end": (
        "change",
        '.require("ends_at", ">", now)',
        "",
        test_at_its_absolute_end_a_session_is_neither_rotated_nor_changed,
    ),
    "a change after logout": (
        "change",
        '.require_absent("revoked_at")',
        "",
        test_a_revoked_session_is_neither_rotated_nor_changed,
    ),
    "ended again": (
        "revoke",
        '.require_absent("revoked_at")',
        "",
        test_a_session_is_ended_once_and_keeps_the_first_reason,
    ),
    "ending makes a session": (
        "revoke",
        '.require_present("token_id")',
        "",
        test_the_session_of_another_tenant_is_not_there,
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_condition_that_the_adapter_forgets_is_seen(name, account):
    method, old, new, sentence = MISTAKES[name]
    mutant = Mutant(
        name=name,
        module=MODULE,
        function=f"DynamoDBSessions.{method}",
        old=old,
        new=new,
        probe="",
        breach="",
    )
    store = build_dynamodb(account)
    with applied(mutant), pytest.raises((AssertionError, KeyError)):
        sentence(store)


def test_the_sentences_hold_without_a_mistake(account):
    for _, _, _, sentence in MISTAKES.values():
        sentence(build_dynamodb(account))
