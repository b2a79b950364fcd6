"""API clients of every kind: how operators make them, how they prove themselves, and how their tokens end."""

import base64
import json
import time

import boto3
import pytest
from pydantic import TypeAdapter

from evertoken.adapters.dynamodb_partition import Partition
from evertoken.entrypoints.openapi.identity import OPERATIONS
from tests.support.aws_account import TABLE
from tests.support.oauth_client import Person, PlainClient
from tests.support.third_party_server import ThirdPartyServer
from tests.support.unsigned_jwt import unsigned_jwt

TOKEN, ROLE_TOKEN, CLIENTS = "/v1/auth/token", "/v1/auth/role-token", "/v1/clients"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ROLE = "arn:aws:iam::123456789012:role/jobs/Reports"
SESSION = "arn:aws:sts::123456789012:assumed-role/Reports/job-7"
OIDC = {"issuer": "https://id.example", "audience": "api://evertoken"}
MODELS = {operation.key: operation.answers for operation in OPERATIONS}


def checked(key, answer):
    """The answer's document, which has to be what the API's description says of it."""
    TypeAdapter(MODELS[key][answer.status]).validate_json(answer.text)
    return answer.json


def create(plane, tenant_id="acme", **more):
    plane.tenant(tenant_id)
    body = {"tenant_id": tenant_id, "name": "backend", "scopes": ["connections:read"], **more}
    return plane.request("POST", CLIENTS, token=plane.operator(), body=body)


def claims_of(token):
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


@pytest.mark.parametrize(
    ("proof", "shown"),
    [
        ({}, {"kind": "secret"}),
        ({"role_arn": ROLE}, {"kind": "role", "role_arn": ROLE}),
        (
            {"oidc": {**OIDC, "subject": "robot"}},
            {"kind": "oidc", "oidc": {**OIDC, "audience_claim": "aud", "subject": "robot"}},
        ),
    ],
    ids=["secret", "role", "oidc"],
)
def test_a_client_of_each_kind_is_shown_as_what_it_is_and_never_with_its_secret(plane, proof, shown):
    made = create(plane, **proof)
    created = checked("POST /v1/clients", made)
    secret = created.pop("client_secret", None)
    path = f"{CLIENTS}/{created['client_id']}"

    assert made.status == 201
    assert (secret is None) == bool(proof)
    assert {name: created[name] for name in shown} == shown
    got = plane.request("GET", path, token=plane.operator())
    assert checked("GET /v1/clients/{client_id}", got) == created
    listed = plane.request("GET", CLIENTS, token=plane.operator(), query="tenant_id=acme")
    assert created in checked("GET /v1/clients", listed)["clients"]
    assert "hash" not in got.text + listed.text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"role_arn": "Reports"}, "role_arn"),
        ({"role_arn": SESSION}, "role_arn"),
        ({"role_arn": ""}, "role_arn"),
        ({"role_arn": ROLE, "oidc": OIDC}, "role_arn, oidc"),
        ({"oidc": {"issuer": "https://id.example"}}, "oidc.audience"),
        ({"oidc": {**OIDC, "issuer": "https://10.0.0.1"}}, "oidc.issuer"),
        ({"oidc": {**OIDC, "issuer": "http://id.example"}}, "oidc.issuer"),
        ({"oidc": {**OIDC, "audience_claim": "sub"}}, "oidc.audience_claim"),
        ({"oidc": {**OIDC, "audience": ["a"]}}, "oidc.audience"),
        ({"oidc": {**OIDC, "jwks_uri": "https://evil.example"}}, "oidc.jwks_uri: no such field"),
        ({"secret_hash": "0" * 64}, "secret_hash: no such field"),
    ],
)
def test_a_client_that_cannot_be_is_refused_by_its_field(plane, body, named):
    refused = create(plane, **body)

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert named in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("proof", "same"),
    [
        ({"role_arn": ROLE}, {"role_arn": ROLE.replace("jobs/", "")}),
        ({"oidc": OIDC}, {"oidc": {**OIDC, "audience_claim": "aud"}}),
    ],
    ids=["role", "oidc"],
)
def test_one_role_or_token_is_one_client_until_that_is_deleted(plane, proof, same):
    first = create(plane, **proof).json
    taken = create(plane, tenant_id="beta", **same)

    assert (taken.status, taken.code) == (409, "CONFLICT")
    plane.request("DELETE", f"{CLIENTS}/{first['client_id']}", token=plane.operator())
    assert create(plane, tenant_id="beta", **same).status == 201


