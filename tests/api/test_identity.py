"""Who may call: access tokens, scopes, tenants, and the routes that keep them."""

import base64
import json

import boto3
import pytest

from tests.support.aws_account import OPERATOR_SECRET, SECRET_PREFIX, TABLE
from tests.support.control_plane import RETURN_URL

TOKEN = "/v1/auth/token"


def basic(client_id, secret):
    return {"authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def test_a_client_gets_a_token_by_basic_form_or_json(plane):
    ways = [
        {"form": "grant_type=client_credentials", "headers": basic("operator", OPERATOR_SECRET)},
        {"form": f"grant_type=client_credentials&client_id=operator&client_secret={OPERATOR_SECRET}"},
        {
            "body": {
                "grant_type": "client_credentials",
                "client_id": "operator",
                "client_secret": OPERATOR_SECRET,
            }
        },
    ]

    for way in ways:
        answer = plane.request("POST", TOKEN, **way)
        assert answer.status == 200
        assert answer.json["token_type"] == "Bearer"
        assert (answer.json["expires_in"], answer.json["scope"]) == (900, "operator")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "way",
    [
        {"form": "grant_type=client_credentials", "headers": basic("operator", "wrong")},
        {"form": "grant_type=client_credentials", "headers": basic("nobody", OPERATOR_SECRET)},
        {"form": "grant_type=client_credentials", "headers": {"authorization": "Basic %%%"}},
        {"form": "grant_type=client_credentials", "headers": {"authorization": "Basic bm9jb2xvbg=="}},
        {"form": "grant_type=client_credentials", "headers": {"authorization": "Bearer x"}},
        {"form": "grant_type=client_credentials"},
        {"form": "grant_type=client_credentials&client_id=operator"},
        {"form": "grant_type=client_credentials&client_id=operator&client_secret=" + "x" * 1000},
        {"form": "grant_type=client_credentials&client_id=" + "x" * 1000 + "&client_secret=x"},
        {"form": "grant_type=client_credentials&client_id=%00&client_secret=x"},
    ],
    ids=["secret", "id", "base64", "no colon", "bearer", "nothing", "half", "long secret", "long id", "NUL"],
)
def test_every_wrong_credential_meets_the_same_refusal(plane, way):
    answer = plane.request("POST", TOKEN, **way)

    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.json["error"]["message"] == "The client is unknown, or its secret is wrong."


@pytest.mark.parametrize(
    ("way", "named"),
    [
        ({"form": "grant_type=password", "headers": basic("operator", OPERATOR_SECRET)}, "grant_type"),
        ({"form": "", "headers": basic("operator", OPERATOR_SECRET)}, "grant_type"),
        ({"form": "grant_type=client_credentials&x=1"}, "x"),
        ({"form": "grant_type=client_credentials&grant_type=client_credentials"}, "repeated"),
        (
            {
                "form": f"grant_type=client_credentials&client_id=operator&client_secret={OPERATOR_SECRET}",
                "headers": basic("operator", OPERATOR_SECRET),
            },
            "once",
        ),
        (
            {
                "form": "grant_type=client_credentials&scope=tokens:read",
                "headers": basic("operator", OPERATOR_SECRET),
            },
            "scope",
        ),
        ({"body": {"grant_type": "client_credentials", "client_id": 1, "client_secret": "x"}}, "client_id"),
        ({"form": "grant_type=client_credentials", "headers": {"content-type": "text/plain"}}, "body"),
    ],
)
def test_malformed_token_requests_name_what_is_wrong(plane, way, named):
    answer = plane.request("POST", TOKEN, **way)

    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert named in answer.json["error"]["message"]


def test_a_client_may_ask_for_fewer_scopes_than_it_has(plane):
    plane.tenant()
    client = plane.request(
        "POST",
        "/v1/clients",
        token=plane.operator(),
        body={"tenant_id": "acme", "name": "n", "scopes": ["connections:read", "tokens:read"]},
    ).json
    token = plane.token_of(client["client_id"], client["client_secret"], scope="tokens:read")

    assert plane.request("GET", "/v1/connections", token=token).code == "FORBIDDEN"


