"""What came of a request to a token endpoint: the table of faults, and properties over every answer."""

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.protocol.account import find_account, find_subject
from evertoken.protocol.token_answer import Operation
from tests.protocol.clients import NOW, json_answer, make_provider, make_token_set, parse

GOOD = {
    "access_token": "at-2",
    "token_type": "bearer",
    "expires_in": 3600,
    "refresh_token": "rt-2",
    "scope": "a b",
}


def issued(exchange, provider=None, operation=Operation.REFRESH, requested_scopes=()):
    outcome = parse(exchange, provider, operation, requested_scopes)
    assert isinstance(outcome, Issued), outcome
    return outcome


def failed(exchange, provider=None, operation=Operation.REFRESH):
    outcome = parse(exchange, provider, operation)
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_a_good_answer_is_a_token_set_that_expires_from_the_moment_of_sending():
    outcome = issued(json_answer(GOOD))
    assert outcome.token_set == make_token_set(
        access_token="at-2", refresh_token="rt-2", expires_at=NOW + timedelta(hours=1), scope="a b"
    )
    assert outcome.anomalies == ()


@pytest.mark.parametrize("value", [None, ""])
def test_a_refresh_token_that_is_left_out_keeps_the_old_one(value):
    outcome = issued(json_answer({**GOOD, "refresh_token": value}))
    assert outcome.token_set.refresh_token is None
    assert outcome.token_set.following(make_token_set()).refresh_token == "rt-1"


@pytest.mark.parametrize(
    ("value", "seconds", "anomaly"),
    [
        (3600, 3600, None),
        ("3600", 3600, None),
        (" 60 ", 60, None),
        (3600.9, 3600, None),
        ("59.9", 59, None),
        (0, 0, "expires_in_not_positive"),
        (-5, 0, "expires_in_not_positive"),
        ("-1", 0, "expires_in_not_positive"),
        (1e20, 365 * 86_400, "expires_in_too_long"),
        (10**400, 365 * 86_400, "expires_in_too_long"),
        (1_795_219_200, 365 * 86_400, "expires_in_too_long"),
        (float("nan"), 3600, "expires_in_assumed"),
        (float("inf"), 3600, "expires_in_assumed"),
        (None, 3600, "expires_in_assumed"),
        (True, 3600, "expires_in_unreadable"),
        ([3600], 3600, "expires_in_unreadable"),
        ({}, 3600, "expires_in_unreadable"),
        ("soon", 3600, "expires_in_unreadable"),
        ("²", 3600, "expires_in_unreadable"),
        ("1e9", 3600, "expires_in_unreadable"),
        ("", 3600, "expires_in_unreadable"),
    ],
)
def test_expires_in_of_every_odd_kind_is_read_or_assumed_and_flagged(value, seconds, anomaly):
    outcome = issued(json_answer({**GOOD, "expires_in": value}))
    assert outcome.token_set.expires_at == NOW + timedelta(seconds=seconds)
    assert (anomaly in outcome.anomalies) if anomaly else outcome.anomalies == ()


def test_without_expires_in_an_hour_is_assumed_unless_the_entry_knows_better():
    without = json_answer({name: value for name, value in GOOD.items() if name != "expires_in"})
    assert issued(without).token_set.expires_at == NOW + timedelta(hours=1)
    assert issued(without).anomalies == ("expires_in_assumed",)
    known = issued(without, make_provider(lifetimes={"access_token_seconds": 7200}))
    assert (known.token_set.expires_at, known.anomalies) == (NOW + timedelta(hours=2), ())


def test_only_an_entry_that_says_so_makes_a_token_that_never_expires():
    without = json_answer({"access_token": "gho_1", "token_type": "bearer", "scope": "repo,gist"})
    outcome = issued(without, "github", Operation.CODE_EXCHANGE)
    assert (outcome.token_set.expires_at, outcome.token_set.scope) == (None, "repo gist")
    assert outcome.anomalies == ()


