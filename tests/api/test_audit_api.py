"""The audit trail through the functions, in process: who did what, from where, and how it ended; and the line of each read of a token."""

import json

import boto3
import pytest

from evertoken.entrypoints.openapi.audit import AuditList
from tests.support.aws_account import TABLE
from tests.support.control_plane import LambdaContext, make_event

ALL = ("connections:read", "connections:write", "tokens:read", "audit:read")


@pytest.fixture
def auditor(plane):
    return plane.tenant(scopes=ALL)


def read(plane, token, query=""):
    """The entries of a list, newest first, checked against the API's own model."""
    answer = plane.request("GET", "/v1/audit", token=token, query=query)
    assert answer.status == 200, answer.text
    return AuditList.model_validate_json(answer.text).model_dump()


def actions(plane, token, query=""):
    return [(one["action"], one["target"], one["status"]) for one in read(plane, token, query)["entries"]]


def send(plane, method, path, token, *, headers=None, body=None, **http):
    """A request whose gateway says what *http* says."""
    function = plane.functions[plane.function_of(method, path)]
    all_headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})}
    event = make_event(method, path, headers=all_headers, query="", body=body, domain="api.evertoken.example")
    event["requestContext"]["http"] |= http
    parts = path.split("/")
    key = next(
        key
        for key in function.routes
        if key.partition(" ")[0] == method
        and len(key.partition(" ")[2].split("/")) == len(parts)
        and all(
            wanted in ("", part) or wanted.startswith("{")
            for wanted, part in zip(key.partition(" ")[2].split("/"), parts, strict=True)
        )
    )
    names = [name.strip("{}") for name in key.partition(" ")[2].split("/")]
    event["routeKey"] = key
    event["pathParameters"] = {
        name: part for name, part in zip(names, parts, strict=True) if "{" + name + "}" in key
    }
    return function.handle(event, LambdaContext())


def test_the_life_of_a_connection_is_in_its_trail(plane, tenant, auditor):
    connection_id = plane.connect(auditor).json["connection_id"]
    path = f"/v1/connections/{connection_id}"
    plane.request("GET", path, token=auditor)
    plane.request("PATCH", path, token=auditor, body={"name": "mine"})
    plane.request("POST", f"{path}/refresh", token=auditor)
    plane.request("DELETE", path, token=auditor)
    assert actions(plane, auditor, f"connection_id={connection_id}") == [
        ("connection.disconnect", connection_id, 200),
        ("connection.refresh", connection_id, 200),
        ("connection.change", connection_id, 200),
        ("connection.complete", connection_id, 200),
        ("connection.start", connection_id, 201),
    ]


def test_an_entry_says_who_from_where_and_with_what(plane, auditor):
    send(
        plane,
        "POST",
        "/v1/schedules",
        auditor,
        body=json.dumps({"interval_minutes": 5}),
        headers={"x-correlation-id": "request-7", "x-forwarded-for": "198.51.100.9", "user-agent": "forged"},
        sourceIp="203.0.113.77",
        userAgent="curl/8.5",
    )
    (entry,) = read(plane, auditor)["entries"]
    client_ids = [
        one["client_id"]
        for one in plane.request("GET", "/v1/clients", token=plane.operator()).json["clients"]
    ]
    assert entry["actor"] in client_ids
    assert (entry["source_ip"], entry["user_agent"]) == ("203.0.113.77", "curl/8.5")
    assert (entry["correlation_id"], entry["code"]) == ("request-7", None)
    assert entry["target"].startswith("sch_")


def test_a_refusal_is_audited_with_its_code(plane, auditor):
    absent = "con_" + "a" * 26
    plane.request("DELETE", f"/v1/connections/{absent}", token=auditor)
    (entry,) = read(plane, auditor)["entries"]
    assert (entry["action"], entry["target"]) == ("connection.disconnect", absent)
    assert (entry["status"], entry["code"]) == (404, "ACCOUNT_NOT_FOUND")


def test_who_tries_what_it_may_not_do_is_named_in_the_trail_and_in_the_log(plane, auditor, printed):
    reader = plane.tenant(scopes=("connections:read",))
    refused = plane.request("POST", "/v1/schedules", token=reader, body={"interval_minutes": 5})
    assert refused.code == "FORBIDDEN"
    (entry,) = read(plane, auditor)["entries"]
    assert (entry["action"], entry["status"], entry["code"]) == ("schedule.create", 403, "FORBIDDEN")
    line = next(line for line in map(json.loads, printed.getvalue().splitlines()) if line["status"] == 403)
    assert (line["client"], line["tenant"]) == (entry["actor"], "acme")


def test_what_only_reads_leaves_no_entry(plane, auditor):
    for path in ("/v1/connections", "/v1/schedules", "/v1/statistics", "/v1/audit"):
        assert plane.request("GET", path, token=auditor).status == 200
    assert read(plane, auditor) == {"entries": [], "cursor": None}


def test_every_route_that_changes_something_has_an_action(plane):
    for function in plane.functions.values():
        for key, route in getattr(function, "routes", {}).items():
            changes = not key.startswith("GET ")
            assert (route.action is not None) == changes or route.scope is None, key


def test_tenants_and_operators_read_their_own_trail_and_no_other(plane, auditor):
    plane.request("POST", "/v1/schedules", token=auditor, body={"interval_minutes": 5})
    other = plane.tenant("other", scopes=("audit:read",))
    assert read(plane, other)["entries"] == []
    operators = [one["action"] for one in read(plane, plane.operator())["entries"]]
    assert "schedule.create" not in operators
    assert {"tenant.put", "client.create"} <= set(operators)
    assert [one["action"] for one in read(plane, auditor)["entries"]] == ["schedule.create"]


