"""The OpenAPI document: valid, committed, the same set of routes as code and template, and true of real answers."""

import json
import re
from collections import Counter

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from evertoken.entrypoints.documentation_routes import DOCUMENT
from evertoken.entrypoints.http_answer import STATUS_OF_CODE
from evertoken.entrypoints.openapi.document import build_document
from evertoken.entrypoints.openapi.operations import all_operations
from evertoken.entrypoints.openapi.routes import all_routes
from local.stack import ROOT
from tests.support.api_document import check_answer, find_response, read_document
from tests.support.control_plane import BUILDERS, RETURN_URL, consent
from tests.support.lambda_function import load_template
from tools.openapi import render

NOBODY = "con_" + "a" * 26


def operations():
    return {
        f"{method.upper()} {path}": operation
        for path, methods in read_document()["paths"].items()
        for method, operation in methods.items()
    }


def test_the_committed_document_is_what_the_code_says():
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run: .venv/bin/python -m tools.openapi"


def test_the_document_is_openapi_3_1():
    assert read_document()["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(read_document()).iter_errors()] == []


def test_template_code_and_document_have_the_same_routes(plane):
    resources = load_template(ROOT / "template.yaml")["Resources"]
    in_template = [
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]
    assert len(in_template) == len(set(in_template))
    assert set(in_template) == set(all_routes())
    assert set(operations()) == set(all_routes())
    built = {key for name in BUILDERS for key in plane.functions[name].routes}
    assert built <= set(all_routes())


def test_a_route_that_is_not_described_is_no_document():
    described = all_operations()
    with pytest.raises(ValueError, match="GET /v1/providers"):
        build_document([one for one in described if one.key != "GET /v1/providers"], all_routes())
    routes = {key: route for key, route in all_routes().items() if key != "GET /v1/providers"}
    with pytest.raises(ValueError, match="GET /v1/providers"):
        build_document(described, routes)


def test_every_operation_names_its_scope_and_its_refusals():
    routes = all_routes()
    for key, operation in operations().items():
        route = routes[key]
        scopes = [scope for one in operation["security"] for scope in one.get("accessToken", ())]
        assert scopes == [scope for scope in (route.scope, route.or_scope) if scope is not None], key
        assert "500" in operation["responses"], key
        if route.scope is not None:
            assert {"401", "403", "429", "503"} <= set(operation["responses"]), key
        if "requestBody" in operation and route.scope is not None:
            assert "400" in operation["responses"], key


def test_every_answer_has_a_correlation_id():
    for key, operation in operations().items():
        for status in operation["responses"]:
            answer = find_response(operation, status)
            assert "X-Correlation-Id" in answer["headers"], (key, status)


def test_codes_stand_under_their_own_status_and_none_is_unheard_of():
    used = set()
    for key, operation in operations().items():
        for status in operation["responses"]:
            answer = find_response(operation, status)
            for codes in re.findall(r'"code": \{"enum": \[([^]]*)\]', json.dumps(answer)):
                named = re.findall(r'"(\w+)"', codes)
                assert {STATUS_OF_CODE[code] for code in named} == {int(status)}, (key, status)
                used.update(named)
    assert used == set(STATUS_OF_CODE), "a code that no operation can answer, or one that is not in the list"


def test_every_component_is_there_once_and_used():
    document = read_document()
    names = document["components"]["schemas"]
    assert [name for name in names if "__" in name or name.endswith(("-Input", "-Output"))] == []
    text = json.dumps(document)
    assert [name for name in names if f'"#/components/schemas/{name}"' not in text] == []
    shapes = Counter(
        json.dumps({**schema, "description": ""}, sort_keys=True)
        for schema in names.values()
        if schema.get("type") == "object"
    )
    assert [shape[:200] for shape, count in shapes.items() if count > 1] == []


def test_operation_ids_are_unique():
    ids = Counter(operation["operationId"] for operation in operations().values())
    assert [name for name, count in ids.items() if count > 1] == []


class Judge:
    """The control plane with every answer compared with the document."""

    def __init__(self, plane):
        self._plane = plane
        self.seen = set()

    def request(self, method, path, **given):
        answer = self._plane.request(method, path, **given)
        check_answer(method, path, answer.status, answer.text, answer.headers.get("Content-Type", ""))
        self.seen.add((method, answer.status))
        return answer


def test_real_answers_of_connections_are_documented(plane, tenant, provider):
    judge = Judge(plane)
    started = judge.request(
        "POST",
        "/v1/connections",
        token=tenant,
        body={"provider": "scripted", "user_id": "ann", "return_url": RETURN_URL},
    )
    assert started.status == 201
    callback = consent(started.json["authorization_url"])
    path, _, query = callback.partition("?")
    path = "/" + path.split("/", 3)[3]
    assert judge.request("GET", path, query=query).status == 303
    assert judge.request("GET", path, query=query).status == 400
    finished = {"session_uri": started.json["session_uri"], "user_id": "ann"}
    established = judge.request("POST", "/v1/connections/complete", token=tenant, body=finished)
    assert established.status == 200
    assert judge.request("POST", "/v1/connections/complete", token=tenant, body=finished).status == 410
    one = f"/v1/connections/{established.json['connection_id']}"
    assert judge.request("GET", one, token=tenant).status == 200
    assert judge.request("GET", "/v1/connections", token=tenant).json["connections"]
    assert judge.request("PATCH", one, token=tenant, body={"name": "n", "on_hold": True}).status == 200
    assert judge.request("PATCH", one, token=tenant, body={"on_hold": False}).status == 200
    assert judge.request("POST", f"{one}/refresh", token=tenant).json["outcome"] == "not_needed"
    rows = [{"provider": "scripted", "user_id": "bob", "access_token": "a", "expires_in": 3600}, {}]
    brought = judge.request("POST", "/v1/connections/import", token=tenant, body={"connections": rows * 2})
    assert [result["status"] for result in brought.json["results"]] == [
        "imported",
        "failed",
        "exists",
        "failed",
    ]
    assert judge.request("DELETE", one, token=tenant).status == 200
    for method, path in (
        ("GET", f"/v1/connections/{NOBODY}"),
        ("PATCH", f"/v1/connections/{NOBODY}"),
        ("DELETE", f"/v1/connections/{NOBODY}"),
        ("POST", f"/v1/connections/{NOBODY}/refresh"),
    ):
        body = {"name": "n"} if method == "PATCH" else None
        assert judge.request(method, path, token=tenant, body=body).status == 404
        assert judge.request(method, path, body=body).status == 401
        assert judge.request(method, path, token=plane.operator(), body=body).status == 403
    for path in ("/v1/connections", "/v1/connections/complete", "/v1/connections/import"):
        assert judge.request("POST", path, token=tenant, body={"nonsense": 1}).status == 400
    assert judge.request("GET", "/v1/connections", token=tenant, query="nonsense=1").status == 400


def test_real_answers_of_providers_and_registrations_are_documented(plane, tenant, provider):
    judge, operator = Judge(plane), plane.operator()
    for token in (tenant, operator):
        assert judge.request("GET", "/v1/providers", token=token).status == 200
        for provider_id in ("google", "scripted"):
            assert judge.request("GET", f"/v1/providers/{provider_id}", token=token).status == 200
        assert judge.request("GET", "/v1/providers/unheard-of", token=token).status == 404
    for listed in judge.request("GET", "/v1/providers", token=operator).json["providers"]:
        assert judge.request("GET", f"/v1/providers/{listed['provider_id']}", token=operator).status == 200
    put = judge.request("PUT", "/v1/providers/own", token=operator, body={"name": "Own"})
    assert put.status == 400
    assert judge.request("PUT", "/v1/providers/google", token=operator, body={"name": "G"}).status == 409
    assert judge.request("DELETE", "/v1/providers/scripted", token=operator).status == 409
    assert judge.request("DELETE", "/v1/providers/unheard-of", token=operator).status == 404
    assert judge.request("GET", "/v1/registrations", token=operator).json["registrations"]
    one = "/v1/registrations/scripted-acme"
    assert judge.request("GET", one, token=operator).status == 200
    body = {"provider": "scripted", "client_id": "client-1", "tenants": ["acme"], "scopes": ["read"]}
    assert judge.request("PUT", one, token=operator, body=body).status == 200
    assert judge.request("PUT", "/v1/registrations/twin", token=operator, body=body).status == 409
    assert judge.request("PUT", one, token=operator, body={**body, "provider": "unheard-of"}).status == 400
    assert judge.request("PUT", one, token=tenant, body=body).status == 403
    assert judge.request("DELETE", one, token=operator).status == 204
    assert judge.request("DELETE", one, token=operator).status == 404
    assert judge.request("DELETE", "/v1/providers/scripted", token=operator).status == 204


def test_the_document_is_public_and_is_the_committed_one(plane):
    answer = plane.request("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.json == read_document()
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_the_page_is_shown_on_the_local_stage_alone_and_loads_nothing(plane):
    assert plane.request("GET", "/docs").code == "NOT_FOUND"
    local = BUILDERS["auth_api"]({**plane.environ, "STAGE": "local"})
    kept, plane.functions["auth_api"] = plane.functions["auth_api"], local
    try:
        page = plane.request("GET", "/docs")
    finally:
        plane.functions["auth_api"] = kept
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "SwaggerUIBundle" in page.text
    assert len(page.text) < 5_000_000, "Lambda takes six megabytes"
    outside_scripts = re.sub(r"<(script|style)>.*?</\1>", "", page.text, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=", outside_scripts), "an asset from elsewhere"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
