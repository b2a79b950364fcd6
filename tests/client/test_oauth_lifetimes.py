"""When a token ends, however the provider says it."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.client import OAuthTokens
from evertoken.client.oauth_lifetime import find_expiry

SENT_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON_SECONDS = int(SENT_AT.timestamp())


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": " 60 "}, 60),
        ({"expires_in": 59.5}, 59.5),
        ({"expires_in": "59.5"}, 59.5),
        ({"expires_in": 86_400 * 60}, 86_400 * 60),
        ({"expires_in": NOON_SECONDS + 90}, 90),
        ({"expires_in": (NOON_SECONDS + 90) * 1000}, 90),
        ({"expires_in": str(NOON_SECONDS + 90)}, 90),
        ({"expires_at": NOON_SECONDS + 90}, 90),
        ({"expires_at": (NOON_SECONDS + 90) * 1000}, 90),
        ({"expires_at": "2026-11-21T12:01:30Z"}, 90),
        ({"expires_at": "2026-11-21T13:01:30+01:00"}, 90),
        ({"expires_at": "2026-11-21t12:01:30z"}, 90),
        ({"expires_at": "2026-11-21 12:01:30"}, 90),
        ({"expires_in": 30, "expires_at": NOON_SECONDS + 90}, 30),
        ({"expires_in": None, "expires_at": NOON_SECONDS + 90}, 90),
        ({"expires_in": 0, "expires_at": NOON_SECONDS + 90}, 90),
    ],
)
def test_what_is_said_is_understood(answer, seconds):
    assert find_expiry(answer, SENT_AT) == SENT_AT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [None, 0, -1, "0", "-5", "", "soon", "1e3", "١٢", True, [], {}, math.nan, math.inf, -math.inf, 10**14, 10**400, "9" * 400, NOON_SECONDS, NOON_SECONDS - 1, "2026-11-21T11:00:00Z", "9999-99-99", "2" * 70],
)  # fmt: skip
def test_what_says_nothing_means_until_it_is_refused(value):
    assert find_expiry({"expires_in": value}, SENT_AT) is None
    assert find_expiry({"expires_at": value}, SENT_AT) is None
    assert find_expiry({}, SENT_AT) is None


def test_milliseconds_are_read_where_the_configuration_says_so():
    assert find_expiry({"expires_in": 3_600_000}, SENT_AT, "milliseconds") == SENT_AT + timedelta(hours=1)
    assert find_expiry({"expires_in": 10**13}, SENT_AT, "milliseconds") is None


@pytest.mark.parametrize(
    ("life", "margin"), [(1, 0.1), (60, 6), (600, 60), (3000, 300), (3600, 300), (86_400, 300)]
)
def test_the_margin_is_a_tenth_of_the_life_and_five_minutes_at_most(life, margin):
    tokens = OAuthTokens(access_token="a", issued_at=SENT_AT, expires_at=SENT_AT + timedelta(seconds=life))
    assert tokens.refresh_margin_seconds == pytest.approx(margin)
    assert tokens.is_fresh(now=tokens.expires_at - timedelta(seconds=margin * 1.01))
    assert not tokens.is_fresh(now=tokens.expires_at - timedelta(seconds=margin))
    assert tokens.is_fresh(0, tokens.expires_at - timedelta(microseconds=1))
    assert not tokens.is_fresh(0, tokens.expires_at)


def test_a_token_without_an_end_is_always_fresh():
    assert OAuthTokens(access_token="a", issued_at=SENT_AT).is_fresh(10**9)


@pytest.mark.parametrize(
    ("token_type", "header"), [("Bearer", "Bearer a"), ("bearer", "Bearer a"), ("DPoP", "DPoP a")]
)
def test_the_header_has_the_scheme_of_the_token(token_type, header):
    assert OAuthTokens(access_token="a", issued_at=SENT_AT, token_type=token_type).authorization == header