def test_a_refresh_tokens_own_expiry_comes_from_the_answer_or_from_the_entry():
    stated = issued(json_answer({**GOOD, "refresh_token_expires_in": 15_811_200}), "github")
    assert stated.token_set.refresh_token_expires_at == NOW + timedelta(seconds=15_811_200)
    used = issued(json_answer({**GOOD, "refresh_token": None}), "google")
    assert used.token_set.refresh_token_expires_at == NOW + timedelta(days=180)
    first = issued(json_answer({**GOOD, "refresh_token": None}), "google", Operation.CODE_EXCHANGE)
    assert first.token_set.refresh_token_expires_at is None
    assert issued(json_answer({**GOOD, "refresh_expires_in": 0})).token_set.refresh_token_expires_at is None


@pytest.mark.parametrize("token_type", ["bearer", "Bearer", "BEARER"])
def test_the_token_type_is_bearer_in_any_case(token_type):
    assert issued(json_answer({**GOOD, "token_type": token_type})).token_set.token_type == "Bearer"


def test_a_missing_token_type_is_an_anomaly_and_an_unknown_one_is_not_used():
    assert issued(json_answer({**GOOD, "token_type": None})).anomalies == ("token_type_missing",)
    failure = failed(json_answer({**GOOD, "token_type": "mac"}))
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "token_type_unsupported")
    odd = make_provider(answer={"token_types": ["user access token"]})
    assert (
        issued(json_answer({**GOOD, "token_type": "User Access Token"}), odd).token_set.token_type == "Bearer"
    )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("a b", "a b"), (["a", "b"], "a b"), ("b a b", "b a"), ("", ""), ([], ""), ("a \x07 b", "a b"), (7, "")],
)
def test_a_scope_is_text_or_list_and_is_kept_separated_by_spaces(scope, expected):
    assert issued(json_answer({**GOOD, "scope": scope})).token_set.scope == expected


def test_a_scope_that_is_left_out_is_as_requested_at_first_and_as_before_on_a_refresh():
    without = json_answer({**GOOD, "scope": None})
    assert issued(without, None, Operation.CODE_EXCHANGE, ("x", "y")).token_set.scope == "x y"
    assert issued(without, None, Operation.REFRESH, ("x", "y")).token_set.scope == ""


@pytest.mark.parametrize(
    "token", ["a\r\nb", "a\nb", "é", "\u0000", 7, ["a"], {"a": 1}, "x" * 50_000, "\ud800"]
)
def test_a_token_that_cannot_be_used_is_an_unknown_outcome(token):
    for member in ("access_token", "refresh_token"):
        failure = failed(json_answer({**GOOD, member: token}))
        assert (failure.kind, failure.code, failure.status) == (
            FailureKind.OUTCOME_UNKNOWN,
            "token_unusable",
            200,
        )


def test_tokens_of_sixteen_kibibytes_survive_byte_by_byte():
    token = base64.b64encode(bytes(range(256)) * 48).decode()
    assert issued(json_answer({**GOOD, "access_token": token})).token_set.access_token == token


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"<html>Welcome to the airport</html>",
        b'{"access_token": "a", "refresh_token": "b"',
        b'{"access_token": "a", "access_token": "b"}',
        b'{"access_token": "a", "extra": {"x": 1, "x": 2}}',
        '{"access_token": "é"}'.encode("latin-1"),
        b"access_token=a&token_type=bearer",
        b"[" * 100_000,
        b'{"access_token": ""}',
        b'{"access_token": null}',
        b'{"token": "a"}',
        b'{"error": "invalid_grant", "access_token": "a"}',
        "{}".encode("utf-16"),
    ],
)
def test_an_answer_of_200_that_may_hold_a_token_and_cannot_be_read_is_an_unknown_outcome(body):
    failure = failed(HttpAnswer(status=200, headers={"content-type": "application/json"}, body=body))
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "provider_protocol")


def test_a_byte_order_mark_and_other_success_statuses_lose_nothing():
    body = b"\xef\xbb\xbf" + json.dumps(GOOD).encode()
    assert issued(HttpAnswer(status=201, headers={}, body=body)).token_set.access_token == "at-2"


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 101])
def test_a_redirect_is_not_followed_and_its_outcome_is_unknown(status):
    failure = failed(json_answer(GOOD, status, location="https://evil.example.com"))
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "provider_protocol")


