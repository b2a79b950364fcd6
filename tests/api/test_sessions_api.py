"""Sessions as a tenant's backend and its users' programs meet them."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from pydantic import TypeAdapter

from evertoken.adapters import aws_clients
from evertoken.adapters.dynamodb_audit import DynamoDBAuditTrail
from evertoken.control_ports import AuditFilter
from evertoken.entrypoints.openapi.sessions import OPERATIONS
from tests.support.aws_account import TABLE

SCOPES = ("sessions:read", "sessions:write")
PERSON = {"user_id": "137", "role": "PATIENT", "profile": {"email": "user@example.com", "name": "User Name"}}
NOBODYS = [f"/v1/sessions/{one}" for one in ("ses_" + "a" * 26, "nonsense", "é" * 2000, "JOB#x", "\0")]
REFRESH, REFRESH_AS_BEFORE = "/v1/auth/refresh-token", "/api/video/auth/refresh-token"
MODELS = {operation.key: operation for operation in OPERATIONS}


@pytest.fixture
def backend(plane) -> str:
    return plane.tenant("acme", scopes=SCOPES)


@pytest.fixture
def opened(plane, backend) -> dict[str, Any]:
    answer = plane.request("POST", "/v1/sessions", token=backend, body=PERSON)
    assert answer.status == 201, answer.text
    return checked("POST /v1/sessions", answer)


def checked(key, answer):
    """The answer's document, which has to be what the API's description says of it."""
    TypeAdapter(MODELS[key].answers[answer.status]).validate_json(answer.text)
    return answer.json


def claims_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def path_of(opened):
    return f"/v1/sessions/{opened['session']['session_id']}"


def own_path_of(opened):
    return f"/api/video/sessions/{opened['session']['session_id']}"


def test_a_backend_opens_a_session_and_gets_a_token_for_its_user(plane, backend, opened):
    session = opened["session"]

    assert opened["token_type"] == "bearer"
    assert opened["user"] == {
        "user_id": "137",
        "email": "user@example.com",
        "role": "PATIENT",
        "name": "User Name",
    }
    assert opened["expires_at"].endswith(".000Z")
    assert (session["status"], session["ended_because"], session["generation"]) == ("active", None, 1)
    assert session["session_id"].startswith("ses_")
    assert len(session["session_id"]) == 30
    assert (
        checked("GET /v1/sessions/{session_id}", plane.request("GET", path_of(opened), token=backend))
        == session
    )


def test_no_email_and_no_name_is_in_a_token(opened):
    readable = json.dumps(claims_of(opened["access_token"]))

    assert "user@example.com" not in readable
    assert "User Name" not in readable


@pytest.mark.parametrize("path", [REFRESH, REFRESH_AS_BEFORE])
def test_a_refresh_answers_in_seed_twos_form_on_both_paths(plane, opened, path):
    answer = plane.request("POST", path, token=opened["access_token"])

    document = checked(f"POST {path}", answer)
    assert set(document) == {"access_token", "token_type", "expires_at", "user"}
    assert document["token_type"] == "bearer"
    assert document["user"] == opened["user"]
    assert claims_of(document["access_token"])["gen"] == 2
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refresh_takes_seed_twos_request_with_its_content_type_and_whatever_body(plane, opened):
    for body in (None, "", "{}", "not JSON"):
        answer = plane.request(
            "POST",
            REFRESH_AS_BEFORE,
            token=opened["access_token"],
            body=body,
            headers={"content-type": "application/json"},
        )
        assert answer.status == 200


def test_the_user_of_a_refresh_is_what_the_record_says_now(plane, backend, opened):
    changes = {"role": "VISITOR", "profile": {"name": "New Name"}}
    changed = plane.request("PATCH", path_of(opened), token=backend, body=changes)
    assert checked("PATCH /v1/sessions/{session_id}", changed)["role"] == "VISITOR"

    refreshed = plane.request("POST", REFRESH, token=opened["access_token"]).json

    assert refreshed["user"] == {"user_id": "137", "email": None, "role": "VISITOR", "name": "New Name"}
    assert claims_of(refreshed["access_token"])["role"] == "VISITOR"


@pytest.mark.parametrize("path_of_session", [path_of, own_path_of])
def test_a_sessions_own_token_sees_its_state_and_nothing_else(plane, opened, path_of_session):
    answer = plane.request("GET", path_of_session(opened), token=opened["access_token"])

    key = path_of_session({"session": {"session_id": "{session_id}"}})
    assert checked(f"GET {key}", answer) == {
        "session_id": opened["session"]["session_id"],
        "status": "active",
        "ends_at": opened["session"]["ends_at"],
    }


def test_the_path_of_seed_two_takes_no_api_clients_token(plane, backend, opened):
    assert plane.request("GET", own_path_of(opened), token=backend).code == "UNAUTHORIZED"


@pytest.mark.parametrize("who", ["backend", "user"])
def test_after_logout_no_token_passes_and_every_refusal_is_the_same(plane, backend, opened, who):
    first = opened["access_token"]
    second = plane.request("POST", REFRESH, token=first).json["access_token"]
    token = backend if who == "backend" else second

    for _ in range(2):
        answer = plane.request("DELETE", path_of(opened), token=token)
        assert (answer.status, answer.text) == (204, "")

    same = {"x-correlation-id": "same"}
    refusals = {
        plane.request(method, path, headers={**same, "authorization": f"Bearer {one}"}).text
        for one in (first, second)
        for method, path in [
            ("POST", REFRESH),
            ("POST", REFRESH_AS_BEFORE),
            ("GET", path_of(opened)),
            ("GET", own_path_of(opened)),
        ]
    }
    assert refusals == {plane.request("POST", REFRESH, headers=same).text}
    record = plane.request("GET", path_of(opened), token=backend).json
    because = {"backend": "revoked", "user": "signed_out"}[who]
    assert (record["status"], record["ended_because"]) == ("ended", because)
    assert record["ended_at"] is not None


def test_a_session_token_opens_no_other_route_and_an_access_token_refreshes_nothing(plane, backend, opened):
    token = opened["access_token"]
    for method, path in [
        ("GET", "/v1/sessions"),
        ("POST", "/v1/sessions"),
        ("PATCH", path_of(opened)),
        ("GET", "/v1/connections"),
        ("GET", "/v1/tenants"),
        ("GET", "/v1/providers"),
    ]:
        assert plane.request(method, path, token=token, body={}).code == "UNAUTHORIZED", path
    assert plane.request("POST", REFRESH, token=backend).code == "UNAUTHORIZED"


def test_a_token_reaches_no_other_session_of_its_own_user(plane, backend, opened):
    other = plane.request("POST", "/v1/sessions", token=backend, body=PERSON).json
    for method in ("GET", "DELETE"):
        for path in (path_of(opened), *NOBODYS):
            assert plane.request(method, path, token=other["access_token"]).code == "UNAUTHORIZED"

    assert plane.request("GET", path_of(opened), token=backend).json["status"] == "active"


def test_the_sessions_of_another_tenant_look_like_those_that_nobody_has(plane, opened):
    foreign = plane.tenant("beta", scopes=SCOPES)
    same = {"x-correlation-id": "same"}
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"role": "x"})):
        texts = {
            plane.request(method, path, token=foreign, body=body, headers=same).text
            for path in (path_of(opened), *NOBODYS)
        }
        assert len(texts) == 1
        assert json.loads(texts.pop())["error"]["code"] == "NOT_FOUND"
    assert plane.request("GET", "/v1/sessions", token=foreign).json == {"sessions": [], "cursor": None}


def test_each_route_asks_for_its_scope(plane, opened):
    reader = plane.tenant("acme", scopes=("sessions:read",))
    writer = plane.tenant("acme", scopes=("sessions:write",))
    neither = plane.tenant("acme", scopes=("tokens:read",))
    path = path_of(opened)
    for method, at, body, one in [
        ("POST", "/v1/sessions", PERSON, writer),
        ("GET", "/v1/sessions", None, reader),
        ("GET", path, None, reader),
        ("PATCH", path, {"role": "x"}, writer),
        ("DELETE", path, None, writer),
    ]:
        others = {reader, writer, neither} - {one}
        assert {plane.request(method, at, token=other, body=body).code for other in others} == {"FORBIDDEN"}
        assert plane.request(method, at, token=one, body=body).status < 300
    assert plane.request("POST", "/v1/sessions", token=plane.operator(), body=PERSON).code == "FORBIDDEN"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"role": "x"}, "user_id: is missing"),
        ({"user_id": "1"}, "role: is missing"),
        ({"user_id": "", "role": "x"}, "user_id"),
        ({"user_id": 1, "role": "x"}, "user_id"),
        ({"user_id": "a\nb", "role": "x"}, "user_id"),
        ({"user_id": "x" * 129, "role": "x"}, "user_id"),
        ({"user_id": "1", "role": "x" * 65}, "role"),
        ({"user_id": "1", "role": "x", "tenant_id": "beta"}, "tenant_id: no such field"),
        ({"user_id": "1", "role": "x", "profile": {"phone": "1"}}, "profile.phone: no such field"),
        ({"user_id": "1", "role": "x", "profile": []}, "profile"),
        ({"user_id": "1", "role": "x", "expires_in": 10**9}, "expires_in: no such field"),
    ],
)
def test_a_session_that_cannot_be_is_refused_by_its_field(plane, backend, body, named):
    refused = plane.request("POST", "/v1/sessions", token=backend, body=body)

    assert refused.code == "BAD_REQUEST"
    assert named in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "named"),
    [({}, "role, profile"), ({"user_id": "2"}, "user_id: no such field"), ({"role": ""}, "role")],
)
def test_a_change_that_cannot_be_is_refused_by_its_field(plane, backend, opened, body, named):
    refused = plane.request("PATCH", path_of(opened), token=backend, body=body)

    assert refused.code == "BAD_REQUEST"
    assert named in refused.json["error"]["message"]


def test_a_session_that_is_over_cannot_be_changed(plane, backend, opened):
    plane.request("DELETE", path_of(opened), token=backend)

    assert plane.request("PATCH", path_of(opened), token=backend, body={"role": "x"}).code == "CONFLICT"


def test_the_longest_names_in_the_widest_characters_still_make_a_token_that_verifies(plane, backend):
    body = {"user_id": "\U0001f600" * 128, "role": "\U0001f600" * 64}
    opened = plane.request("POST", "/v1/sessions", token=backend, body=body)
    assert opened.status == 201

    assert len(opened.json["access_token"]) <= 4096
    assert plane.request("POST", REFRESH, token=opened.json["access_token"]).status == 200


# ------------------------------------------------------------------------------------------------- lists


def test_lists_go_on_by_a_cursor_and_narrow_to_a_user(plane, backend):
    users = ["ann"] * 3 + ["bob"] * 2
    made = [
        plane.request("POST", "/v1/sessions", token=backend, body={"user_id": user, "role": "x"}).json
        for user in users
    ]

    def walk(query):
        found, cursor = [], None
        while True:
            more = query if cursor is None else f"{query}&cursor={cursor}"
            answer = plane.request("GET", "/v1/sessions", token=backend, query=more)
            page = checked("GET /v1/sessions", answer)
            found.extend(page["sessions"])
            cursor = page["cursor"]
            if cursor is None:
                return found

    ids = [one["session"]["session_id"] for one in made]
    assert sorted(one["session_id"] for one in walk("limit=2")) == sorted(ids)
    assert sorted(one["session_id"] for one in walk("limit=1&user_id=ann")) == sorted(ids[:3])
    assert walk("user_id=nobody") == []


def test_a_cursor_is_good_for_its_own_list_alone(plane, backend):
    foreign = plane.tenant("beta", scopes=SCOPES)
    for token in (backend, foreign):
        for _ in range(2):
            plane.request("POST", "/v1/sessions", token=token, body=PERSON)
    cursor = plane.request("GET", "/v1/sessions", token=backend, query="limit=1").json["cursor"]

    for token, query in [
        (foreign, f"cursor={cursor}"),
        (backend, f"cursor={cursor}&user_id=137"),
        (backend, f"cursor={cursor[:-4]}AAAA"),
        (backend, "cursor=ses_aaaa"),
    ]:
        refused = plane.request("GET", "/v1/sessions", token=token, query=query)
        assert refused.code == "BAD_REQUEST"
        assert refused.json["error"]["message"].startswith("cursor:")
    assert "ses_" not in base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "user_id=", "role=x", "limit=1&limit=2"]
)
def test_a_query_that_cannot_be_is_refused_by_name(plane, backend, query):
    refused = plane.request("GET", "/v1/sessions", token=backend, query=query)

    assert refused.code == "BAD_REQUEST"


# ------------------------------------------------------------------------------------------------- what a refresh costs and tells


def test_a_good_refresh_is_one_write_to_the_table_and_one_signature(plane, opened):
    token = plane.request("POST", REFRESH, token=opened["access_token"]).json["access_token"]
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    clients = aws_clients.dynamodb_client(), aws_clients.kms_client()
    for client in clients:
        client.meta.events.register("before-call.*.*", count, unique_id="counted")
    try:
        assert plane.request("POST", REFRESH, token=token).status == 200
    finally:
        for client in clients:
            client.meta.events.unregister("before-call.*.*", unique_id="counted")

    assert sorted(calls) == ["Sign", "UpdateItem"]


def test_fifty_refreshes_at_once_by_both_paths_get_one_successor(plane, opened):
    def refresh(number):
        path = REFRESH if number % 2 else REFRESH_AS_BEFORE
        return plane.request("POST", path, token=opened["access_token"])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(refresh, range(50)))

    assert {answer.status for answer in answers} == {200}
    assert len({json.dumps(claims_of(answer.json["access_token"])) for answer in answers}) == 1
    assert len({answer.json["expires_at"] for answer in answers}) == 1


def backdate(opened, seconds):
    """Let a session's last rotation lie further back."""
    key = {"pk": {"S": "SESSIONS#acme"}, "sk": {"S": opened["session"]["session_id"]}}
    boto3.client("dynamodb").update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET rotated_at = rotated_at - :some",
        ExpressionAttributeValues={":some": {"N": str(seconds * 1000)}},
    )


