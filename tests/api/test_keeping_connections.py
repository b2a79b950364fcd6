"""What a tenant does with its connections: list, inspect, change, refresh, disconnect; and what no other tenant sees of it."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.domain.connection import Connection, ConnectionStatus, FailureRecord
from tests.support.aws_account import TABLE

NOW = datetime.now(UTC).replace(microsecond=0)
VIEW = {
    "connection_id",
    "provider",
    "registration",
    "user_id",
    "account",
    "name",
    "display_name",
    "status",
    "on_hold",
    "policy",
    "publication",
    "secret_name",
    "epoch",
    "generation",
    "scope",
    "missing_scope",
    "expires_at",
    "minutes_left",
    "has_refresh_token",
    "refresh_token_expires_at",
    "refresh_at",
    "attempted_at",
    "failure",
    "created_at",
    "updated_at",
}


def connection(number, **changes):
    """A stored connection, its id as ours are."""
    suffix = base64.b32encode(f"{number:016d}".encode()).decode().rstrip("=").lower()
    row = Connection(
        tenant_id="acme",
        connection_id=f"con_{suffix}",
        provider_id="scripted",
        registration_id="scripted-acme",
        binding="b",
        user_id="ann",
        account=f"account {number}",
        status=ConnectionStatus.ACTIVE,
        expires_at=NOW + timedelta(hours=number),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(row, **changes)


def store_rows(*rows):
    """Put rows into the table as the store writes them."""
    store = DynamoDBConnections(boto3.client("dynamodb"), TABLE, shards=4)
    for row in rows:
        store.create_connecting(row)


def list_page(plane, token, query=""):
    return plane.request("GET", "/v1/connections", token=token, query=query)


def test_every_field_of_the_contract_is_shown_and_no_token(plane, provider, tenant):
    connected = plane.connect(tenant).json

    shown = plane.request("GET", f"/v1/connections/{connected['connection_id']}", token=tenant)

    assert set(shown.json) == VIEW
    assert provider.token_prefix not in shown.text


def test_a_failure_is_shown_by_its_cause_and_code(plane):
    token = plane.tenant()
    failure = FailureRecord(cause="grant_dead", code="invalid_grant", count=2, failed_at=NOW)
    row = connection(1, status=ConnectionStatus.REAUTHORIZATION_REQUIRED, failure=failure)
    store_rows(row)

    shown = plane.request("GET", f"/v1/connections/{row.connection_id}", token=token).json

    assert shown["failure"]["cause"] == "grant_dead"
    assert (shown["failure"]["code"], shown["failure"]["count"]) == ("invalid_grant", 2)


def test_minutes_left_are_whole_and_never_negative(plane):
    token = plane.tenant()
    rows = [
        connection(1, expires_at=NOW - timedelta(hours=1)),
        connection(2, expires_at=None),
        connection(3, expires_at=datetime.now(UTC) + timedelta(seconds=299)),
    ]
    store_rows(*rows)

    left = [
        plane.request("GET", f"/v1/connections/{row.connection_id}", token=token).json["minutes_left"]
        for row in rows
    ]

    assert left == [0, None, 4]


def test_a_list_goes_on_where_the_cursor_says_until_the_end(plane):
    token = plane.tenant()
    store_rows(*(connection(number) for number in range(1, 8)))

    seen, cursor, pages = [], "", 0
    while cursor is not None and pages < 10:
        page = list_page(plane, token, f"limit=3{cursor}").json
        seen += [one["account"] for one in page["connections"]]
        cursor, pages = page["cursor"] and f"&cursor={page['cursor']}", pages + 1

    assert seen == [f"account {number}" for number in range(1, 8)]
    assert pages == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("user_id=bob", {"account 2"}),
        ("provider=other", {"account 3"}),
        ("account=account+4", {"account 4"}),
        ("status=reauthorization_required", {"account 5"}),
        ("refresh_before_minutes=90", {"account 1"}),
        ("user_id=nobody", set()),
    ],
)
def test_a_list_is_narrowed(plane, query, expected):
    token = plane.tenant()
    rows = [
        connection(1),
        connection(2, user_id="bob"),
        connection(3, provider_id="other"),
        connection(4),
        connection(5, status=ConnectionStatus.REAUTHORIZATION_REQUIRED),
    ]
    store_rows(*rows)
    bind_accounts(rows)

    assert {one["account"] for one in list_page(plane, token, query).json["connections"]} == expected


def bind_accounts(rows):
    """What `connect` writes beside a row, so that lists by user find it."""
    from evertoken.adapters.dynamodb_keys import account_sort, key_of, tenant_partition

    for row in rows:
        key = key_of(
            tenant_partition(row.tenant_id), account_sort(row.user_id, row.registration_id, row.account)
        )
        item = {**key, "connection_id": {"S": row.connection_id}, "user_id": {"S": row.user_id}}
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)


def test_a_cursor_is_good_for_its_tenant_alone_and_cannot_be_made(plane):
    token, other = plane.tenant("acme"), plane.tenant("other")
    store_rows(*(connection(number) for number in range(1, 4)))
    cursor = list_page(plane, token, "limit=1").json["cursor"]
    plain = base64.urlsafe_b64encode(json.dumps({"pk": {"S": "TENANT#acme"}}).encode()).decode().rstrip("=")
    sealed = base64.urlsafe_b64encode(json.dumps(["2026-11", "AAAA"]).encode()).decode().rstrip("=")
    forged = {
        "another tenant's": (other, cursor),
        "tampered": (token, cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")),
        "plain": (token, plain),
        "made up": (token, sealed),
        "no base64": (token, "%F0%9F"),
        "no JSON": (token, "abcd"),
        "another key": (token, base64.urlsafe_b64encode(b'["1999-01","AAAA"]').decode().rstrip("=")),
        "too long": (token, "A" * 2049),
    }

    answers = {name: list_page(plane, who, f"limit=1&cursor={what}") for name, (who, what) in forged.items()}

    assert {name for name, answer in answers.items() if answer.status != 400} == set()
    assert list_page(plane, token, f"limit=1&cursor={cursor}").status == 200


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "repeated"),
        ("status=gone", "status"),
        ("refresh_before_minutes=-1", "refresh_before_minutes"),
        ("tenant_id=other", "tenant_id: no such field"),
        ("user_id=", "user_id"),
    ],
)
def test_a_query_that_cannot_be_is_refused_by_its_field(plane, query, named):
    refused = list_page(plane, plane.tenant(), query)

    assert refused.code == "BAD_REQUEST"
    assert named in refused.json["error"]["message"]


def test_a_name_and_a_policy_are_changed_and_the_plan_follows(plane, tenant):
    connected = plane.connect(tenant).json
    path = f"/v1/connections/{connected['connection_id']}"

    changed = plane.request("PATCH", path, token=tenant, body={"name": "mine", "policy": "lazy"}).json

    assert (changed["name"], changed["policy"], changed["refresh_at"]) == ("mine", "lazy", None)
    back = plane.request("PATCH", path, token=tenant, body={"policy": "scheduled"}).json
    moved = datetime.fromisoformat(back["refresh_at"]) - datetime.fromisoformat(connected["refresh_at"])
    assert back["name"] == "mine"
    assert abs(moved) <= timedelta(milliseconds=2)  # the store keeps whole milliseconds
    assert back["generation"] == connected["generation"]


def test_a_publication_is_withdrawn_and_given_back(plane, provider, tenant):
    connected = plane.connect(tenant).json
    path, secrets = f"/v1/connections/{connected['connection_id']}", boto3.client("secretsmanager")

    def published(stage="AWSCURRENT"):
        value = secrets.get_secret_value(SecretId=connected["secret_name"], VersionStage=stage)
        return json.loads(value["SecretString"])["access_token"]

    assert provider.rules.accepts(published())
    assert (
        plane.request("PATCH", path, token=tenant, body={"publication": "api_only"}).json["secret_name"]
        is None
    )
    assert (published(), published("AWSPREVIOUS")) == (None, None)
    plane.request("PATCH", path, token=tenant, body={"publication": "secrets_manager"})
    assert provider.rules.accepts(published())


def test_short_tokens_cannot_be_published_by_a_change_either(plane, provider, tenant):
    provider.rules.change_profile(access_token_seconds=300)
    connected = plane.connect(tenant).json

    refused = plane.request(
        "PATCH",
        f"/v1/connections/{connected['connection_id']}",
        token=tenant,
        body={"publication": "secrets_manager"},
    )

    assert refused.code == "BAD_REQUEST"
    assert "300 s" in refused.json["error"]["message"]


def test_a_hold_hides_the_token_and_ends_when_it_is_lifted(plane, provider, tenant):
    connected = plane.connect(tenant).json
    path = f"/v1/connections/{connected['connection_id']}"

    assert plane.request("PATCH", path, token=tenant, body={"on_hold": True}).json["on_hold"] is True
    assert plane.request("POST", f"{path}/refresh", token=tenant).code == "ON_HOLD"
    assert plane.request("PATCH", path, token=tenant, body={"on_hold": False}).json["on_hold"] is False


def test_an_empty_change_changes_nothing(plane, tenant):
    connected = plane.connect(tenant).json
    path = f"/v1/connections/{connected['connection_id']}"

    assert plane.request("PATCH", path, token=tenant, body={}).json["updated_at"] == connected["updated_at"]


def test_a_refresh_by_hand_of_a_young_token_is_not_needed_and_asks_nobody(plane, provider, tenant):
    connected = plane.connect(tenant).json
    before = len(provider.ledger.requests)

    answer = plane.request("POST", f"/v1/connections/{connected['connection_id']}/refresh", token=tenant)

    assert (answer.status, answer.json["outcome"]) == (200, "not_needed")
    assert len(provider.ledger.requests) == before


def make_older(connection_id, seconds):
    """Move the token's birth back, so that it may be refreshed by hand."""
    client = boto3.client("dynamodb")
    key = {"pk": {"S": "TENANT#acme"}, "sk": {"S": f"CONNECTION#{connection_id}"}}
    issued = int(client.get_item(TableName=TABLE, Key=key)["Item"]["issued_at"]["N"])
    client.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET issued_at = :older",
        ExpressionAttributeValues={":older": {"N": str(issued - seconds * 1000)}},
    )


