"""What every route has in common: strict bodies, one envelope, correlation ids, headers, and a log line without secrets."""

import ast
import base64
import json
import re
from pathlib import Path

import pytest
import yaml

from evertoken.domain import errors
from evertoken.entrypoints.http_answer import STATUS_OF_CODE
from tests.support.aws_account import OPERATOR_SECRET
from tests.support.control_plane import BUILDERS, LambdaContext, make_event

ROOT = Path(__file__).parents[2]


def put_tenant(plane, body, **more):
    return plane.request("PUT", "/v1/tenants/acme", token=plane.operator(), body=body, **more)


BAD_BODIES = {
    "no JSON": "{",
    "nothing": "",
    "a list": "[]",
    "a number": "1",
    "a member twice": '{"name":"a","name":"b","return_urls":[]}',
    "a member twice inside": '{"name":"a","return_urls":[{"x":1,"x":2}]}',
    "NaN": '{"name":NaN}',
    "Infinity": '{"name":Infinity}',
    "a huge number": '{"name":' + "9" * 5000 + "}",
    "a lone surrogate": '{"name":"\\ud800"}',
    "eleven levels": '{"name":' + "[" * 11 + "]" * 11 + "}",
    "ten thousand levels": "[" * 10_000,
    "too long": json.dumps({"name": "x" * 17_000}),
    "an unknown field": '{"name":"a","nome":"b"}',
    "a wrong type": '{"name":1}',
    "a field missing": '{"return_urls":[]}',
    "null": '{"name":null}',
    "a control character": '{"name":"a\\u0000b"}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_body_that_is_not_exactly_one_is_refused_with_a_reason(plane, body):
    refused = put_tenant(plane, body)

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert len(refused.json["error"]["message"]) > 10


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"name":' + "[" * 10 + "]" * 10 + "}", "deeper than 10 levels"),
        ('{"name":"a","name":"b"}', "a member twice"),
        ('{"name":NaN}', "not valid JSON"),
        ('{"name":"' + "x" * 16_400 + '"}', "longer than 16384 bytes"),
        ("[]", "one JSON object"),
    ],
)
def test_the_reason_is_the_bodys_own_and_not_a_fields(plane, body, reason):
    assert reason in put_tenant(plane, body).json["error"]["message"]


def test_ten_levels_are_read(plane):
    refused = put_tenant(plane, '{"name":' + "[" * 9 + "]" * 9 + "}")

    assert refused.json["error"]["message"].startswith("name:")


def test_a_refused_body_is_not_repeated(plane):
    refused = put_tenant(plane, {"name": {"canary": "canary"}, "return_urls": ["canary"]})

    assert "canary" not in refused.text


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
def test_a_body_of_another_type_is_refused(plane, content_type):
    refused = put_tenant(plane, {"name": "a"}, headers={"content-type": content_type})

    assert refused.code == "BAD_REQUEST"
    assert "application/json" in refused.json["error"]["message"]


def test_a_media_type_may_have_parameters_and_any_case(plane):
    taken = put_tenant(plane, {"name": "a é"}, headers={"content-type": "Application/JSON; charset=utf-8"})

    assert (taken.status, taken.json["name"]) == (200, "a é")


def test_a_body_that_comes_encoded_is_decoded_once(plane):
    body = json.dumps({"name": "é"})
    for encoded, expected in [(body, 200), (base64.b64encode(body.encode()).decode(), 400)]:
        event = make_event(
            "PUT",
            "/v1/tenants/acme",
            headers={"content-type": "application/json", "authorization": f"Bearer {plane.operator()}"},
            query="",
            body=base64.b64encode(encoded.encode()).decode(),
            domain="api.evertoken.example",
        )
        event |= {
            "isBase64Encoded": True,
            "routeKey": "PUT /v1/tenants/{tenant_id}",
            "pathParameters": {"tenant_id": "acme"},
        }
        answer = plane.functions["auth_api"].handle(event, LambdaContext())
        assert answer["statusCode"] == expected


def test_bytes_that_are_no_text_are_refused(plane):
    event = make_event(
        "PUT",
        "/v1/tenants/acme",
        headers={"content-type": "application/json", "authorization": f"Bearer {plane.operator()}"},
        query="",
        body=base64.b64encode(b'{"name":"\xff"}').decode(),
        domain="api.evertoken.example",
    )
    event |= {
        "isBase64Encoded": True,
        "routeKey": "PUT /v1/tenants/{tenant_id}",
        "pathParameters": {"tenant_id": "acme"},
    }

    assert plane.functions["auth_api"].handle(event, LambdaContext())["statusCode"] == 400


@pytest.mark.parametrize("offered", ["abc-1.2_3", "x" * 64])
def test_a_plain_correlation_id_comes_back(plane, offered):
    answer = plane.request("GET", "/v1/tenants", headers={"X-Correlation-Id": offered})

    assert answer.headers["X-Correlation-Id"] == offered
    assert answer.json["error"]["correlation_id"] == offered


