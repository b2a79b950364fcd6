"""The grants without a browser and by device through the API: what their bodies may hold, and what never comes out again."""

import json
import time

import boto3
import pytest

from evertoken.entrypoints.connection_bodies import parse_connection_body
from tests.support.aws_account import TABLE
from tests.support.provider_faults import answer

JSON = {"Content-Type": "application/json"}
LOGIN = {"grant": "session_login", "credentials": {"username": "canary-name", "password": "canary-päss"}}
EXCHANGE = {"grant": "token_exchange", "subject_token": "canary-subject"}
BODIES = {
    "client_credentials": {"grant": "client_credentials"},
    "user_token": {"grant": "user_token", "user_token": "canary-user-token"},
    "session_login": LOGIN,
    "token_exchange": EXCHANGE,
    "jwt_bearer": {"grant": "jwt_bearer", "subject": "canary-subject@example"},
    "device_code": {"grant": "device_code"},
}
ISSUED = {"access_token": "canary-access", "token_type": "Bearer", "expires_in": 3600}
AUTHORIZED = {
    "device_code": "canary-device-code",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/activate",
    "expires_in": 600,
    "interval": 1,
}


def says(status=200, **body):
    return answer(status, json.dumps(body).encode(), JSON)


@pytest.fixture
def tenant(plane, provider):
    """A tenant whose provider offers every grant."""
    token = plane.tenant()
    plane.add_provider(
        provider.issuer,
        grants=["authorization_code", "refresh_token", *BODIES],
        endpoints={
            "authorization": f"{provider.issuer}/authorize",
            "token": f"{provider.issuer}/token",
            "device_authorization": f"{provider.issuer}/token",
        },
    )
    plane.add_registration()
    return token


def start(plane, token, **body):
    return plane.request(
        "POST", "/v1/connections", token=token, body={"provider": "scripted", "user_id": "ann", **body}
    )


@pytest.mark.parametrize("grant", ["user_token", "session_login", "token_exchange"])
def test_a_grant_without_a_browser_answers_with_the_connection(plane, provider, tenant, grant):
    provider.script.add(says(**ISSUED))

    made = start(plane, tenant, **BODIES[grant])

    assert made.status == 201, made.text
    assert (made.json["status"], made.json["user_id"]) == ("active", "ann")
    read = boto3.client("secretsmanager").get_secret_value(SecretId=made.json["secret_name"])
    assert json.loads(read["SecretString"])["access_token"] == "canary-access"


def test_what_was_given_is_in_no_answer_no_log_and_no_item(plane, provider, tenant, printed):
    provider.script.add(says(**ISSUED))
    made = start(plane, tenant, **LOGIN)
    path = f"/v1/connections/{made.json['connection_id']}"
    shown = [
        made.text,
        plane.request("GET", path, token=tenant).text,
        plane.request("GET", "/v1/connections", token=tenant).text,
        plane.request("DELETE", path, token=tenant).text,
        repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"]),
        printed.getvalue(),
    ]

    assert not [text for text in shown if "canary" in text]
    assert "POST /v1/connections" in printed.getvalue()


def test_a_refused_login_says_the_code_and_leaves_nothing(plane, provider, tenant, printed):
    provider.script.add(says(401, error="invalid_grant", error_description="canary-name is unknown"))

    refused = start(plane, tenant, **LOGIN)

    assert (refused.status, refused.code) == (422, "PROVIDER_REFUSED")
    assert "invalid_grant" in refused.json["error"]["message"]
    assert plane.request("GET", "/v1/connections", token=tenant).json["connections"] == []
    assert "canary" not in refused.text + printed.getvalue()


def test_a_login_without_a_refresh_token_is_renewed_by_logging_in_again(plane, provider, tenant):
    provider.script.add(says(**{**ISSUED, "expires_in": 2}))
    made = start(plane, tenant, **LOGIN)
    time.sleep(0.6)  # the age from which a token of two seconds may be refreshed on demand
    provider.script.add(says(**{**ISSUED, "access_token": "canary-second"}))

    renewed = plane.request("POST", f"/v1/connections/{made.json['connection_id']}/refresh", token=tenant)

    assert (renewed.status, renewed.json["outcome"]) == (200, "refreshed"), renewed.text
    assert renewed.json["connection"]["generation"] == 2
    assert len(provider.ledger.requests) == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"grant": "password"}, "grant"),
        ({"grant": "refresh_token"}, "grant"),
        ({"grant": ["session_login"]}, "grant"),
        ({"grant": None}, "grant"),
        ({"grant": "user_token"}, "user_token"),
        ({"grant": "user_token", "user_token": ""}, "user_token"),
        ({"grant": "user_token", "user_token": "canary token"}, "user_token"),
        ({"grant": "user_token", "user_token": "canary\r\nX: 1"}, "user_token"),
        ({"grant": "user_token", "user_token": "canary" + "x" * 8192}, "user_token"),
        ({"grant": "user_token", "user_token": 1}, "user_token"),
        ({"grant": "session_login"}, "credentials"),
        ({"grant": "session_login", "credentials": "canary"}, "credentials"),
        ({"grant": "session_login", "credentials": {"username": "canary"}}, "credentials.password"),
        (
            {"grant": "session_login", "credentials": {"username": "a", "password": "canary", "pin": "1"}},
            "credentials.pin",
        ),
        (
            {"grant": "session_login", "credentials": {"username": "a", "password": "canary\x00"}},
            "credentials.password",
        ),
        (
            {"grant": "session_login", "credentials": {"username": "", "password": "canary"}},
            "credentials.username",
        ),
        ({"grant": "token_exchange"}, "subject_token"),
        ({**EXCHANGE, "subject_token_type": "a b"}, "subject_token_type"),
        ({"grant": "jwt_bearer"}, "subject"),
        ({"grant": "jwt_bearer", "subject": "a\nb"}, "subject"),
        ({"grant": "client_credentials", "user_token": "canary"}, "user_token"),
        ({"grant": "client_credentials", "return_url": "https://app.example/connected"}, "return_url"),
        ({"grant": "device_code", "return_url": "https://app.example/connected"}, "return_url"),
        ({**LOGIN, "parameters": {"shop": "acme"}}, "shop"),
        ({**LOGIN, "parameters": {"a b": "acme"}}, "parameters"),
        ({**LOGIN, "parameters": {f"n{number}": "x" for number in range(21)}}, "parameters"),
        ({**LOGIN, "parameters": {"shop": "x" * 513}}, "parameters"),
        ({"grant": "session_login", **LOGIN, "user_id": ""}, "user_id"),
    ],
)
def test_a_body_that_cannot_be_is_refused_by_the_name_of_its_field_and_never_repeats_it(
    plane, provider, tenant, body, named
):
    refused = start(plane, tenant, **body)

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert named in refused.json["error"]["message"]
    assert "canary" not in refused.text
    assert provider.ledger.requests == []


