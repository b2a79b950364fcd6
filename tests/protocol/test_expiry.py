"""When tokens and grants end, in every way in which answers say so."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.answer_shape import AnswerShape, ExpiryKind, ExpiryShape
from evertoken.domain.outcome import Issued
from evertoken.domain.provider import Rotation, RotationClass
from evertoken.protocol.expiry import MAX_LIFETIME_SECONDS, end_of_grant, parse_lifetime
from evertoken.protocol.token_answer import Operation
from tests.protocol.clients import NOW, json_answer, parse, shape_provider

EPOCH = int(NOW.timestamp())
YEAR = MAX_LIFETIME_SECONDS
OVER, LONG, UNREADABLE = "expires_in_not_positive", "expires_in_too_long", "expires_in_unreadable"


def jwt_with(claims):
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode() + ".c2ln"


def issued(members, operation=Operation.REFRESH, *, expiry=None, **facts):
    answer = facts.pop("answer", None) or AnswerShape(expiry=expiry or ExpiryShape())
    document = {"access_token": "at", "token_type": "bearer", "expires_in": 60, **members}
    outcome = parse(json_answer(document), shape_provider(answer=answer, **facts), operation)
    assert isinstance(outcome, Issued), outcome
    return outcome


@pytest.mark.parametrize(
    ("kind", "value", "seconds", "anomaly"),
    [
        ("milliseconds", 7_200_000, 7200, None),
        ("milliseconds", "7200999", 7200, None),
        ("milliseconds", 999, 0, OVER),
        ("milliseconds", 10**30, YEAR, LONG),
        ("epoch_seconds", EPOCH + 3600, 3600, None),
        ("epoch_seconds", str(EPOCH + 3600), 3600, None),
        ("epoch_seconds", EPOCH + 3600.5, 3600.5, None),
        ("epoch_seconds", EPOCH - 1, 0, OVER),
        ("epoch_seconds", 3600, 0, OVER),
        ("epoch_seconds", 0, 0, OVER),
        ("epoch_seconds", -(10**30), 0, OVER),
        ("epoch_seconds", 10**30, YEAR, LONG),
        ("epoch_seconds", 1e300, YEAR, LONG),
        ("epoch_seconds", (EPOCH + 60) * 1000, YEAR, LONG),
        ("epoch_seconds", [EPOCH], None, UNREADABLE),
        ("epoch_seconds", True, None, UNREADABLE),
        ("epoch_milliseconds", (EPOCH + 60) * 1000, 60, None),
        ("epoch_milliseconds", str((EPOCH + 60) * 1000 + 250), 60.25, None),
        ("epoch_milliseconds", EPOCH + 60, 0, OVER),
        ("epoch_milliseconds", 10**39, YEAR, LONG),
        ("iso_8601", "2026-11-21T13:00:00Z", 3600, None),
        ("iso_8601", "2026-11-21t13:00:00.5z", 3600.5, None),
        ("iso_8601", "2026-11-21T14:00:00+01:00", 3600, None),
        ("iso_8601", "2026-11-21T13:00:00", 3600, None),
        ("iso_8601", "2026-11-21 13:00:00", 3600, None),
        ("iso_8601", "20261121T130000Z", 3600, None),
        ("iso_8601", "2026-11-22", 43_200, None),
        ("iso_8601", "2026-11-21T11:59:59Z", 0, OVER),
        ("iso_8601", "0001-01-01T00:00:00+23:59", 0, OVER),
        ("iso_8601", "9999-12-31T23:59:59-23:59", YEAR, LONG),
        ("iso_8601", "soon", None, UNREADABLE),
        ("iso_8601", "", None, UNREADABLE),
        ("iso_8601", "2026-11-21T13:00:00Z" + "0" * 100, None, UNREADABLE),
        ("iso_8601", 1_795_262_400, None, UNREADABLE),
        ("jwt_exp", jwt_with({"exp": EPOCH + 3600}), 3600, None),
        ("jwt_exp", jwt_with({"exp": str(EPOCH + 3600)}), 3600, None),
        ("jwt_exp", jwt_with({"exp": EPOCH}), 0, OVER),
        ("jwt_exp", jwt_with({"exp": 10**400}), YEAR, LONG),
        ("jwt_exp", jwt_with({"exp": None}), None, UNREADABLE),
        ("jwt_exp", jwt_with({"exp": float("nan")}), None, UNREADABLE),
        ("jwt_exp", jwt_with({}), None, UNREADABLE),
        ("jwt_exp", jwt_with([]), None, UNREADABLE),
        ("jwt_exp", "opaque", None, UNREADABLE),
        ("jwt_exp", "a." + "W1" * 9 + ".c", None, UNREADABLE),
    ],
)
def test_an_expiry_of_every_kind_is_read_however_it_is_written(kind, value, seconds, anomaly):
    lifetime = parse_lifetime(value, ExpiryShape(kind=ExpiryKind(kind)), NOW)
    assert (lifetime.seconds, lifetime.anomaly, lifetime.is_endless) == (seconds, anomaly, False)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.datetimes().map(str)
    | st.just([])
    | st.dictionaries(st.just("exp"), st.integers() | st.floats() | st.text(max_size=9)).map(jwt_with),
    shape=st.builds(ExpiryShape, kind=st.sampled_from(list(ExpiryKind)), zero_is_never=st.booleans()),
)
def test_no_value_makes_reading_fail_or_leave_the_bounds(value, shape):
    lifetime = parse_lifetime(value, shape, NOW)
    assert lifetime.seconds is None or 0 <= lifetime.seconds <= YEAR
    assert lifetime.seconds is None or not lifetime.is_endless
    assert NOW + timedelta(seconds=lifetime.seconds or 0) >= NOW


def test_zero_less_and_null_mean_never_only_where_the_entry_says_so():
    never = ExpiryShape(zero_is_never=True)
    for value in (0, "0", 0.0, -1, "-1", None):
        assert issued({"expires_in": value}, expiry=never).token_set.expires_at is None
        assert issued({"expires_in": value}, expiry=never).anomalies == ()
    for value in (0, -1):
        assert issued({"expires_in": value}).token_set.expires_at == NOW
    assert issued({"expires_in": None}).anomalies == ("expires_in_assumed",)
    left_out = parse(json_answer({"access_token": "at"}), shape_provider(answer=AnswerShape(expiry=never)))
    assert isinstance(left_out, Issued)
    assert left_out.token_set.expires_at == NOW + timedelta(hours=1)


def test_a_jwt_says_itself_when_it_ends_whatever_else_the_answer_says():
    token = jwt_with({"exp": EPOCH + 900})
    outcome = issued({"access_token": token}, expiry=ExpiryShape(kind=ExpiryKind.JWT_EXP))
    assert outcome.token_set.expires_at == NOW + timedelta(seconds=900)


def test_a_refresh_token_ends_at_the_earlier_of_what_the_answer_and_the_entry_say():
    day = 86_400
    for stated, known, ends in ((30 * day, 90 * day, 30), (90 * day, 30 * day, 30), (None, 30 * day, 30)):
        members = {"refresh_token": "rt", "refresh_token_expires_in": stated}
        token_set = issued(members, refresh_token_lifetime_seconds=known).token_set
        assert token_set.refresh_token_expires_at == NOW + timedelta(days=ends)
    for nothing in (0, "0", -1, None, "soon"):
        members = {"refresh_token": "rt", "refresh_token_expires_in": nothing}
        assert issued(members).token_set.refresh_token_expires_at is None


def test_a_refresh_tokens_expiry_may_be_of_a_kind_of_its_own():
    shape = AnswerShape(
        members={"refresh_token_expires_in": ("rt_ends",)},
        refresh_token_expiry=ExpiryShape(kind=ExpiryKind.EPOCH_MILLISECONDS, zero_is_never=True),
    )
    members = {"refresh_token": "rt", "rt_ends": (EPOCH + 900) * 1000, "refresh_token_expires_in": 5}
    token_set = issued(members, answer=shape).token_set
    assert token_set.refresh_token_expires_at == NOW + timedelta(seconds=900)


def test_a_static_refresh_token_that_an_answer_repeats_is_not_taken_for_a_new_one():
    facts = {"refresh_token_lifetime_seconds": 86_400, "rotation": Rotation(kind=RotationClass.STATIC)}
    members = {"refresh_token": "rt"}
    assert issued(members, **facts).token_set.refresh_token_expires_at is None
    first = issued(members, Operation.CODE_EXCHANGE, **facts).token_set
    assert first.refresh_token_expires_at == NOW + timedelta(days=1)
    used = issued(members, **facts, use_extends_refresh_token=True).token_set
    assert used.refresh_token_expires_at == NOW + timedelta(days=1)


def test_a_grant_ends_a_fixed_time_after_the_consent_where_the_entry_knows_it():
    provider = replace(shape_provider(), grant_lifetime_seconds=86_400)
    assert end_of_grant(provider, NOW) == NOW + timedelta(days=1)
    assert end_of_grant(provider, None) is None
    assert end_of_grant(shape_provider(), NOW) is None