def test_the_issuer_is_the_gateways_own_name_and_never_the_host_header(plane):
    token = plane.operator()
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))

    assert claims["iss"] == "https://api.evertoken.example"
    assert claims["aud"] == "evertoken"
    assert claims["exp"] - claims["iat"] == 900
    assert "tenant" not in claims
    assert plane.request("GET", "/v1/tenants", token=token).status == 200
    assert plane.request("GET", "/v1/tenants", token=token, domain="other.example").status == 401


def test_the_keys_are_public_and_may_be_kept_for_a_while(plane):
    answer = plane.request("GET", "/.well-known/jwks.json")

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert [set(key) for key in answer.json["keys"]] == [{"kty", "crv", "x", "y", "use", "alg", "kid"}]


def test_the_health_check_is_public(plane):
    assert plane.request("GET", "/v1/health").json == {"status": "ok"}


def test_an_operator_reaches_no_connection(plane):
    operator = plane.operator()

    for method, path in [("GET", "/v1/connections"), ("POST", "/v1/connections")]:
        assert plane.request(method, path, token=operator, body={}).code == "FORBIDDEN"


OPERATOR_ROUTES = [
    ("GET", "/v1/tenants"),
    ("GET", "/v1/tenants/acme"),
    ("PUT", "/v1/tenants/acme"),
    ("DELETE", "/v1/tenants/acme"),
    ("GET", "/v1/clients"),
    ("POST", "/v1/clients"),
    ("GET", "/v1/clients/x"),
    ("DELETE", "/v1/clients/x"),
    ("PUT", "/v1/providers/x"),
    ("DELETE", "/v1/providers/x"),
    ("GET", "/v1/registrations"),
    ("GET", "/v1/registrations/x"),
    ("PUT", "/v1/registrations/x"),
    ("DELETE", "/v1/registrations/x"),
]


@pytest.mark.parametrize(("method", "path"), OPERATOR_ROUTES)
def test_no_tenant_reaches_an_operators_route(plane, method, path):
    assert plane.request(method, path, token=plane.tenant(), body={}).code == "FORBIDDEN"
    assert plane.request(method, path, body={}).code == "UNAUTHORIZED"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer a.b.c"},
        {"authorization": "Basic b3BlcmF0b3I6eA=="},
    ],
)
def test_without_a_valid_token_every_route_answers_the_same(plane, headers):
    bodies = set()
    for method, path in [*OPERATOR_ROUTES, ("GET", "/v1/connections"), ("GET", "/v1/providers")]:
        answer = plane.request(
            method,
            path,
            headers={**headers, "x-correlation-id": "same"},
            body={} if method != "GET" else None,
        )
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(answer.text)
    assert len(bodies) == 1


def test_two_tokens_in_one_request_are_none(plane):
    token = plane.operator()

    answer = plane.request("GET", "/v1/tenants", headers={"authorization": f"Bearer {token},Bearer {token}"})

    assert answer.status == 401


def test_a_clients_secret_is_shown_once_and_stored_as_a_hash(plane):
    plane.tenant()
    body = {"tenant_id": "acme", "name": "backend", "scopes": ["tokens:read"]}
    created = plane.request("POST", "/v1/clients", token=plane.operator(), body=body).json

    path = f"/v1/clients/{created['client_id']}"
    again = plane.request("GET", path, token=plane.operator())
    stored = repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])

    assert created["client_secret"] not in again.text
    assert created["client_secret"] not in stored
    assert plane.token_of(created["client_id"], created["client_secret"])