@pytest.mark.parametrize("status", [500, 501, 502, 504, 599, 408])
@pytest.mark.parametrize("document", [{}, {"error": "invalid_grant"}, {"error": "server_error"}])
def test_a_broken_server_never_ends_a_grant(status, document):
    assert failed(json_answer(document, status)).kind is FailureKind.OUTCOME_UNKNOWN


@pytest.mark.parametrize("operation", list(Operation))
def test_503_is_a_provider_that_is_down_and_429_one_that_throttles(operation):
    down = failed(json_answer({"error": "invalid_grant"}, 503, retry_after="7"), None, operation)
    assert (down.kind, down.retry_after_seconds) == (FailureKind.PROVIDER_DOWN, 7)
    throttled = failed(
        HttpAnswer(status=429, headers={"retry-after": "120"}, body=b"<html>"), None, operation
    )
    assert (throttled.kind, throttled.code, throttled.retry_after_seconds) == (
        FailureKind.THROTTLED,
        "http_429",
        120,
    )


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_invalid_grant_ends_a_stored_grant_and_refuses_a_code(status):
    answer = json_answer({"error": "invalid_grant", "error_description": "CANARY"}, status)
    refused = failed(answer)
    assert (refused.kind, refused.code) == (FailureKind.GRANT_DEAD, "invalid_grant")
    assert failed(answer, None, Operation.CODE_EXCHANGE).kind is FailureKind.REJECTED
    assert failed(answer, None, Operation.FOLLOWING_EXCHANGE).kind is FailureKind.REJECTED
    assert failed(answer, None, Operation.CLIENT_CREDENTIALS).kind is FailureKind.CLIENT_MISCONFIGURED
    assert "CANARY" not in repr(refused)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "unsupported_grant_type"])
@pytest.mark.parametrize("status", [200, 400, 401])
def test_what_is_wrong_with_the_client_is_the_operators_fault(operation, error, status):
    failure = failed(json_answer({"error": error}, status), None, operation)
    assert (failure.kind, failure.code) == (FailureKind.CLIENT_MISCONFIGURED, error)


def test_a_401_without_a_word_is_about_the_client_where_a_client_was_sent():
    page = HttpAnswer(status=401, headers={"content-type": "text/html"}, body=b"<html>")
    assert failed(page).kind is FailureKind.CLIENT_MISCONFIGURED
    assert failed(page, "instagram").kind is FailureKind.PROVIDER_DOWN


@pytest.mark.parametrize(
    "error", ["invalid_request", "invalid_scope", "consent_needed", "<b>", {"code": 5}, 17, ["x"], "ä" * 9]
)
def test_a_word_that_we_do_not_know_never_ends_a_connection_or_pauses_a_client(error):
    answer = json_answer({"error": error}, 400)
    refresh = failed(answer)
    assert refresh.kind is FailureKind.PROVIDER_DOWN
    assert failed(answer, None, Operation.CODE_EXCHANGE).kind is FailureKind.REJECTED
    assert refresh.code.isascii()
    assert "<" not in refresh.code


def test_what_was_not_sent_and_what_was_not_answered_stay_apart():
    assert failed(NotSent(reason="connect_failed")) == Failure(
        kind=FailureKind.NOT_SENT, code="connect_failed"
    )
    assert failed(NoAnswer(reason="timeout")) == Failure(kind=FailureKind.OUTCOME_UNKNOWN, code="timeout")


def test_form_bodies_are_read_where_the_entry_says_so_and_json_is_read_there_too():
    form = HttpAnswer(status=200, headers={}, body=b"access_token=gho_1&scope=repo%2Cgist&token_type=bearer")
    assert issued(form, "github", Operation.CODE_EXCHANGE).token_set.scope == "repo gist"
    twice = HttpAnswer(status=200, headers={}, body=b"access_token=a&access_token=b")
    assert failed(twice, "github").kind is FailureKind.OUTCOME_UNKNOWN
    assert issued(HttpAnswer(status=200, headers={}, body=json.dumps(GOOD).encode()), "github")