@pytest.mark.parametrize("grant", [name for name in BODIES if name != "client_credentials"])
def test_a_user_must_be_named_where_there_is_one(plane, tenant, grant):
    refused = plane.request(
        "POST", "/v1/connections", token=tenant, body={"provider": "scripted", **BODIES[grant]}
    )

    assert refused.code == "BAD_REQUEST"
    assert "user_id: is missing" in refused.json["error"]["message"]


def test_a_jwt_bearer_grant_without_a_key_says_what_mends_it(plane, provider, tenant):
    refused = start(plane, tenant, **BODIES["jwt_bearer"])

    assert refused.code == "BAD_REQUEST"
    assert "signing_key" in refused.json["error"]["message"]
    assert provider.ledger.requests == []


def test_a_device_is_connected_once_its_user_has_consented(plane, provider, tenant):
    provider.script.add(says(**AUTHORIZED))
    started = start(plane, tenant, grant="device_code")
    assert started.status == 201, started.text
    assert set(started.json) == {
        "connection_id",
        "session_uri",
        "user_code",
        "verification_uri",
        "expires_at",
        "interval_seconds",
    }

    early = plane.complete(tenant, started.json["session_uri"])

    assert (early.status, early.json) == (202, {"status": "pending", "retry_after": 1})
    assert early.headers["Retry-After"] == "1"
    _let_an_interval_pass()
    provider.script.add(says(**ISSUED))
    done = plane.complete(tenant, started.json["session_uri"])
    assert (done.status, done.json["status"]) == (200, "active")
    assert done.json["connection_id"] == started.json["connection_id"]
    assert plane.complete(tenant, started.json["session_uri"]).code == "CONNECT_EXPIRED"


def test_a_device_shows_its_whole_uri_where_there_is_one(plane, provider, tenant):
    whole = "https://as.example/activate?user_code=WDJB-MJHT"
    provider.script.add(says(**AUTHORIZED, verification_uri_complete=whole))

    assert start(plane, tenant, grant="device_code").json["verification_uri_complete"] == whole


def test_another_user_or_tenant_cannot_finish_a_device(plane, provider, tenant):
    provider.script.add(says(**AUTHORIZED))
    session_uri = start(plane, tenant, grant="device_code").json["session_uri"]
    asked = len(provider.ledger.requests)

    assert plane.complete(tenant, session_uri, user_id="bob").code == "USER_MISMATCH"
    assert plane.complete(plane.tenant("other"), session_uri).code == "CONNECT_EXPIRED"
    assert len(provider.ledger.requests) == asked


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [("access_denied", 422, "PROVIDER_REFUSED"), ("expired_token", 410, "CONNECT_EXPIRED")],
)
def test_a_device_whose_user_said_no_or_nothing_is_over(plane, provider, tenant, code, status, ours):
    provider.script.add(says(**AUTHORIZED))
    session_uri = start(plane, tenant, grant="device_code").json["session_uri"]
    _let_an_interval_pass()
    provider.script.add(says(400, error=code))

    ended = plane.complete(tenant, session_uri)

    assert (ended.status, ended.code) == (status, ours)
    assert plane.complete(tenant, session_uri).code == "CONNECT_EXPIRED"


def test_device_code_and_session_are_nowhere_in_the_table_in_clear(plane, provider, tenant):
    provider.script.add(says(**AUTHORIZED))
    session_uri = start(plane, tenant, grant="device_code").json["session_uri"]

    stored = repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])

    assert session_uri.rsplit(":", 1)[1] not in stored
    assert "canary" not in stored


def _let_an_interval_pass():
    """As if a second had passed: the instants of the next polls are moved back by two."""
    client = boto3.client("dynamodb")
    for item in client.scan(TableName=TABLE)["Items"]:
        if item["sk"]["S"] == "DEVICE":
            client.update_item(
                TableName=TABLE,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET next_poll_at = next_poll_at - :two",
                ExpressionAttributeValues={":two": {"N": "2000"}},
            )


@pytest.mark.parametrize("grant", [name for name in BODIES if name != "device_code"])
def test_no_body_shows_in_its_repr_what_it_was_given(grant):
    body = parse_connection_body({"provider": "scripted", "user_id": "ann", **BODIES[grant]})

    assert "canary" not in repr((body, body.direct()))
