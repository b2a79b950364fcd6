"""The device authorization grant (RFC 8628): what is shown to the user, and what the answers to our questions mean."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.answer_shape import AnswerShape
from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.protocol.device_answer import DeviceAuthorization, parse_device_authorization
from evertoken.protocol.token_answer import Operation
from tests.protocol.clients import NOW, json_answer, parse, shape_provider

PROVIDER = shape_provider(device_authorization_endpoint="https://login.example.com/device")
GOOD = {
    "device_code": "dc-1",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT",
    "expires_in": 1800,
    "interval": 7,
}


def read(exchange, provider=PROVIDER):
    return parse_device_authorization(provider, exchange, NOW)


def test_the_answer_of_rfc_8628_is_read_and_its_codes_are_not_shown():
    found = read(json_answer(GOOD))
    assert found == DeviceAuthorization(
        device_code="dc-1",
        user_code="WDJB-MJHT",
        verification_uri="https://example.com/device",
        verification_uri_complete="https://example.com/device?user_code=WDJB-MJHT",
        expires_at=NOW + timedelta(minutes=30),
        interval_seconds=7,
    )
    assert "dc-1" not in repr(found)
    assert "WDJB" not in repr(found)


@pytest.mark.parametrize(
    ("changes", "interval", "lifetime"),
    [
        ({"interval": None}, 5, 1800),
        ({"interval": 0}, 5, 1800),
        ({"interval": -1}, 5, 1800),
        ({"interval": "8"}, 8, 1800),
        ({"interval": 2.5}, 3, 1800),
        ({"interval": 10**30}, 3600, 1800),
        ({"interval": True}, 5, 1800),
        ({"expires_in": None}, 7, 300),
        ({"expires_in": 0}, 7, 300),
        ({"expires_in": "600"}, 7, 600),
        ({"expires_in": 10**30}, 7, 86_400),
    ],
)
def test_odd_intervals_and_lifetimes_have_the_defaults_and_bounds(changes, interval, lifetime):
    found = read(json_answer({**GOOD, **changes}))
    assert (found.interval_seconds, found.expires_at) == (interval, NOW + timedelta(seconds=lifetime))


def test_the_page_may_have_its_old_name_and_the_members_the_entrys():
    old = {name: value for name, value in GOOD.items() if name != "verification_uri"}
    assert read(json_answer({**old, "verification_url": "https://example.com/d"})).verification_uri == (
        "https://example.com/d"
    )
    nested = replace(PROVIDER, answer=AnswerShape(token_paths=("", "/data")))
    assert read(json_answer({"data": GOOD}), nested).device_code == "dc-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"device_code": ""},
        {"device_code": 7},
        {"device_code": "a b"},
        {"device_code": "a\nb"},
        {"device_code": "x" * 9000},
        {"user_code": ""},
        {"user_code": "  "},
        {"user_code": "a\x07"},
        {"user_code": "x" * 65},
        {"verification_uri": "http://example.com/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://a@example.com/"},
        {"verification_uri": "https://[/"},
        {"verification_uri": "https://exa mple.com"},
        {"verification_uri": None},
    ],
)
def test_an_answer_that_cannot_be_shown_or_asked_with_is_an_unknown_outcome(changes):
    failure = read(json_answer({**GOOD, **changes}))
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "provider_protocol")


def test_a_completed_page_that_is_not_https_is_left_out():
    assert (
        read(json_answer({**GOOD, "verification_uri_complete": "http://x"})).verification_uri_complete is None
    )


@pytest.mark.parametrize(
    ("exchange", "kind", "code"),
    [
        (json_answer({"error": "invalid_client"}, 401), FailureKind.CLIENT_MISCONFIGURED, "invalid_client"),
        (json_answer({"error": "invalid_scope"}, 400), FailureKind.REJECTED, "invalid_scope"),
        (
            json_answer({"error": "unauthorized_client"}),
            FailureKind.CLIENT_MISCONFIGURED,
            "unauthorized_client",
        ),
        (json_answer({}, 404), FailureKind.REJECTED, "http_404"),
        (json_answer({}, 429), FailureKind.THROTTLED, "http_429"),
        (json_answer(GOOD, 302), FailureKind.OUTCOME_UNKNOWN, "provider_protocol"),
        (
            HttpAnswer(status=200, headers={}, body=b"<html>"),
            FailureKind.OUTCOME_UNKNOWN,
            "provider_protocol",
        ),
        (NotSent(reason="connect_failed"), FailureKind.NOT_SENT, "connect_failed"),
        (NoAnswer(reason="timeout"), FailureKind.OUTCOME_UNKNOWN, "timeout"),
    ],
)
def test_a_refused_device_authorization_is_a_failure(exchange, kind, code):
    failure = read(exchange)
    assert (failure.kind, failure.code) == (kind, code)


@pytest.mark.parametrize("status", [200, 400, 403, 428])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("authorization_pending", FailureKind.THROTTLED),
        ("slow_down", FailureKind.THROTTLED),
        ("access_denied", FailureKind.REJECTED),
        ("expired_token", FailureKind.REJECTED),
        ("invalid_grant", FailureKind.REJECTED),
        ("invalid_client", FailureKind.CLIENT_MISCONFIGURED),
        ("something_else", FailureKind.REJECTED),
    ],
)
def test_only_two_answers_mean_ask_again(status, error, kind):
    outcome = parse(json_answer({"error": error}, status), PROVIDER, Operation.DEVICE_CODE)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.code) == (kind, error)


def test_nobody_waits_for_a_consent_where_no_device_is_asked_about():
    outcome = parse(json_answer({"error": "authorization_pending"}, 400), PROVIDER, Operation.CODE_EXCHANGE)
    assert outcome.kind is FailureKind.REJECTED


def test_a_consent_brings_a_token_set():
    answer = json_answer({"access_token": "at", "token_type": "bearer", "expires_in": 60})
    outcome = parse(answer, PROVIDER, Operation.DEVICE_CODE, ("a", "b"))
    assert isinstance(outcome, Issued)
    assert outcome.token_set.scope == "a b"


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.just("https://e.com/d")
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    document=st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "error"], VALUES)),
    status=st.integers(100, 999),
)
def test_no_answer_makes_reading_a_device_authorization_fail(document, status):
    found = read(json_answer(document, status))
    if isinstance(found, DeviceAuthorization):
        assert 1 <= found.interval_seconds <= 3600
        assert found.expires_at + timedelta(seconds=1) > NOW
        assert found.verification_uri.startswith("https://")
    else:
        assert found.kind is not FailureKind.NOT_SENT
