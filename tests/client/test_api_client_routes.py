"""Every route of openapi.json has a method, every method a route, and what the API says is what the results hold."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import json
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator

from evertoken.client import AsyncEvertokenClient, EvertokenClient, EvertokenClientError, Token, results
from evertoken.client.api_route import Routes, paged, route
from evertoken.client.results.api_result import ApiResult
from tests.client.api_calls import CALLS
from tests.client.api_world import (
    CLIENT_ID,
    CLIENT_SECRET,
    DOCUMENT,
    SCHEMAS,
    DocumentedApi,
    Planned,
    answers_of,
    example,
    operations,
)

FOR_BROWSERS = {
    ("GET", "/v1/oauth/callback/{registration_id}"),
    ("POST", "/v1/oauth/callback/{registration_id}"),
    ("GET", "/docs"),
}
"""Where providers send a browser, and a page for people: no program calls them."""
PAGES = {"connections.iterate", "connections.iterate_ledger", "sessions.iterate", "audit.iterate"}
DEPENDING = {
    "connections.start": {"StartedAuthorization"},
    "connections.start_device": {"StartedDevice"},
    "connections.connect_application": {"EstablishedConnection"},
    "connections.assert_subject": {"EstablishedConnection"},
    "connections.connect_user_token": {"EstablishedConnection"},
    "connections.exchange_token": {"EstablishedConnection"},
    "connections.log_in": {"EstablishedConnection"},
    "connections.complete": {"EstablishedConnection"},
    "sessions.get": {"SessionRecord"},
    "sessions.get_state": {"SessionState"},
    "api_clients.create": {"CreatedSecretClient"},
    "api_clients.create_for_role": {"RoleClient"},
    "api_clients.create_for_issuer": {"OidcClient"},
}
"""What is answered where one route has several successes and the method asks for one of them."""


@dataclasses.dataclass
class Walk:
    """What came of calling every method, for each success of its route."""

    problems: list
    seen: list
    returned: dict


@pytest.fixture(scope="module", params=[EvertokenClient, AsyncEvertokenClient])
def walk(request):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "example")
        environment.setenv("AWS_REGION", "eu-west-1")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        api = DocumentedApi()
        credential = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if request.param is EvertokenClient:
            with EvertokenClient(api.base_url, **credential) as client:
                returned = {name: returned_by(api, name, lambda name: call(client, name)) for name in CALLS}
        else:
            with asyncio.Runner() as runner:
                client = AsyncEvertokenClient(api.base_url, **credential)
                returned = {
                    name: returned_by(api, name, lambda name: runner.run(call_async(client, name)))
                    for name in CALLS
                }
                runner.run(client.aclose())
        yield Walk(api.problems, api.seen, returned)
        api.close()


def methods_of(client):
    """`group.method` of all that a client can do."""
    return {
        f"{group}.{name}"
        for group, value in vars(client).items()
        if isinstance(value, Routes)
        for name, one in inspect.getmembers_static(type(value))
        if isinstance(one, route | paged)
    }


def call(client, name):
    made = method_of(client, name)(*CALLS[name][0], **CALLS[name][1])
    return list(made) if name in PAGES else made


async def call_async(client, name):
    made = method_of(client, name)(*CALLS[name][0], **CALLS[name][1])
    return [one async for one in made] if name in PAGES else await made


def method_of(client, name):
    group, _, method = name.partition(".")
    return getattr(getattr(client, group), method)


def answers_for(name, key):
    """(status, schema) of the successes of a route that this method may get: some depend on what was asked."""
    for status, schema in answers_of(operations()[key]):
        schema_name = (schema or {}).get("$ref", "").rpartition("/")[2]
        if name not in DEPENDING or schema_name in DEPENDING[name]:
            is_page = "cursor" in SCHEMAS.get(schema_name, {}).get("properties", {})
            # The document's example has a next page, and so would every next page.
            yield status, {"const": {**example(schema), "cursor": None}} if is_page else schema


def returned_by(api, name, make):
    """What a method returns for each success of its route, which a first call finds out."""
    api.plan(Planned(404))
    with contextlib.suppress(EvertokenClientError):
        make(name)
    api.planned.clear()
    key = api.seen[-1].method, api.seen[-1].template
    returned = []
    for answer in answers_for(name, key):
        api.chosen[key] = answer
        returned.append(make(name))
    return returned


def test_the_table_of_calls_has_every_method_and_both_clients_have_the_same(documented_api):
    kinds = (EvertokenClient, AsyncEvertokenClient)
    clients = [kind(documented_api.base_url, token="t") for kind in kinds]
    assert [methods_of(one) for one in clients] == [set(CALLS)] * 2
    clients[0].close()


def test_the_table_of_calls_gives_every_argument_that_a_method_takes(documented_api):
    with EvertokenClient(documented_api.base_url, token="t") as client:
        for name, (positional, named) in CALLS.items():
            group, _, method = name.partition(".")
            build = inspect.getattr_static(type(getattr(client, group)), method).build
            bound = inspect.signature(build).bind(client, *positional, **named)
            assert set(bound.arguments) == set(inspect.signature(build).parameters), name


def test_every_route_is_called_as_the_document_has_it_and_no_other(walk):
    assert walk.problems == []
    called = {(one.method, one.template) for one in walk.seen}
    assert called == set(operations()) - FOR_BROWSERS


def test_every_field_of_a_body_and_every_parameter_can_be_given(walk):
    missing = []
    for (method, template), operation in operations().items():
        if (method, template) in FOR_BROWSERS:
            continue
        sent = [one for one in walk.seen if (one.method, one.template) == (method, template)]
        known = {one["name"] for one in operation.get("parameters", []) if one.get("in") == "query"}
        missing += [(template, one) for one in known - {key for seen in sent for key in seen.query}]
        body = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {"schema": {}})
        given = {key for seen in sent for key in fields_sent(seen)}
        missing += [(template, one) for one in body_fields(body["schema"]) - given]
    # They stand in HTTP Basic instead.
    assert sorted(missing) == [("/v1/auth/token", "client_id"), ("/v1/auth/token", "client_secret")]


def body_fields(schema):
    if "$ref" in schema:
        return body_fields(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    members = schema.get("anyOf", [])
    return {*schema.get("properties", {}), *(key for one in members for key in body_fields(one))}


def fields_sent(seen):
    if not seen.body:
        return set()
    is_form = "form" in seen.headers["content-type"]
    return set(dict(parse_qsl(seen.body.decode())) if is_form else json.loads(seen.body))


def test_the_results_are_the_schemas_of_the_document_field_by_field():
    schemas = success_schemas()
    for name, schema in schemas.items():
        fields = {one.name for one in dataclasses.fields(class_of(name))} - {"unknown_fields"}
        assert fields == set(schema["properties"]), name
    known = {class_of(name) for name in schemas} - {Token} | {ApiResult}
    assert known == {getattr(results, name) for name in results.__all__}


def success_schemas():
    """Every schema of an object that is in a success, whatever is around it."""
    answers = [answers_of(operations()[key]) for key in set(operations()) - FOR_BROWSERS]
    waiting = [schema for one in answers for _, schema in one if schema]
    found = {}
    while waiting:
        schema = waiting.pop()
        name = schema.get("$ref", "").rpartition("/")[2]
        if name and name not in found:
            found[name] = SCHEMAS[name]
            waiting.append(SCHEMAS[name])
        inner = [schema.get("items"), schema.get("additionalProperties")]
        waiting += [one for one in inner if isinstance(one, dict)]
        waiting += [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    return {name: schema for name, schema in found.items() if "properties" in schema}


def class_of(schema_name):
    """A schema's class has its name, without the View that tells schemas of answers from values."""
    return Token if schema_name == "AccessToken" else getattr(results, schema_name.removesuffix("View"))