@pytest.mark.parametrize(
    ("provider", "operation", "status", "document", "kind", "code"),
    [
        ("github", Operation.REFRESH, 200, {"error": "bad_refresh_token"}, FailureKind.GRANT_DEAD, "bad_refresh_token"),
        ("github", Operation.CODE_EXCHANGE, 200, {"error": "bad_verification_code"}, FailureKind.REJECTED, "bad_verification_code"),
        (
            "github", Operation.REFRESH, 200, {"error": "incorrect_client_credentials"},
            FailureKind.CLIENT_MISCONFIGURED, "incorrect_client_credentials",
        ),
        ("reddit", Operation.REFRESH, 400, {"message": "Bad Request", "error": 400}, FailureKind.GRANT_DEAD, "bad_request"),
        ("reddit", Operation.REFRESH, 401, {"message": "Unauthorized", "error": 401}, FailureKind.CLIENT_MISCONFIGURED, "error_401"),
        ("reddit", Operation.REFRESH, 200, {"error": "invalid_grant"}, FailureKind.GRANT_DEAD, "invalid_grant"),
        ("instagram", Operation.REFRESH, 400, {"error": {"code": 190, "type": "OAuthException"}}, FailureKind.GRANT_DEAD, "error_190"),
        ("instagram", Operation.FOLLOWING_EXCHANGE, 400, {"error": {"code": 190}}, FailureKind.REJECTED, "http_400"),
        ("instagram", Operation.REFRESH, 500, {"error": {"code": 2}}, FailureKind.PROVIDER_DOWN, "error_2"),
        ("instagram", Operation.REFRESH, 400, {"error": {"code": 4}}, FailureKind.THROTTLED, "error_4"),
        ("instagram", Operation.REFRESH, 400, {"error": {"code": 999}}, FailureKind.PROVIDER_DOWN, "http_400"),
        (
            "instagram", Operation.CODE_EXCHANGE, 400, {"error_type": "OAuthException", "code": 400, "error_message": "used"},
            FailureKind.REJECTED, "http_400",
        ),
        (
            "google", Operation.REFRESH, 400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"},
            FailureKind.GRANT_DEAD, "invalid_rapt",
        ),
    ],
)  # fmt: skip
def test_the_providers_own_errors_are_understood_by_their_entries(  # a table
    provider, operation, status, document, kind, code
):
    failure = failed(json_answer(document, status), provider, operation)
    assert (failure.kind, failure.code) == (kind, code)


def test_rules_compare_types_and_parts():
    provider = make_provider(
        errors=[
            {"class": "throttled", "path": "/message", "contains": "too many"},
            {"class": "provider_down", "statuses": [418]},
            {"class": "grant_dead", "path": "/code", "equals": "7"},
        ]
    )
    assert (
        failed(json_answer({"message": "Way TOO MANY requests"}, 400), provider).kind is FailureKind.THROTTLED
    )
    assert failed(json_answer({}, 418), provider).code == "http_418"
    assert failed(json_answer({"code": "7"}, 400), provider).kind is FailureKind.GRANT_DEAD
    assert failed(json_answer({"code": 7}, 400), provider).kind is FailureKind.PROVIDER_DOWN


@pytest.mark.parametrize(
    "document",
    [
        {"access_token": "short", "user_id": 17841405793187218},
        {"data": [{"access_token": "short", "user_id": "17841405793187218"}]},
    ],
)
def test_instagrams_first_answer_is_read_in_both_its_shapes_and_names_the_account(document):
    first = issued(json_answer(document), "instagram", Operation.CODE_EXCHANGE).token_set
    second = issued(
        json_answer({"access_token": "long", "token_type": "bearer", "expires_in": 5183944}),
        "instagram",
        Operation.FOLLOWING_EXCHANGE,
    ).token_set.following(first)
    assert (second.access_token, second.expires_at) == ("long", NOW + timedelta(seconds=5183944))
    assert (
        find_account(make_provider(account={"from": "answer", "member": "user_id"}), second)
        == "17841405793187218"
    )