def test_a_role_gets_a_token_of_its_tenant(plane):
    created = create(plane, role_arn=ROLE).json
    answer = plane.request("POST", ROLE_TOKEN, signed_by=SESSION)
    token = checked("POST /v1/auth/role-token", answer)["access_token"]

    assert answer.headers["Cache-Control"] == "no-store"
    claims = claims_of(token)
    assert (claims["sub"], claims["tenant"]) == (created["client_id"], "acme")
    assert plane.request("GET", "/v1/connections", token=token).status == 200
    assert plane.request("GET", CLIENTS, token=token).code == "FORBIDDEN"


@pytest.mark.parametrize(
    "way", [{}, {"body": {}}, {"form": "scope=connections:read"}, {"body": {"scope": "connections:read"}}]
)
def test_a_role_may_ask_for_fewer_scopes_or_say_nothing(plane, way):
    create(plane, role_arn=ROLE, scopes=["connections:read", "tokens:read"])

    scope = plane.request("POST", ROLE_TOKEN, signed_by=SESSION, **way).json["scope"]

    assert scope == ("connections:read" if "read" in str(way) else "connections:read tokens:read")


@pytest.mark.parametrize(
    ("way", "status", "code"),
    [
        ({}, 401, "UNAUTHORIZED"),
        ({"signed_by": ""}, 401, "UNAUTHORIZED"),
        ({"signed_by": "arn:aws:sts::123456789012:assumed-role/Other/job-7"}, 403, "FORBIDDEN"),
        ({"signed_by": "arn:aws:iam::123456789012:user/Reports"}, 403, "FORBIDDEN"),
        ({"signed_by": "arn:aws:iam::123456789012:root"}, 403, "FORBIDDEN"),
        ({"signed_by": SESSION, "body": {"scope": "operator"}}, 400, "BAD_REQUEST"),
        ({"signed_by": SESSION, "body": {"role_arn": ROLE}}, 400, "BAD_REQUEST"),
        ({"signed_by": SESSION, "body": {"tenant_id": "beta"}}, 400, "BAD_REQUEST"),
    ],
)
def test_nothing_but_the_gateways_word_makes_a_role(plane, way, status, code):
    create(plane, role_arn=ROLE)
    headers = {"x-amz-user-arn": SESSION, "authorization": "AWS4-HMAC-SHA256 Credential=x"}

    answer = plane.request("POST", ROLE_TOKEN, headers=headers, **way)

    assert (answer.status, answer.code) == (status, code)


def test_a_real_issuers_token_is_exchanged_for_one_of_ours(plane):
    with ThirdPartyServer(access_token_seconds=60) as server:
        registered = server.register_client("http://127.0.0.1:9/callback")
        client = PlainClient(
            authorization_endpoint=server.authorization_endpoint,
            token_endpoint=server.token_endpoint,
            revocation_endpoint=server.revocation_endpoint,
            client_id=registered.client_id,
            client_secret=registered.client_secret,
            redirect_uri=registered.redirect_uri,
        )
        assertion = client.connect(Person(server.username, server.password), scope="openid")["id_token"]
        exchange = {"grant_type": JWT_BEARER, "assertion": assertion}
        unbound = plane.request("POST", TOKEN, body=exchange)
        created = create(
            plane, oidc={"issuer": server.issuer, "audience": registered.client_id, "subject": claims_of(assertion)["sub"]}
        ).json  # fmt: skip

        answer = plane.request("POST", TOKEN, body=exchange)
        token = checked("POST /v1/auth/token", answer)["access_token"]
        by_form = plane.request(
            "POST", TOKEN, form=f"grant_type={JWT_BEARER}&assertion={assertion}&scope=tokens:read"
        )

    assert claims_of(token)["sub"] == created["client_id"]
    assert plane.request("GET", "/v1/connections", token=token).status == 200
    assert (by_form.status, by_form.code) == (400, "BAD_REQUEST"), "the client has no tokens:read"
    assert (unbound.status, unbound.code) == (401, "UNAUTHORIZED")
    assert assertion not in repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])