def test_the_trail_needs_its_scope(plane):
    token = plane.tenant(scopes=("connections:read", "connections:write"))
    assert plane.request("GET", "/v1/audit", token=token).code == "FORBIDDEN"
    assert plane.request("GET", "/v1/audit").code == "UNAUTHORIZED"


def test_pages_go_on_where_they_ended_and_cursors_are_bound_to_the_tenant(plane, auditor):
    for _ in range(5):
        plane.request("POST", "/v1/schedules", token=auditor, body={"interval_minutes": 0})
    first = read(plane, auditor, "limit=2")
    second = read(plane, auditor, f"limit=2&cursor={first['cursor']}")
    third = read(plane, auditor, f"limit=2&cursor={second['cursor']}")
    ids = [one["entry_id"] for page in (first, second, third) for one in page["entries"]]
    assert len(ids) == len(set(ids)) == 5
    other = plane.tenant("other", scopes=("audit:read",))
    for token, cursor in ((other, first["cursor"]), (auditor, first["cursor"][:-4] + "AAAA"), (auditor, "x")):
        refused = plane.request("GET", "/v1/audit", token=token, query=f"cursor={cursor}")
        assert (refused.status, refused.code) == (400, "BAD_REQUEST")
        assert refused.json["error"]["message"].startswith("cursor: ")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=2026-11-21T12:00:00", "since"),
        ("until=1700000000", "until"),
        ("since=2026-11-21T12:00:00Z&until=2026-11-21T12:00:00Z", "until"),
        ("action=DROP", "action"),
        ("connection_id=con_x", "connection_id"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=", "cursor"),
        ("tenant_id=other", "tenant_id"),
    ],
)
def test_a_bad_query_is_refused_by_name(plane, auditor, query, field):
    refused = plane.request("GET", "/v1/audit", token=auditor, query=query)
    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert refused.json["error"]["message"].startswith(f"{field}: ")


def test_time_and_action_narrow_the_trail(plane, auditor):
    plane.request("POST", "/v1/schedules", token=auditor, body={"interval_minutes": 5})
    assert len(actions(plane, auditor, "since=2020-01-01T00:00:00Z&action=schedule.create")) == 1
    assert actions(plane, auditor, "action=schedule.cancel") == []
    assert actions(plane, auditor, "since=2099-01-01T00:00:00Z") == []
    assert actions(plane, auditor, "until=2020-01-01T00:00:00Z") == []


FORGED = 'x\n{"message":"request","tenant":"other"}\r\u2028\x1b[2J\x00\x85 "'


def test_a_user_agent_cannot_forge_a_line_or_move_a_terminal(plane, auditor, printed):
    send(plane, "DELETE", "/v1/schedules/sch_" + "a" * 26, auditor, userAgent=FORGED)
    text = printed.getvalue()
    line = json.loads(text.splitlines()[0])
    assert len(text.splitlines()) == len(text.strip().split("\n"))
    assert line["tenant"] == "acme"
    assert line["user_agent"] == 'x?{"message":"request","tenant":"other"}???[2J?? "'
    (entry,) = read(plane, auditor)["entries"]
    assert entry["user_agent"] == line["user_agent"]
    assert entry["user_agent"].isprintable()


@pytest.mark.parametrize("path", ["a\nb", "é", "x" * 129, "con_%0a"])
def test_a_target_is_an_identifier_or_nothing(plane, auditor, path):
    send(plane, "DELETE", f"/v1/schedules/{path}", auditor)
    (entry,) = read(plane, auditor)["entries"]
    assert entry["target"] == ""


def test_no_credential_is_in_the_trail(plane, tenant, auditor, provider):
    plane.connect(auditor)
    items = json.dumps(
        [
            item
            for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
            if item["pk"]["S"].startswith("AUDIT#")
        ]
    )
    assert "connection.complete" in items
    for secret in (auditor, tenant, plane.operator(), provider.token_prefix, "secret: % + & é"):
        assert secret not in items


def test_each_read_of_a_token_is_one_line_that_says_who_read_which_generation(
    plane, tenant, auditor, printed
):
    connection_id = plane.connect(auditor).json["connection_id"]
    printed.truncate(0)
    printed.seek(0)
    answer = send(
        plane,
        "GET",
        f"/v1/connections/{connection_id}/token",
        auditor,
        headers={"x-correlation-id": "request-9"},
        sourceIp="203.0.113.77",
        userAgent="reader/1",
    )
    assert answer["statusCode"] == 200, answer["body"]
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == "request"]
    wanted = {
        "route": "GET /v1/connections/{connection_id}/token",
        "status": 200,
        "tenant": "acme",
        "connection": connection_id,
        "generation": "1",
        "source_ip": "203.0.113.77",
        "user_agent": "reader/1",
        "correlation_id": "request-9",
        "service": "token_reader",
    }
    assert {name: line[name] for name in wanted} == wanted
    assert line["client"].startswith("cli_")
    assert json.loads(answer["body"])["access_token"] not in printed.getvalue()


def test_a_refused_read_is_found_by_its_connection_too(plane, auditor, printed):
    absent = "con_" + "b" * 26
    assert plane.request("GET", f"/v1/connections/{absent}/token", token=auditor).status == 404
    assert plane.request("GET", "/v1/connections/secret-in-a-path/token", token=auditor).status == 404
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    lines = [line for line in lines if line["message"] == "request"]
    assert [line.get("connection") for line in lines] == [absent, None]
    assert {line["code"] for line in lines} == {"ACCOUNT_NOT_FOUND"}
    assert "secret-in-a-path" not in printed.getvalue()