def test_reuse_is_told_in_a_line_and_a_metric_and_answered_like_any_other_refusal(
    plane, backend, opened, printed, capsys
):
    plane.request("POST", REFRESH, token=opened["access_token"])
    backdate(opened, 16)

    answers = [plane.request("POST", REFRESH, token=opened["access_token"]) for _ in range(2)]

    assert [answer.code for answer in answers] == ["UNAUTHORIZED"] * 2
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    (told,) = [line for line in lines if line["message"] == "session_reuse_detected"]
    assert (told["level"], told["tenant"], told["source_ip"]) == ("INFO", "acme", "203.0.113.7")
    assert told["session"] == opened["session"]["session_id"]
    assert capsys.readouterr().out.count('"SessionReuseDetected":[1.0]') == 1
    assert plane.request("GET", path_of(opened), token=backend).json["ended_because"] == "reuse_detected"


def audited():
    """What the tenant's audit says of its sessions, oldest first."""
    trail = DynamoDBAuditTrail(boto3.client("dynamodb"), TABLE, retention_days=1)
    page = trail.list("acme", only=AuditFilter(), limit=100, position=None)
    return [
        (entry.action, entry.actor, entry.target, entry.status)
        for entry in reversed(page.entries)
        if entry.action.startswith("session.")
    ]


