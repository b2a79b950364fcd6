"""The ledger by its API: written by the relay from the rows' changes, read by its tenant, explained."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from evertoken.adapters.dynamodb_items import from_item
from evertoken.adapters.dynamodb_ledger import DynamoDBLedger
from evertoken.domain.connection import ConnectionKey, ConnectionStatus, FailureRecord
from evertoken.domain.ledger import LedgerEntry, LedgerType
from evertoken.domain.origin import Origin, Trigger
from evertoken.entrypoints.event_relay import build_event_relay
from evertoken.entrypoints.openapi.ledger import LedgerView
from tests.support.aws_account import TABLE
from tests.usecases.stream_records import record_of
from tests.usecases.test_refresher_batch import Context

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = ConnectionKey(tenant_id="acme", connection_id="con_a")
PATH = "/v1/connections/con_a/ledger"


@pytest.fixture
def ledger(plane):
    return DynamoDBLedger(boto3.client("dynamodb"), TABLE, retention_days=90)


def write(ledger, count, *, key=KEY):
    entries = [
        LedgerEntry(
            key=key,
            type=LedgerType.CONNECTED if number == 0 else LedgerType.REFRESHED,
            at=NOW + timedelta(minutes=number),
            epoch=1,
            generation=number + 1,
            status=ConnectionStatus.ACTIVE,
            origin=Origin(trigger=Trigger.MANUAL, actor="cli_a", correlation_id="abc"),
            duration_seconds=0.5,
            expires_at=NOW + timedelta(hours=1),
        )
        for number in range(count)
    ]
    for entry in entries:
        ledger.write(entry)
    return entries


def test_a_ledger_is_read_newest_first_with_what_it_comes_to(plane, ledger):
    write(ledger, 2)

    answer = plane.request("GET", PATH, token=plane.tenant())

    assert answer.status == 200
    LedgerView.model_validate(answer.json, strict=False)
    assert [entry["type"] for entry in answer.json["entries"]] == ["refreshed", "connected"]
    assert answer.json["entries"][0] == {
        "type": "refreshed",
        "at": "2026-11-21T12:01:00.000Z",
        "epoch": 1,
        "generation": 2,
        "status": "active",
        "on_hold": False,
        "trigger": "manual",
        "actor": "cli_a",
        "correlation_id": "abc",
        "failure": None,
        "duration_ms": 500,
        "expires_at": "2026-11-21T13:00:00.000Z",
        "consent_ends_at": None,
        "changed": [],
    }
    assert answer.json["explanation"]["cause"] == "healthy"
    assert answer.json["cursor"] is None


def test_a_death_is_explained_with_what_to_do(plane, ledger):
    (alive,) = write(ledger, 1)
    failure = FailureRecord(cause="lost_response", code="invalid_grant", count=2, failed_at=NOW)
    status = ConnectionStatus.REAUTHORIZATION_REQUIRED
    dead = replace(alive, type=LedgerType.REAUTHORIZATION_REQUIRED, at=NOW + timedelta(days=1))
    ledger.write(replace(dead, status=status, failure=failure))

    answer = plane.request("GET", PATH, token=plane.tenant())

    LedgerView.model_validate(answer.json, strict=False)
    explanation = answer.json["explanation"]
    assert (explanation["cause"], explanation["since"]) == ("lost_response", "2026-11-22T12:00:00.000Z")
    assert "never reached us" in explanation["summary"]
    assert "POST /v1/connections" in explanation["mend"]
    assert answer.json["entries"][0]["failure"]["code"] == "invalid_grant"


def test_pages_join_without_gap_or_repeat_and_each_says_the_same_of_the_whole(plane, ledger):
    written = write(ledger, 7)
    generations, query, pages = [], "limit=3", 0
    while query:
        answer = plane.request("GET", PATH, token=plane.tenant(), query=query)
        assert answer.status == 200, answer.text
        generations += [entry["generation"] for entry in answer.json["entries"]]
        assert answer.json["explanation"]["since"] == "2026-11-21T12:00:00.000Z"
        cursor = answer.json["cursor"]
        query, pages = f"limit=3&cursor={cursor}" if cursor else "", pages + 1

    assert generations == [entry.generation for entry in written[::-1]]
    assert pages == 3


def test_a_cursor_opens_no_other_list(plane, ledger):
    write(ledger, 3)
    write(ledger, 3, key=replace(KEY, connection_id="con_b"))
    write(ledger, 3, key=replace(KEY, tenant_id="other"))
    cursor = plane.request("GET", PATH, token=plane.tenant(), query="limit=1").json["cursor"]

    tries = [
        plane.request("GET", PATH.replace("con_a", "con_b"), token=plane.tenant(), query=f"cursor={cursor}"),
        plane.request("GET", PATH, token=plane.tenant("other"), query=f"cursor={cursor}"),
        plane.request("GET", PATH, token=plane.tenant(), query=f"cursor={cursor[:-4]}AAAA"),
        plane.request("GET", PATH, token=plane.tenant(), query="cursor=x"),
    ]

    assert [(answer.status, answer.code) for answer in tries] == [(400, "BAD_REQUEST")] * 4


@pytest.mark.parametrize("path", ["con_nobodys", "con_a%23", "x" * 4000, "BEGUN"])
def test_absent_and_foreign_connections_look_the_same(plane, ledger, path):
    write(ledger, 1)

    absent = plane.request("GET", f"/v1/connections/{path}/ledger", token=plane.tenant())
    foreign = plane.request("GET", PATH, token=plane.tenant("other"))

    for answer in (absent, foreign):
        assert (answer.status, answer.code) == (404, "ACCOUNT_NOT_FOUND")
    assert absent.json["error"]["message"] == foreign.json["error"]["message"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("colour=red", "colour"),
        ("cursor=", "cursor"),
    ],
)
def test_a_query_that_is_not_one_is_refused_by_name(plane, query, named):
    answer = plane.request("GET", PATH, token=plane.tenant(), query=query)

    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert named in answer.json["error"]["message"]


def test_a_ledger_wants_its_scope_and_a_tenant(plane):
    for token in (plane.tenant(scopes=("tokens:read",)), plane.operator()):
        assert plane.request("GET", PATH, token=token).status == 403
    assert plane.request("GET", PATH).status == 401


def test_a_connection_whose_entries_have_had_their_time_is_known_still(plane, ledger):
    (entry,) = write(ledger, 1)
    client = boto3.client("dynamodb")
    for item in client.scan(TableName=TABLE)["Items"]:
        if item["pk"]["S"].startswith("LEDGER#") and "type" in item:
            client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})

    answer = plane.request("GET", f"/v1/connections/{entry.key.connection_id}/ledger", token=plane.tenant())

    assert answer.status == 200
    assert (answer.json["entries"], answer.json["explanation"]["cause"]) == ([], "quiet")
    LedgerView.model_validate(answer.json, strict=False)


def test_what_the_relay_is_told_by_the_stream_stands_in_the_ledger(plane, provider, tenant):
    connected = plane.connect(tenant).json
    client = boto3.client("dynamodb")
    rows = [
        item for item in client.scan(TableName=TABLE)["Items"] if item["sk"]["S"].startswith("CONNECTION#")
    ]
    (row,) = [from_item(item) for item in rows]
    relay = build_event_relay(plane.environ)

    answer = relay.handle({"Records": [record_of(0, None, row)]}, Context(60))

    assert answer == {"batchItemFailures": []}
    read = plane.request("GET", f"/v1/connections/{connected['connection_id']}/ledger", token=tenant)
    assert [entry["type"] for entry in read.json["entries"]] == ["connected"]
    assert read.json["entries"][0]["trigger"] == "connect"
    assert not any(word in json.dumps(read.json) for word in ("sealed", "ciphertext", "token_set"))
