"""POST /v1/connections/import over the function's own wiring: bodies, results, limits, and no token in any sink."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from pydantic import TypeAdapter

from evertoken.adapters.aws_clients import dynamodb_client
from evertoken.entrypoints.openapi.connections import ImportAnswer
from tests.support.aws_account import TABLE

PATH = "/v1/connections/import"
CANARIES = ("canary-imported-access", "canary-imported-refresh")


def row(user_id="ann", **changes):
    given = {
        "provider": "scripted",
        "user_id": user_id,
        "access_token": CANARIES[0],
        "refresh_token": CANARIES[1],
        "expires_in": 3000,
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def bring(plane, token, *rows, **changes):
    return plane.request("POST", PATH, token=token, body={"connections": list(rows), **changes})


def ago(seconds):
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def test_rows_come_in_and_are_what_a_connection_is(plane, tenant):
    answer = bring(plane, tenant, row(name="mine", display_name="Ann's", scope="read", account="a-1"))
    assert answer.status == 200, answer.text
    TypeAdapter(ImportAnswer).validate_json(answer.text, strict=True)
    assert (answer.json["imported"], answer.json["exists"], answer.json["failed"]) == (1, 0, 0)
    connection_id = answer.json["results"][0]["connection_id"]
    shown = plane.request("GET", f"/v1/connections/{connection_id}", token=tenant).json
    assert (shown["status"], shown["account"], shown["generation"]) == ("active", "a-1", 1)
    assert (shown["name"], shown["display_name"], shown["has_refresh_token"]) == ("mine", "Ann's", True)
    listed = plane.request("GET", "/v1/connections", token=tenant, query="user_id=ann").json
    assert [one["connection_id"] for one in listed["connections"]] == [connection_id]


def test_the_same_import_again_says_exists(plane, tenant):
    first = bring(plane, tenant, row())
    again = bring(plane, tenant, row(), row("bob"), row("bob"))
    statuses = [one["status"] for one in again.json["results"]]
    assert statuses[0] == "exists"
    assert sorted(statuses[1:]) == ["exists", "imported"], (
        "the same account twice in one call is one connection"
    )
    assert again.json["results"][0]["connection_id"] == first.json["results"][0]["connection_id"]
    ids = {one["connection_id"] for one in again.json["results"][1:]}
    assert len(ids) == 1


BAD_ROWS = [
    ("no object", "The row must be"),
    (row(access_token=None, refresh_token=None), "access_token, refresh_token"),
    (row(access_token="two\nlines"), "access_token"),
    (row(access_token=7), "access_token"),
    (row(expires_at="2026-11-21"), "expires_at"),
    (row(expires_in=None, expires_at=1795262400), "expires_at"),
    (row(expires_in=None, expires_at="9999-12-31T23:59:59Z"), "expires_at"),
    (row(expires_in=-1), "expires_in"),
    (row(expires_in="3600"), "expires_in"),
    (row(expires_in=10**30), "expires_in"),
    (row(expires_in=0, refresh_token=None), "refresh_token"),
    (row(user_id=None), "user_id"),
    (row(provider=None), "provider"),
    (row(provider="unheard-of"), "provider"),
    (row(registration="unheard-of"), "registration"),
    (row(colour="red"), "colour: no such field"),
    (row(token_type="MAC"), "token_type"),
    (row(scope='a"b'), "scope"),
    (row(parameters={"shop": "x"}), "parameters"),
    (row(policy="sometimes"), "policy"),
    (row(publication="everywhere"), "publication"),
    ({}, "provider: is missing"),
    ([], "The row must be"),
    (None, "The row must be"),
]


def test_every_bad_row_is_named_with_its_mend_and_the_good_ones_live(plane, tenant):
    rows = [bad for bad, _ in BAD_ROWS]
    answer = bring(plane, tenant, row("first"), *rows, row("last"))
    assert answer.status == 200, answer.text
    assert (answer.json["imported"], answer.json["failed"]) == (2, len(rows))
    for position, (bad, named) in enumerate(BAD_ROWS, start=1):
        result = answer.json["results"][position]
        assert result["position"] == position
        assert result["message"].startswith(named), (bad, result)
        assert set(result) == {"position", "status", "code", "message"}
    assert not any(canary in answer.text for canary in CANARIES)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"connections": []},
        {"connections": {}},
        {"connections": None},
        {"connections": [row()] * 1001},
        {"connections": [row()], "dry_run": True},
        [],
        "nonsense",
    ],
)
def test_a_body_that_is_none_is_refused_whole(plane, tenant, body):
    answer = plane.request("POST", PATH, token=tenant, body=body)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert not any(canary in answer.text for canary in CANARIES)


def test_four_mebibytes_are_taken_and_more_are_refused_with_the_limit(plane, tenant):
    filler = json.dumps({"connections": [row(access_token="x" * 16_000)] * 270})
    assert len(filler) > 4 * 1024 * 1024
    answer = plane.request("POST", PATH, token=tenant, body=filler)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert "4194304 bytes" in answer.json["error"]["message"]
    fits = json.dumps({"connections": [row(access_token="x" * 16_000)] * 200})
    assert plane.request("POST", PATH, token=tenant, body=fits).status == 200


def test_other_routes_keep_their_small_limit(plane, tenant):
    answer = plane.request("POST", "/v1/connections", token=tenant, body={"provider": "x" * 20_000})
    assert "16384 bytes" in answer.json["error"]["message"]


def test_it_needs_the_scope_to_write_and_a_tenant(plane, tenant):
    reader = plane.tenant("acme", scopes=("connections:read",))
    assert bring(plane, reader, row()).code == "FORBIDDEN"
    assert bring(plane, plane.operator(), row()).code == "FORBIDDEN"
    assert bring(plane, None, row()).status == 401
    stranger = plane.tenant("other")
    answer = bring(plane, stranger, row(), row(registration="scripted-acme"))
    codes = [one["code"] for one in answer.json["results"]]
    assert codes == ["UNKNOWN_REGISTRATION", "UNKNOWN_REGISTRATION"]


def test_nothing_is_asked_of_the_provider_and_an_expired_row_waits_for_the_worker(plane, tenant, provider):
    before = len(provider.ledger.requests)
    answer = bring(plane, tenant, row(expires_in=None, expires_at=ago(60)))
    connection_id = answer.json["results"][0]["connection_id"]
    shown = plane.request("GET", f"/v1/connections/{connection_id}", token=tenant).json
    assert shown["minutes_left"] == 0
    assert datetime.fromisoformat(shown["refresh_at"]) < datetime.now(UTC)
    assert len(provider.ledger.requests) == before


def test_a_row_costs_one_transaction_and_no_read(plane, tenant):
    calls = []
    events = dynamodb_client().meta.events
    events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name), unique_id="counting")
    try:
        answer = bring(plane, tenant, *(row(f"user-{number}") for number in range(40)))
    finally:
        events.unregister("before-call.dynamodb", unique_id="counting")
    assert answer.json["imported"] == 40
    assert calls.count("TransactWriteItems") == 40
    others = [name for name in calls if name != "TransactWriteItems"]
    assert len(others) < 10, "registration, provider and data key, once"


def test_no_token_of_an_import_is_in_a_log_or_stored_in_the_clear(plane, tenant, printed):
    bring(plane, tenant, row(), row("bob", colour=CANARIES[0]), row("carl", expires_in="0"), CANARIES[1])
    lines = printed.getvalue()
    assert '"imported":"1"' in lines.replace(" ", "")
    stored = json.dumps(boto3.client("dynamodb").scan(TableName=TABLE)["Items"], default=repr)
    for canary in CANARIES:
        assert canary not in lines
        assert canary not in stored