def test_who_opened_changed_and_ended_a_session_is_audited(plane, backend, opened):
    (_, client, session_id, _), *_ = audited()
    plane.request("PATCH", path_of(opened), token=backend, body={"role": "x"})
    plane.request("DELETE", "/v1/sessions/ses_" + "a" * 26, token=backend)
    plane.request("DELETE", path_of(opened), token=opened["access_token"])
    plane.request("DELETE", path_of(opened), token=backend)
    plane.request("DELETE", path_of(opened), token=plane.tenant("acme", scopes=("sessions:read",)))
    *known, (action, reader, target, status) = audited()

    assert session_id == opened["session"]["session_id"]
    assert client.startswith("cli_")
    assert known == [
        ("session.open", client, session_id, 201),
        ("session.change", client, session_id, 200),
        ("session.end", client, "ses_" + "a" * 26, 404),
        ("session.end", "user:137", session_id, 204),
        ("session.end", client, session_id, 204),
    ]
    assert (action, target, status) == ("session.end", session_id, 403), (
        "a call without the scope has an entry"
    )
    assert reader.startswith("cli_")
    assert reader != client


def test_reuse_is_audited_once(plane, opened):
    plane.request("POST", REFRESH, token=opened["access_token"])
    backdate(opened, 16)
    for _ in range(2):
        plane.request("POST", REFRESH, token=opened["access_token"])

    session_id = opened["session"]["session_id"]
    assert audited()[1:] == [("session.reuse_detected", "user:137", session_id, 401)]


