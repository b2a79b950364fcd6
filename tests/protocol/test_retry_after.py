"""How long a provider asks us to wait, and how revocations end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.protocol.retry_after import find_retry_after
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from tests.protocol.clients import NOW, json_answer


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("1000000000", 1_000_000_000),
        ("-5", None),
        ("1e9", None),
        ("²", None),
        ("1.5", None),
        ("99999999999999999999", None),
        ("soon", None),
        ("", None),
        ("Sat, 21 Nov 2026 12:02:00 GMT", 120),
        ("Saturday, 21-Nov-26 12:02:00 GMT", 120),
        ("Sat Nov 21 12:02:00 2026", 120),
        ("Sat, 21 Nov 2026 13:02:00 +0100", 120),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sat, 99 Nov 2026 12:02:00 GMT", None),
        ("Sat, 21 Nov 99999 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_one_of_three_dates(value, seconds):
    assert find_retry_after({"retry-after": value}, NOW) == seconds


def test_without_the_header_nothing_is_asked():
    assert find_retry_after({}, NOW) is None


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.text(max_size=60))
def test_no_value_makes_reading_fail_or_is_negative(value):
    seconds = find_retry_after({"retry-after": value}, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("exchange", "status", "code"),
    [
        (HttpAnswer(status=200, headers={}, body=b""), "revoked", "http_200"),
        (HttpAnswer(status=204, headers={}, body=b""), "revoked", "http_204"),
        (json_answer({"error": "invalid_token"}, 400), "revoked", "invalid_token"),
        (HttpAnswer(status=404, headers={}, body=b"<html>"), "revoked", "http_404"),
        (json_answer({"error": "unsupported_token_type"}, 400), "gave_up", "unsupported_token_type"),
        (json_answer({"error": "invalid_client"}, 401), "gave_up", "invalid_client"),
        (HttpAnswer(status=302, headers={}, body=b""), "gave_up", "http_302"),
        (HttpAnswer(status=500, headers={}, body=b""), "retry", "http_500"),
        (HttpAnswer(status=429, headers={}, body=b""), "retry", "http_429"),
        (NotSent(reason="connect_failed"), "retry", "connect_failed"),
        (NoAnswer(reason="timeout"), "retry", "timeout"),
    ],
)
def test_a_revocation_ends_revoked_given_up_or_to_be_tried_again(exchange, status, code):
    answer = parse_revocation_answer(exchange, NOW)
    assert (answer.status, answer.code) == (status, code)


def test_a_503_means_that_the_token_lives_and_says_how_long_to_wait():
    answer = parse_revocation_answer(json_answer({}, 503, retry_after="30"), NOW)
    assert (answer.status, answer.retry_after_seconds) == (RevocationStatus.RETRY, 30)