@pytest.mark.parametrize(
    ("way", "status", "named"),
    [
        ({"body": {"grant_type": JWT_BEARER}}, 400, "assertion"),
        ({"body": {"grant_type": JWT_BEARER, "assertion": ""}}, 400, "assertion"),
        ({"body": {"grant_type": JWT_BEARER, "assertion": "x", "client_id": "y"}}, 400, "client_id"),
        (
            {"body": {"grant_type": JWT_BEARER, "assertion": "x"}, "headers": {"authorization": "Basic eDp4"}},
            400,
            "Authorization",
        ),
        ({"body": {"grant_type": JWT_BEARER, "assertion": "x"}}, 401, "assertion"),
        ({"body": {"grant_type": JWT_BEARER, "assertion": "e30.e30.x"}}, 401, "assertion"),
        ({"body": {"grant_type": "jwt-bearer", "client_id": "x", "client_secret": "y"}}, 400, "grant_type"),
    ],
)  # fmt: skip
def test_malformed_exchanges_name_what_is_wrong(plane, way, status, named):
    answer = plane.request("POST", TOKEN, **way)

    assert answer.status == status
    assert named in answer.json["error"]["message"]


def test_a_deleted_clients_live_token_is_refused_by_every_function_that_asks_anew(plane):
    created = create(plane, tenant_id="leavers", scopes=["connections:read", "tokens:read"]).json
    token = plane.token_of(created["client_id"], created["client_secret"])
    reads = [("GET", "/v1/connections"), ("GET", "/v1/connections/con_" + "a" * 26 + "/token"), ("GET", "/v1/jobs"), ("GET", "/v1/providers"), ("GET", "/v1/tenants")]  # fmt: skip
    assert [plane.request(*read, token=token).status for read in reads] == [200, 404, 200, 200, 403]

    assert plane.request("DELETE", f"{CLIENTS}/{created['client_id']}", token=plane.operator()).status == 204
    for name in plane.functions:
        plane.restart(name)

    answers = [
        plane.request(*read, token=token, headers={"x-correlation-id": "same"})
        for read in [*reads, ("GET", "/v1/sessions"), ("POST", CLIENTS)]
    ]
    assert {answer.status for answer in answers} == {401}
    never = plane.request("GET", "/v1/connections", token="a.b.c", headers={"x-correlation-id": "same"})
    assert {answer.text for answer in answers} == {never.text}, "like a token that never was good"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("kind", ["tenants", "clients"])
def test_an_id_that_nothing_can_have_is_looked_for_nowhere(plane, monkeypatch, method, kind):
    operator, asked = plane.operator(), []
    plane.request("GET", "/v1/tenants", token=operator)
    monkeypatch.setattr(Partition, "find", lambda _, name: asked.append(name))

    for name in ("x" * 3000, "cli_" + "x" * 1021, "A", "é"):
        answer = plane.request(method, f"/v1/{kind}/{name}", token=operator)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert asked == []


def test_an_assertion_whose_issuer_is_no_text_is_refused_like_any_other(plane):
    answers = [
        plane.request(
            "POST", TOKEN, body={"grant_type": JWT_BEARER, "assertion": unsigned_jwt({"iss": issuer})}
        )
        for issuer in ("\ud800", "https://id.example")
    ]

    assert [answer.status for answer in answers] == [401, 401]
    assert len({answer.json["error"]["message"] for answer in answers}) == 1


def test_a_suspended_tenant_is_shut_out_until_that_is_lifted_and_others_are_not(plane):
    token = plane.tenant("pausers")
    path, body = "/v1/tenants/pausers", {"name": "Pausers"}

    def put(**more):
        answer = plane.request("PUT", path, token=plane.operator(), body={**body, **more})
        return checked("PUT /v1/tenants/{tenant_id}", answer)["suspended"]

    def read(caller):
        plane.restart("connections_api")
        return plane.request("GET", "/v1/connections", token=caller).status

    created = create(plane, tenant_id="pausers").json
    assert (put(suspended=True), put()) == (True, True)
    refused = plane.request(
        "POST",
        TOKEN,
        body={"grant_type": "client_credentials", "client_id": created["client_id"], "client_secret": created["client_secret"]},
    )  # fmt: skip
    assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert (read(token), read(plane.tenant("others"))) == (401, 200)
    time.sleep(1.1)  # iat has whole seconds
    assert put(suspended=False) is False
    assert read(token) == 401, "what was issued before is not good again"
    assert read(plane.token_of(created["client_id"], created["client_secret"])) == 200


@pytest.mark.parametrize("suspended", ["true", 1, [], {}])
def test_suspended_is_true_or_false(plane, suspended):
    refused = plane.request(
        "PUT", "/v1/tenants/acme", token=plane.operator(), body={"name": "n", "suspended": suspended}
    )

    assert refused.code == "BAD_REQUEST"
    assert "suspended" in refused.json["error"]["message"]