def test_the_tokens_of_a_suspended_tenant_are_refused(plane, opened):
    body = {"name": "Acme", "return_urls": [], "suspended": True}
    suspended = plane.request("PUT", "/v1/tenants/acme", token=plane.operator(), body=body)
    assert suspended.status == 200, suspended.text
    plane.restart("auth_api")

    refused = [
        plane.request(method, path, token=opened["access_token"]).code
        for method, path in (("POST", REFRESH), ("GET", path_of(opened)), ("DELETE", path_of(opened)))
    ]
    time.sleep(1.1)  # auth_time has whole seconds
    lifted = plane.request(
        "PUT", "/v1/tenants/acme", token=plane.operator(), body={**body, "suspended": False}
    )
    plane.restart("auth_api")

    assert refused == ["UNAUTHORIZED"] * 3
    assert lifted.status == 200
    assert plane.request("POST", REFRESH, token=opened["access_token"]).code == "UNAUTHORIZED"


def test_no_line_of_a_session_holds_a_token_an_email_or_a_name(plane, backend, opened, printed):
    refreshed = plane.request("POST", REFRESH, token=opened["access_token"]).json
    plane.request("GET", own_path_of(opened), token=refreshed["access_token"])
    plane.request("DELETE", path_of(opened), token=refreshed["access_token"])
    plane.request("POST", REFRESH, token=refreshed["access_token"])

    text = printed.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["level"], line["status"]) for line in lines] == [
        ("INFO", status) for status in (200, 200, 204, 401)
    ]
    assert all(line["session"] == opened["session"]["session_id"] for line in lines[:3])
    for secret in (opened["access_token"], refreshed["access_token"], "user@example.com", "User Name"):
        assert secret not in text


def test_tokens_users_and_profiles_stay_out_of_reprs(opened):
    from evertoken.domain.session import Profile
    from evertoken.entrypoints.session_bodies import OpenBody

    assert "@" not in repr(Profile(email="a@b.example", name="n"))
    assert "@" not in repr(OpenBody.model_validate(PERSON))
