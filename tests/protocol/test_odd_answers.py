"""Token answers that look as no RFC has it, read as their entries say; and errors that only their entries understand."""

import json
from datetime import timedelta

import pytest

from evertoken.domain.answer_shape import AnswerShape, ErrorRule, ExpiryKind, RetryAfterShape, TraceShape
from evertoken.domain.grant import GrantContext
from evertoken.domain.http import HttpAnswer
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.domain.provider import NewRefreshToken, RefreshCredential, Rotation
from evertoken.domain.provider_shapes import AccountOrigin, AccountSource
from evertoken.protocol.account import find_account
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from evertoken.protocol.token_answer import Operation
from tests.protocol.clients import NOW, json_answer, make_token_set, parse, shape_provider

GOOD = {"access_token": "at-2", "token_type": "bearer", "expires_in": 60, "refresh_token": "rt-2"}


def outcome_of(exchange, operation=Operation.REFRESH, *, rules=(), facts=None, **shape):
    provider = shape_provider(answer=AnswerShape(**shape), error_rules=tuple(rules), **(facts or {}))
    return parse(exchange, provider, operation)


def issued(exchange, operation=Operation.REFRESH, **shape):
    outcome = outcome_of(exchange, operation, **shape)
    assert isinstance(outcome, Issued), outcome
    return outcome


def failed(exchange, operation=Operation.REFRESH, **shape):
    outcome = outcome_of(exchange, operation, **shape)
    assert isinstance(outcome, Failure), outcome
    return outcome


def test_members_have_other_names_at_other_places():
    names = {
        "access_token": ("accessToken", "token"),
        "refresh_token": ("refreshToken",),
        "expires_in": ("expireIn",),
        "scope": ("scopes",),
    }
    for members in (
        {"accessToken": "at-2", "refreshToken": "rt-2", "expireIn": "60", "scopes": ["a", "b"]},
        {
            "accessToken": "",
            "token": "at-2",
            "refreshToken": "rt-2",
            "expireIn": 60,
            "scopes": "a,b",
            "expires_in": 9,
        },
    ):
        document = {"code": 0, "data": [{"other": 1}, members]}
        token_set = issued(
            json_answer(document), token_paths=("", "/data/0", "/data/1"), members=names, scope_separator=","
        ).token_set
        assert (token_set.access_token, token_set.refresh_token, token_set.scope) == ("at-2", "rt-2", "a b")
        assert token_set.expires_at == NOW + timedelta(seconds=60)


def test_tokens_may_arrive_in_headers_even_without_a_body():
    headers = {"access_token": "x-security-token", "refresh_token": "x-refresh"}
    answer = HttpAnswer(
        status=200, headers={"x-security-token": " at-h ", "x-refresh": "rt-h", "cst": "c-1"}, body=b" "
    )
    token_set = issued(answer, headers={**headers, "cst": "cst"}, keeps=("cst",)).token_set
    assert (token_set.access_token, token_set.refresh_token) == ("at-h", "rt-h")
    assert token_set.extra == {"cst": "c-1"}
    page = HttpAnswer(status=200, headers={"x-security-token": "at-h"}, body=b"<html>")
    assert failed(page, headers=headers).code == "provider_protocol"
    both = json_answer(GOOD, x_security_token="at-h")
    assert issued(both, headers=headers).token_set.access_token == "at-h"
    assert failed(HttpAnswer(status=200, headers={}, body=b""), headers=headers).code == "provider_protocol"


def test_jsonp_is_unwrapped_only_where_the_entry_says_so_and_only_around_one_call():
    for body in (b"callback( %s );", b" cb.x$1(%s)\n", b"%s", b"callback (%s)"):
        answer = HttpAnswer(status=200, headers={}, body=body % json.dumps({**GOOD, "a": "()"}).encode())
        assert issued(answer, jsonp=True).token_set.access_token == "at-2"
    call = HttpAnswer(status=200, headers={}, body=b"callback(" + json.dumps(GOOD).encode() + b")")
    assert failed(call).code == "provider_protocol"
    for body in (b"call back(%s)", b"(%s)", b"a(%s)b", b"a(%s", b"a()", b"alert(1)(%s)"):
        answer = HttpAnswer(status=200, headers={}, body=body.replace(b"%s", json.dumps(GOOD).encode()))
        assert failed(answer, jsonp=True).code == "provider_protocol"
    error = HttpAnswer(status=200, headers={}, body=b'callback({"error": 100048, "error_description": "x"});')
    assert failed(error, jsonp=True).code == "error_100048"


