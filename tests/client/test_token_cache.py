"""What a process remembers, and for how long."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.client import SecretShapeError, TemporarilyUnavailableError, Token
from evertoken.client.token import decode_token
from evertoken.client.token_cache import ENDLESS_TOKEN_SECONDS, TokenCache, margin_seconds
from tests.client.reader_world import document

NOW = 1_000_000.0
ID = "con_1"


def token(generation, *, endless=False):
    expires_at = None if endless else datetime.fromtimestamp(NOW + 3600, UTC)
    return Token(
        access_token=f"token-{generation}", generation=generation, connection_id=ID, expires_at=expires_at
    )


def keep(cache, generation, *, remaining=3600.0, now=NOW):
    cache.keep(ID, token(generation), remaining_seconds=remaining, now=now)


@pytest.mark.parametrize(
    ("remaining", "margin"), [(3600, 120), (1200, 120), (600, 60), (60, 6), (10, 1), (9, 0), (0.5, 0)]
)
def test_the_margin_is_a_tenth_of_the_life_and_two_minutes_at_most(remaining, margin):
    assert margin_seconds(remaining) == pytest.approx(margin)


def test_a_token_is_served_until_its_margin_and_not_after():
    cache = TokenCache()
    keep(cache, 1)
    assert cache.find(ID, 0, NOW + 3600 - 120.1).generation == 1
    assert cache.find(ID, 0, NOW + 3600 - 120) is None


def test_a_token_that_lives_shorter_than_asked_for_is_not_served():
    cache = TokenCache()
    keep(cache, 1)
    assert cache.find(ID, 3599, NOW) is not None
    assert cache.find(ID, 3600, NOW) is None


def test_a_token_without_an_end_is_looked_at_again_after_an_hour():
    cache = TokenCache()
    cache.keep(ID, token(1, endless=True), remaining_seconds=math.inf, now=NOW)
    assert cache.find(ID, 86_400, NOW + ENDLESS_TOKEN_SECONDS - 1) is not None
    assert cache.find(ID, 0, NOW + ENDLESS_TOKEN_SECONDS) is None
    assert cache.entry(ID).token_good_for(0, NOW + 10 * ENDLESS_TOKEN_SECONDS) is not None


def test_a_generation_never_falls():
    cache = TokenCache()
    keep(cache, 5)
    keep(cache, 4)
    assert cache.find(ID, 0, NOW).generation == 5


def test_a_withdrawn_connection_serves_nothing_and_still_takes_no_older_generation():
    cache = TokenCache()
    keep(cache, 5)
    cache.withdraw(ID, TemporarilyUnavailableError("gone"))
    assert cache.find(ID, 0, NOW) is None
    keep(cache, 4)
    assert cache.find(ID, 0, NOW) is None
    keep(cache, 6)
    assert cache.find(ID, 0, NOW).generation == 6


def test_a_refused_generation_is_not_served_and_a_newer_one_is():
    cache = TokenCache()
    keep(cache, 5)
    cache.refuse(ID, 5, lately_seconds=600, now=NOW)
    assert cache.find(ID, 0, NOW) is None
    keep(cache, 5)
    assert cache.find(ID, 0, NOW) is None
    keep(cache, 6)
    assert cache.find(ID, 0, NOW).generation == 6


def test_a_late_refusal_of_an_old_generation_takes_nothing_away():
    cache = TokenCache()
    keep(cache, 6)
    cache.refuse(ID, 5, lately_seconds=600, now=NOW)
    assert cache.find(ID, 0, NOW).generation == 6


def test_what_is_put_off_is_served_until_it_expires_at_most():
    cache = TokenCache()
    keep(cache, 1, remaining=100.0)
    cache.put_off(ID, TemporarilyUnavailableError("later"), until=NOW + 500)
    assert cache.find(ID, 0, NOW + 99.9) is not None
    assert cache.find(ID, 0, NOW + 100) is None


def test_forgetting_takes_the_generation_too():
    cache = TokenCache()
    keep(cache, 5)
    cache.forget(ID)
    keep(cache, 1)
    assert cache.find(ID, 0, NOW).generation == 1
    cache.forget()
    assert cache.find(ID, 0, NOW) is None


def test_the_memory_is_bounded():
    cache = TokenCache(most_connections=3)
    for number in range(5):
        cache.keep(f"con_{number}", token(1), remaining_seconds=3600, now=NOW)
    assert [cache.find(f"con_{number}", 0, NOW) is not None for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_token_says_neither_itself_nor_its_extras():
    secret = Token(access_token="very-secret", extra={"session": "also-secret"}, generation=3)
    assert "secret" not in repr(secret)
    assert secret.authorization == "Bearer very-secret"
    assert Token(access_token="x", token_type="bearer").authorization == "Bearer x"
    assert Token(access_token="x", token_type="Zoho-oauthtoken").authorization == "Zoho-oauthtoken x"


def test_fresh_means_good_beyond_the_margin():
    now = datetime.now(UTC)
    short = Token(access_token="x", expires_at=now + timedelta(seconds=60))
    assert short.is_fresh(59, now)
    assert not short.is_fresh(60, now)
    assert short.is_fresh()
    assert Token(access_token="x").is_fresh(10**9, now)


SHAPES = [
    ("[]", "not a JSON object"),
    ("not json at all", "not JSON"),
    ("[" * 100_000, "not JSON"),
    ('{"password": "hunter2"}', "access_token"),
    ({"access_token": 7}, "access_token"),
    ({"access_token": "line\r\nX-Evil: 1"}, "access_token"),
    ({"access_token": ""}, "access_token"),
    ({"token_type": "Bea\nrer"}, "token_type"),
    ({"token_type": None}, "token_type"),
    ({"scope": ["read"]}, "scope"),
    ({"generation": "1"}, "generation"),
    ({"generation": True}, "generation"),
    ({"generation": -1}, "generation"),
    ({"generation": None}, "generation"),
    ({"extra": []}, "extra"),
    ({"expires_at": 1234567890}, "expires_at"),
    ({"expires_at": "2026-11-21T13:00:00"}, "expires_at"),
    ({"expires_at": "tomorrow"}, "expires_at"),
    ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
]


@pytest.mark.parametrize(("change", "named"), SHAPES, ids=[str(number) for number in range(len(SHAPES))])
def test_another_shape_is_an_error_that_names_the_member_and_not_the_content(change, named):
    text = change if isinstance(change, str) else json.dumps({**document(1, None), **change})
    with pytest.raises(SecretShapeError, match=named) as caught:
        decode_token(text, where="The secret a/b")
    assert "hunter2" not in str(caught.value)
    assert "token-1" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "  ", "{}", "null", '{"access_token": null, "withdrawn": true}'])
def test_an_empty_secret_and_a_withdrawal_hold_no_token(text):
    assert decode_token(text, where="The secret a/b") is None


def test_members_of_a_later_version_are_ignored():
    text = json.dumps({**document(4, None), "colour": "blue"})
    assert decode_token(text, where="The secret a/b").generation == 4