@pytest.mark.parametrize("offered", ["", "a b", "x" * 65, "a\nb", "é", "<svg>", "a,b"])
def test_any_other_correlation_id_is_replaced(plane, offered):
    answer = plane.request("GET", "/v1/tenants", headers={"X-Correlation-Id": offered})

    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Correlation-Id"])


def test_every_answer_says_that_it_is_not_to_be_kept(plane):
    for answer in (
        plane.request("GET", "/v1/tenants", token=plane.operator()),
        plane.request("GET", "/v1/tenants"),
        plane.request("GET", "/v1/health"),
        put_tenant(plane, "{"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "application/json"


def test_an_unknown_route_has_the_same_envelope(plane):
    answer = plane.request("GET", "/v1/nothing")

    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_what_goes_wrong_inside_stays_inside(plane, monkeypatch, printed):
    def fail(*_, **__):
        raise RuntimeError("canary-inside")

    token = plane.operator()
    monkeypatch.setattr("evertoken.usecases.manage_tenants.list_tenants", fail)

    answer = plane.request("GET", "/v1/tenants", token=token)
    line = json.loads(printed.getvalue().strip().splitlines()[-1])

    assert (answer.status, answer.code) == (500, "INTERNAL")
    assert "canary" not in answer.text
    assert "canary" not in json.dumps(line)
    assert line["level"] == "ERROR"
    assert line["fault"].startswith("RuntimeError at test_requests_and_answers.py")


def test_each_request_writes_one_line_that_says_who_and_how_and_nothing_more(
    plane, provider, tenant, printed
):
    connected = plane.connect(tenant)
    plane.complete(tenant, "urn:evertoken:session:canary-session")
    plane.request("GET", "/v1/connections", token=tenant, query="user_id=canary-user")
    plane.request(
        "POST", "/v1/auth/token", form="grant_type=client_credentials&client_id=a&client_secret=canary-secret"
    )
    plane.request("GET", "/v1/tenants", headers={"authorization": "Bearer canary-token"})
    plane.request("GET", "/v1/oauth/callback/scripted-acme", query="state=canary-state&code=canary-code")
    text = printed.getvalue()
    lines = [json.loads(line) for line in text.strip().splitlines()]

    assert connected.status == 200
    assert [line["route"] for line in lines[-5:]] == [
        "POST /v1/connections/complete",
        "GET /v1/connections",
        "POST /v1/auth/token",
        "GET /v1/tenants",
        "GET /v1/oauth/callback/{registration_id}",
    ]
    assert [line.get("code") for line in lines[-5:]] == [
        "CONNECT_EXPIRED",
        None,
        "UNAUTHORIZED",
        "UNAUTHORIZED",
        "INVALID_STATE",
    ]
    assert lines[-4]["tenant"] == "acme"
    assert all({"correlation_id", "status", "duration_ms", "source_ip"} <= set(line) for line in lines)
    for secret in ("canary", provider.token_prefix, OPERATOR_SECRET, tenant, tenant.split(".")[2]):
        assert secret not in text


def all_codes():
    def walk(kind):
        yield kind.code
        for child in kind.__subclasses__():
            yield from walk(child)

    return set(walk(errors.EvertokenError))


def documented_errors():
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (\d{3}) \| (yes|no) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE
    )
    return {code: (int(status), retryable == "yes") for code, status, retryable in rows}


def retryable_of(code):
    def walk(kind):
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    return {kind.retryable for kind in walk(errors.EvertokenError) if kind.code == code}


def test_every_error_code_has_a_status_and_a_row_in_the_documentation():
    documented = documented_errors()

    assert set(STATUS_OF_CODE) == all_codes() == set(documented)
    assert {code: status for code, (status, _) in documented.items()} == STATUS_OF_CODE
    assert all(retryable_of(code) == {retryable} for code, (_, retryable) in documented.items())


class _Loader(yaml.SafeLoader):
    """template.yaml has tags of CloudFormation; their values do not matter here."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def template_routes():
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    for resource in template["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if event["Type"] == "HttpApi":
                function = resource["Properties"]["CodeUri"].strip("/").rpartition("/")[2]
                yield function, f"{event['Properties']['Method']} {event['Properties']['Path']}"


def test_the_routes_of_the_functions_are_those_of_the_template(plane):
    in_code = {(name, key) for name in BUILDERS for key in plane.functions[name].routes}

    assert in_code == {(name, key) for name, key in template_routes() if name in BUILDERS}
    assert all(plane.function_of(*key.split(" ")) == name for name, key in in_code)


def test_every_route_is_in_the_documentation():
    text = (ROOT / "docs/api.md").read_text()

    assert [key for _, key in template_routes() if f"`{key}`" not in text] == []


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_handler_is_thin_and_imports_only_entrypoints(name):
    source = (ROOT / f"functions/{name}/handler.py").read_text()
    imported = [node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]

    assert len(source.splitlines()) <= 40
    assert all(module == "typing" or module.startswith("evertoken.entrypoints") for module in imported)