def test_every_success_of_the_document_is_decoded_whole(walk):
    kinds = {}
    for name, returned in walk.returned.items():
        assert [field for one in returned for field in unknown_fields_of(one)] == [], name
        kinds[name] = [type(one).__name__ for one in returned]
    assert kinds["connections.refresh"] == ["RefreshAnswer", "AcceptedJob"]
    assert kinds["connections.complete_device"] == ["EstablishedConnection", "PendingDevice"]
    assert kinds["api_clients.get"] == ["SecretClient", "RoleClient", "OidcClient"]


def unknown_fields_of(answer):
    if isinstance(answer, tuple | list):
        return [name for one in answer for name in unknown_fields_of(one)]
    if not isinstance(answer, ApiResult):
        return []
    own = [f"{type(answer).__name__}.{name}" for name in answer.unknown_fields]
    inner = [getattr(answer, one.name) for one in dataclasses.fields(answer)]
    return own + [name for one in inner for name in unknown_fields_of(one)]


def test_the_examples_that_answers_are_made_from_are_what_the_document_admits():
    for key in set(operations()) - FOR_BROWSERS:
        for _, schema in answers_of(operations()[key]):
            if schema is not None:
                whole = {**schema, "components": DOCUMENT["components"]}
                Draft202012Validator(whole).validate(example(schema))