def test_the_permissions_of_an_answer_are_its_scope_where_the_entry_says_so():
    document = {"data": [{"access_token": "short", "user_id": "1", "permissions": "basic,publish"}]}
    assert (
        issued(json_answer(document), "instagram", Operation.CODE_EXCHANGE).token_set.scope == "basic publish"
    )


def id_token(claims):
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode() + ".c2ln"


def test_the_account_is_the_subject_of_the_id_token_where_the_entry_says_so():
    outcome = issued(
        json_answer({**GOOD, "id_token": id_token({"sub": "1234567890", "email": "x"})}), "google"
    )
    assert find_account(make_provider(account={"from": "id_token"}), outcome.token_set) == "1234567890"
    assert find_account(make_provider(), outcome.token_set) is None
    assert (
        find_account(make_provider(account={"from": "answer", "member": "open_id"}), outcome.token_set)
        is None
    )


@pytest.mark.parametrize(
    "value",
    [None, 7, "", "a.b", "a.b.c", "a.é.c", id_token([]), id_token({}), id_token({"sub": 7}), id_token({"sub": ""}),
     id_token({"sub": "x" * 256}), id_token({"sub": "a\nb"}), "a." + "W1" * 9 + ".c", "....", "e30." + "!" * 8 + ".x"],
)  # fmt: skip
def test_an_id_token_without_a_subject_names_nobody(value):
    assert find_subject(value) is None


def test_extra_members_are_kept_as_text_only_where_the_entry_names_them():
    provider = make_provider(answer={"keeps": ["instance_url", "count", "flag", "nested", "long"]})
    members = {
        "instance_url": "https://x.example.com",
        "count": 7,
        "flag": True,
        "nested": {},
        "long": "x" * 2000,
        "other": "no",
    }
    assert issued(json_answer({**GOOD, **members}), provider).token_set.extra == {
        "instance_url": "https://x.example.com", "count": "7", "flag": "true",
    }  # fmt: skip


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        name: JSON_VALUES | st.sampled_from(["invalid_grant", "bearer", "at", 3600])
        for name in (
            "access_token",
            "refresh_token",
            "token_type",
            "expires_in",
            "scope",
            "error",
            "data",
            "id_token",
            "user_id",
        )
    },
)
BODIES = st.binary(max_size=200) | MEMBERS.map(lambda members: json.dumps(members).encode())
HEADERS = st.fixed_dictionaries(
    {}, optional={name: st.text(max_size=30) for name in ("content-type", "retry-after")}
)
PROVIDERS = st.sampled_from(["google", "github", "reddit", "instagram", None])


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    body=BODIES,
    status=st.integers(100, 999),
    headers=HEADERS,
    provider=PROVIDERS,
    operation=st.sampled_from(list(Operation)),
)
def test_no_answer_whatever_it_holds_makes_reading_fail_or_is_taken_for_not_sent(
    body, status, headers, provider, operation
):
    outcome = parse(HttpAnswer(status=status, headers=headers, body=body), provider, operation, ("a",))
    if isinstance(outcome, Issued):
        assert 200 <= status < 300
        encoded = outcome.token_set.access_token.encode("ascii")
        assert encoded
        assert b"\n" not in encoded
        return
    assert outcome.kind is not FailureKind.NOT_SENT
    assert outcome.retry_after_seconds is None or outcome.retry_after_seconds >= 0
    assert 0 < len(outcome.code) <= 64
    if outcome.kind is FailureKind.GRANT_DEAD:
        assert operation in (Operation.REFRESH, Operation.SESSION_LOGIN, Operation.JWT_BEARER)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(reason=st.text(max_size=80), operation=st.sampled_from(list(Operation)))
def test_whatever_the_reason_unsent_stays_unsent_and_unanswered_stays_unknown(reason, operation):
    assert failed(NotSent(reason=reason), None, operation).kind is FailureKind.NOT_SENT
    assert failed(NoAnswer(reason=reason), None, operation).kind is FailureKind.OUTCOME_UNKNOWN