def test_the_scheme_that_calls_are_authorized_by_is_the_entrys():
    outcome = issued(json_answer(GOOD), authorization_scheme="OAuth")
    assert outcome.token_set.token_type == "OAuth"


def test_members_are_kept_by_name_or_pointer_as_text():
    document = {
        **GOOD,
        "count": 7,
        "ratio": 1.5,
        "flag": False,
        "empty": "",
        "advertiser_ids": ["1", 2, "x"],
        "spaced": ["a b", "c"],
        "deep": [["a"]],
        "none": None,
        "team": {"id": "T1", "0": {"a/b": "slash"}},
        "list": [{"id": "L0"}],
        "bell": "a\u0007",
    }
    keeps = (
        "count", "ratio", "flag", "empty", "advertiser_ids", "spaced", "deep", "none", "bell", "team", "absent",
        "/team/id", "/team/nobody", "/list/0/id",
    )  # fmt: skip
    assert issued(json_answer(document), keeps=keeps).token_set.extra == {
        "count": "7",
        "ratio": "1.5",
        "flag": "false",
        "advertiser_ids": "1 2 x",
        "team_id": "T1",
        "list_0_id": "L0",
    }


def test_a_kept_member_that_a_refresh_leaves_out_stays_as_it_was():
    first = issued(json_answer({**GOOD, "url": "https://a.example.com"}), keeps=("url",)).token_set
    for later in ({}, {"url": ""}, {"url": None}):
        second = issued(json_answer({**GOOD, **later}), keeps=("url",)).token_set.following(first)
        assert second.extra == {"url": "https://a.example.com"}


@pytest.mark.parametrize(
    ("origin", "member", "account"),
    [
        (AccountOrigin.ANSWER, "/user/id", "U1"),
        (AccountOrigin.ANSWER, "open_id", "O1"),
        (AccountOrigin.ANSWER, "/user/nobody", None),
        (AccountOrigin.CALLBACK, "realmId", "R1"),
        (AccountOrigin.PARAMETER, "shop", "acme"),
        (AccountOrigin.PARAMETER, "nobody", None),
        (AccountOrigin.CALLER, None, None),
    ],
)
def test_the_account_is_found_where_the_entry_says(origin, member, account):
    facts = {"account": AccountSource(origin=origin, member=member)}
    document = {**GOOD, "open_id": "O1", "user": {"id": "U1"}, "realmId": "not the callback's"}
    answered = issued(json_answer(document), facts=facts).token_set
    token_set = make_token_set(
        extra={"realmId": "R1", **answered.extra}, context=GrantContext(parameters={"shop": "acme"})
    )
    assert find_account(shape_provider(**facts), token_set) == account