def test_a_refresh_by_hand_gets_a_new_generation_and_publishes_it(plane, provider, tenant):
    connected = plane.connect(tenant).json
    make_older(connected["connection_id"], 600)

    answer = plane.request("POST", f"/v1/connections/{connected['connection_id']}/refresh", token=tenant)

    assert (answer.status, answer.json["outcome"]) == (200, "refreshed")
    assert answer.json["connection"]["generation"] == 2
    value = boto3.client("secretsmanager").get_secret_value(SecretId=connected["secret_name"])
    assert provider.rules.accepts(json.loads(value["SecretString"])["access_token"])


def test_a_refresh_by_hand_of_a_dead_grant_says_that_a_person_must_connect_again(plane, provider, tenant):
    connected = plane.connect(tenant).json
    make_older(connected["connection_id"], 600)
    value = boto3.client("secretsmanager").get_secret_value(SecretId=connected["secret_name"])
    provider.rules.end_grant(json.loads(value["SecretString"])["access_token"])
    path = f"/v1/connections/{connected['connection_id']}"

    answer = plane.request("POST", f"{path}/refresh", token=tenant)

    assert (answer.status, answer.code) == (409, "REAUTH_REQUIRED")
    assert plane.request("GET", path, token=tenant).json["status"] == "reauthorization_required"