def test_a_deleted_client_gets_no_token(plane):
    plane.tenant()
    body = {"tenant_id": "acme", "name": "backend", "scopes": ["tokens:read"]}
    created = plane.request("POST", "/v1/clients", token=plane.operator(), body=body).json
    path = f"/v1/clients/{created['client_id']}"

    assert plane.request("DELETE", path, token=plane.operator()).status == 204
    assert plane.request("DELETE", path, token=plane.operator()).status == 404
    refused = plane.request(
        "POST",
        TOKEN,
        form="grant_type=client_credentials",
        headers=basic(created["client_id"], created["client_secret"]),
    )
    assert refused.status == 401


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"tenant_id": "nobody", "name": "n", "scopes": ["tokens:read"]}, "tenant_id"),
        ({"tenant_id": "acme", "name": "n", "scopes": ["operator"]}, "scopes.0"),
        ({"tenant_id": "acme", "name": "n", "scopes": []}, "scopes"),
        ({"tenant_id": "acme", "name": "n"}, "scopes: is missing"),
        ({"tenant_id": "acme", "name": "", "scopes": ["tokens:read"]}, "name"),
        ({"tenant_id": "ACME", "name": "n", "scopes": ["tokens:read"]}, "tenant_id"),
        (
            {"tenant_id": "acme", "name": "n", "scopes": ["tokens:read"], "admin": True},
            "admin: no such field",
        ),
    ],
)
def test_a_client_that_cannot_be_is_refused_by_its_field(plane, body, named):
    plane.tenant()

    refused = plane.request("POST", "/v1/clients", token=plane.operator(), body=body)

    assert refused.code == "BAD_REQUEST"
    assert named in refused.json["error"]["message"]


def test_tenants_are_kept_listed_and_removed_when_no_client_is_left(plane):
    plane.tenant("acme")
    plane.tenant("beta")
    operator = plane.operator()

    listed = plane.request("GET", "/v1/tenants", token=operator).json["tenants"]
    assert [one["tenant_id"] for one in listed] == ["acme", "beta"]
    assert plane.request("DELETE", "/v1/tenants/acme", token=operator).code == "CONFLICT"
    (client,) = plane.request("GET", "/v1/clients", token=operator, query="tenant_id=acme").json["clients"]
    plane.request("DELETE", f"/v1/clients/{client['client_id']}", token=operator)
    assert plane.request("DELETE", "/v1/tenants/acme", token=operator).status == 204
    assert plane.request("GET", "/v1/tenants/acme", token=operator).code == "NOT_FOUND"


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example/x",
        "//app.example",
        "https:app.example",
        "https://user@app.example/",
        "https://app.example/#x",
        "https://app.example\\@evil.example/",
        "https://App.example/",
        "https://app.example/a/../b",
        "https://app.example/é",
        "https://app.example/\r\nx",
        "https://app.example/ ",
        "https://app..example/",
        "https://app.example/?status=returned",
        "https://app.example/?a=1&session_uri=x",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://" + "a" * 2000,
        "https://",
        "",
    ],
)
def test_a_return_url_that_could_be_read_in_two_ways_is_refused(plane, url):
    refused = plane.request(
        "PUT",
        "/v1/tenants/acme",
        token=plane.operator(),
        body={"name": "Acme", "return_urls": [RETURN_URL, url]},
    )

    assert refused.code == "BAD_REQUEST"
    assert refused.json["error"]["message"].startswith("return_urls.1:")


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example",
        "https://app.example:8443/a/b?c=%2F",
        "http://127.0.0.1:3000/x",
        "http://localhost/",
    ],
)
def test_plain_return_urls_are_taken(plane, url):
    body = {"name": "Acme", "return_urls": [url]}

    assert plane.request("PUT", "/v1/tenants/acme", token=plane.operator(), body=body).json[
        "return_urls"
    ] == [url]


def test_the_operators_credential_is_the_stacks_own_secret(plane):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=f"{SECRET_PREFIX}/private/operator")
    stored = json.loads(secret["SecretString"])

    assert plane.token_of(stored["client_id"], stored["client_secret"])