def test_a_provider_that_always_rotates_and_sends_no_refresh_token_is_an_anomaly_and_the_old_one_is_kept():
    always = {"rotation": Rotation(new_token=NewRefreshToken.ALWAYS)}
    without = json_answer({**GOOD, "refresh_token": None})
    outcome = issued(without, facts=always)
    assert outcome.anomalies == ("refresh_token_missing",)
    assert outcome.token_set.following(make_token_set()).refresh_token == "rt-1"
    assert issued(json_answer(GOOD), facts=always).anomalies == ()
    assert issued(without).anomalies == ()
    assert issued(without, Operation.CODE_EXCHANGE, facts=always).anomalies == ()
    by_access_token = {**always, "refresh_credential": RefreshCredential.ACCESS_TOKEN}
    assert issued(without, facts=by_access_token).anomalies == ()


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}, None),
        ({"issued_token_type": "urn:ietf:params:oauth:token-type:jwt"}, None),
        ({}, None),
        ({"issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "issued_token_type_unsupported"),
        ({"issued_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "issued_token_type_unsupported"),
        ({"issued_token_type": ["urn:ietf:params:oauth:token-type:jwt"]}, "issued_token_type_unsupported"),
        ({"token_type": "N_A"}, "token_type_unsupported"),
    ],
)  # fmt: skip
def test_a_token_exchange_must_issue_what_can_be_called_with(members, code):
    answer = json_answer({**GOOD, **members})
    outcome = outcome_of(answer, Operation.TOKEN_EXCHANGE)
    if code is None:
        assert isinstance(outcome, Issued)
    else:
        assert isinstance(outcome, Failure)
        assert (outcome.kind, outcome.code) == (FailureKind.OUTCOME_UNKNOWN, code)
    if "issued_token_type" in members:
        assert isinstance(outcome_of(answer, Operation.REFRESH), Issued)


@pytest.mark.parametrize(
    ("document", "kind", "code"),
    [
        ({"code": 0, **GOOD}, None, None),
        ({"code": "0", **GOOD}, None, None),
        ({"code": 0.0, **GOOD}, None, None),
        ({"code": None, **GOOD}, None, None),
        (GOOD, None, None),
        ({"code": 40_105, **GOOD}, FailureKind.GRANT_DEAD, "error_40105"),
        ({"code": 40_105}, FailureKind.GRANT_DEAD, "error_40105"),
        ({"code": False}, FailureKind.GRANT_DEAD, "http_200"),
        ({"code": ["x"]}, FailureKind.GRANT_DEAD, "http_200"),
    ],
)
def test_a_rule_may_say_what_a_success_has_and_everything_else_is_an_error(document, kind, code):
    rule = ErrorRule(kind=FailureKind.GRANT_DEAD, path="/code", values=(0,), negated=True)
    outcome = outcome_of(json_answer(document), rules=[rule])
    assert (getattr(outcome, "kind", None), getattr(outcome, "code", None)) == (kind, code)


@pytest.mark.parametrize(
    ("value", "matches"),
    [(True, True), (False, False), (1, False), ("true", False), (None, False)],
)
def test_truth_values_are_compared_with_truth_values(value, matches):
    rule = ErrorRule(kind=FailureKind.THROTTLED, path="/busy", values=(True,), code="busy")
    outcome = outcome_of(json_answer({**GOOD, "busy": value}), rules=[rule])
    assert isinstance(outcome, Failure) is matches


def test_that_the_user_has_to_act_is_said_of_every_operation():
    rule = ErrorRule(kind=FailureKind.USER_ACTION_REQUIRED, statuses=frozenset({403}), code="new_terms")
    for operation in Operation:
        failure = failed(json_answer({}, 403), operation, rules=[rule])
        assert (failure.kind, failure.code) == (FailureKind.USER_ACTION_REQUIRED, "new_terms")


DEAD = {
    Operation.REFRESH: FailureKind.GRANT_DEAD,
    Operation.SESSION_LOGIN: FailureKind.GRANT_DEAD,
    Operation.JWT_BEARER: FailureKind.GRANT_DEAD,
    Operation.CLIENT_CREDENTIALS: FailureKind.CLIENT_MISCONFIGURED,
}


@pytest.mark.parametrize("operation", list(Operation))
def test_a_dead_grant_means_something_only_where_a_stored_grant_is_renewed(operation):
    rule = ErrorRule(kind=FailureKind.GRANT_DEAD, path="/errorCode", values=("dead",))
    expected = DEAD.get(operation, FailureKind.REJECTED)
    assert failed(json_answer({"errorCode": "dead"}, 401), operation, rules=[rule]).kind is expected
    assert failed(json_answer({"error": "invalid_grant"}, 400), operation).kind is expected


def test_a_401_to_a_login_is_about_the_user_and_an_unknown_word_ends_nothing():
    refused = failed(json_answer({"errorCode": "no"}, 401), Operation.SESSION_LOGIN)
    assert (refused.kind, refused.code) == (FailureKind.GRANT_DEAD, "http_401")
    for operation in (Operation.SESSION_LOGIN, Operation.JWT_BEARER, Operation.REFRESH):
        unknown = failed(json_answer({"error": "odd"}, 400), operation)
        assert (unknown.kind, unknown.code) == (FailureKind.PROVIDER_DOWN, "odd")
    for operation in (Operation.SESSION_LOGIN, Operation.JWT_BEARER):
        assert failed(json_answer({"error": "invalid_scope"}, 400), operation).kind is FailureKind.REJECTED


@pytest.mark.parametrize(
    ("shape", "headers", "document", "seconds"),
    [
        (RetryAfterShape(header="x-reset"), {"x_reset": "12.2"}, {}, 13),
        (RetryAfterShape(header="x-reset"), {"x_reset": "12", "retry_after": "7"}, {}, 7),
        (RetryAfterShape(header="x-reset", path="/wait"), {}, {"wait": 9}, 9),
        (RetryAfterShape(path="/error/wait", kind=ExpiryKind.MILLISECONDS), {}, {"error": {"wait": "1500"}}, 2),
        (RetryAfterShape(path="/at", kind=ExpiryKind.EPOCH_SECONDS), {}, {"at": int(NOW.timestamp()) + 30}, 30),
        (RetryAfterShape(path="/at", kind=ExpiryKind.EPOCH_SECONDS), {}, {"at": 5}, 0),
        (RetryAfterShape(path="/at", kind=ExpiryKind.EPOCH_MILLISECONDS), {}, {"at": int(NOW.timestamp()) * 1000 + 1}, 1),
        (RetryAfterShape(path="/at"), {}, {"at": -5}, None),
        (RetryAfterShape(path="/at"), {}, {"at": 1e300}, None),
        (RetryAfterShape(path="/at", kind=ExpiryKind.EPOCH_SECONDS), {}, {"at": 1e300}, None),
        (RetryAfterShape(path="/at"), {}, {"at": {"x": 1}}, None),
        (RetryAfterShape(path="/at"), {}, {}, None),
    ],
)  # fmt: skip
def test_how_long_to_wait_may_stand_elsewhere(shape, headers, document, seconds):
    throttled = failed(json_answer(document, 429, **headers), retry_after=shape)
    assert (throttled.kind, throttled.retry_after_seconds) == (FailureKind.THROTTLED, seconds)


def test_a_count_that_stands_on_every_answer_is_no_wish_to_wait():
    shape = RetryAfterShape(header="x-reset")
    dead = failed(json_answer({"error": "invalid_grant"}, 400, x_reset="300"), retry_after=shape)
    assert (dead.kind, dead.retry_after_seconds) == (FailureKind.GRANT_DEAD, None)
    down = failed(json_answer({}, 503, x_reset="300"), retry_after=shape)
    assert (down.kind, down.retry_after_seconds) == (FailureKind.PROVIDER_DOWN, 300)


@pytest.mark.parametrize(
    ("headers", "document", "trace_id"),
    [
        ({"intuit_tid": "1-5759-abc"}, {}, "1-5759-abc"),
        ({}, {"error": {"trace": "AbC_9.x:1"}}, "AbC_9.x:1"),
        ({}, {"error": {"trace": 12345}}, "12345"),
        ({}, {"error": {"trace": True}}, None),
        ({}, {"error": {"trace": "a b"}}, None),
        ({}, {"error": {"trace": "<b>"}}, None),
        ({}, {"error": {"trace": "x" * 129}}, None),
        ({}, {"error": {"trace": "a\nb"}}, None),
        ({}, {}, None),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_failure_carries_the_providers_id_of_the_request_when_it_is_one(
    headers, document, trace_id, status
):
    trace = TraceShape(header="intuit_tid", path="/error/trace")
    answer = HttpAnswer(status=status, headers=headers, body=json.dumps(document).encode())
    assert failed(answer, trace=trace).trace_id == trace_id
    assert failed(answer).trace_id is None


@pytest.mark.parametrize(
    ("document", "status", "expected"),
    [
        ({"ok": True, "revoked": True}, 200, RevocationStatus.REVOKED),
        ({"ok": False, "error": "token_revoked"}, 200, RevocationStatus.REVOKED),
        ({"ok": False, "error": "invalid_auth"}, 200, RevocationStatus.GAVE_UP),
        ({"ok": False, "error": "ratelimited"}, 200, RevocationStatus.RETRY),
        ({"ok": False}, 200, RevocationStatus.GAVE_UP),
    ],
)
def test_a_revocation_that_is_refused_with_200_is_not_taken_for_one(document, status, expected):
    rules = (
        ErrorRule(kind=FailureKind.GRANT_DEAD, path="/error", values=("token_revoked",)),
        ErrorRule(kind=FailureKind.THROTTLED, path="/error", values=("ratelimited",)),
        ErrorRule(kind=FailureKind.CLIENT_MISCONFIGURED, path="/ok", values=(True,), negated=True),
        ErrorRule(
            kind=FailureKind.THROTTLED, operations=frozenset({Operation.REFRESH}), statuses=frozenset({200})
        ),
    )
    provider = shape_provider(error_rules=rules)
    assert parse_revocation_answer(json_answer(document, status), NOW, provider).status is expected


def test_without_rules_an_error_in_a_200_is_a_refusal_of_the_revocation_too():
    for error, expected in (
        ("invalid_token", RevocationStatus.REVOKED),
        ("invalid_client", RevocationStatus.GAVE_UP),
        ({"code": 190}, RevocationStatus.GAVE_UP),
    ):
        assert parse_revocation_answer(json_answer({"error": error}), NOW).status is expected
    waits = parse_revocation_answer(json_answer({"x": 1}, 429, retry_after="9"), NOW, shape_provider())
    assert (waits.status, waits.retry_after_seconds) == (RevocationStatus.RETRY, 9)