def test_a_disconnect_revokes_withdraws_and_may_be_repeated(plane, provider, tenant):
    connected = plane.connect(tenant).json
    path, secrets = f"/v1/connections/{connected['connection_id']}", boto3.client("secretsmanager")
    token = json.loads(secrets.get_secret_value(SecretId=connected["secret_name"])["SecretString"])[
        "access_token"
    ]

    first, second = (plane.request("DELETE", path, token=tenant) for _ in range(2))

    assert (first.status, first.json["status"], second.status) == (200, "disconnected", 200)
    withdrawn = json.loads(secrets.get_secret_value(SecretId=connected["secret_name"])["SecretString"])
    assert withdrawn["access_token"] is None
    assert not provider.rules.accepts(token)
    assert plane.request("POST", f"{path}/refresh", token=tenant).code == "DISCONNECTED"
    assert plane.request("PATCH", path, token=tenant, body={"name": "x"}).code == "CONFLICT"


def test_a_client_connects_for_itself_without_a_browser(plane, provider):
    token = plane.tenant()
    plane.add_provider(
        provider.issuer, grants=["client_credentials"], refresh={"credential": "client_credentials"}
    )
    plane.add_registration()

    made = plane.start_client(token)

    assert made.status == 201, made.text
    assert (made.json["status"], made.json["user_id"], made.json["has_refresh_token"]) == (
        "active",
        "application",
        False,
    )
    value = boto3.client("secretsmanager").get_secret_value(SecretId=made.json["secret_name"])
    assert provider.rules.accepts(json.loads(value["SecretString"])["access_token"])
    assert made.json["refresh_at"] is not None
    again = plane.start_client(token)
    assert (again.json["connection_id"], again.json["epoch"]) == (made.json["connection_id"], 2)


def test_a_provider_that_renews_otherwise_does_not_connect_without_a_browser(plane, tenant):
    refused = plane.start_client(tenant)

    assert refused.code == "BAD_REQUEST"
    assert "grant" in refused.json["error"]["message"]


def test_no_tenant_reaches_anothers_connection_by_any_route(plane, provider, tenant):
    connected = plane.connect(tenant).json
    other, before = plane.tenant("other"), len(provider.ledger.requests)
    path = f"/v1/connections/{connected['connection_id']}"
    absent = "/v1/connections/con_" + "a" * 26
    routes = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/refresh")]

    for method, rest in routes:
        body = {"name": "stolen", "policy": "lazy", "on_hold": True} if method == "PATCH" else None
        headers = {"x-correlation-id": "same"}
        foreign = plane.request(method, path + rest, token=other, body=body, headers=headers)
        missing = plane.request(method, absent + rest, token=other, body=body, headers=headers)
        assert (foreign.status, foreign.code) == (404, "ACCOUNT_NOT_FOUND")
        assert foreign.text == missing.text
    assert list_page(plane, other).json["connections"] == []
    assert len(provider.ledger.requests) == before
    assert plane.request("GET", path, token=tenant).json["updated_at"] == connected["updated_at"]


@pytest.mark.parametrize("connection_id", ["x", "con_", "con_" + "A" * 26, "con_" + "a" * 27, "..", "%2e%2e"])
def test_an_id_of_another_form_is_not_found(plane, connection_id):
    answer = plane.request("GET", f"/v1/connections/{connection_id}", token=plane.tenant())

    assert (answer.status, answer.code) == (404, "ACCOUNT_NOT_FOUND")


def test_a_token_without_the_scope_may_look_and_not_touch(plane, tenant):
    connected = plane.connect(tenant).json
    reader = plane.tenant("acme", scopes=("connections:read",))
    path = f"/v1/connections/{connected['connection_id']}"

    assert plane.request("GET", path, token=reader).status == 200
    for method, where in [
        ("POST", "/v1/connections"),
        ("POST", "/v1/connections/complete"),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/refresh"),
    ]:
        assert plane.request(method, where, token=reader, body={}).code == "FORBIDDEN"
