"""What a program's monitoring sees: operations, trace ids, results, and never a token."""

import json
import logging

import pytest

from evertoken.client import EvertokenClientError, StorageError
from tests.client.oauth_world import KINDS, ListStorage, OAuthWorld
from tests.support.provider_faults import alter, answer, delay, unavailable
from tests.support.provider_requests import Reply


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def traced(value, name="X-Trace-Id"):
    return alter(lambda reply: Reply(reply.status, {**reply.headers, name: value}, reply.body))


def test_the_hook_sees_each_operation_with_its_duration_and_success(world):
    client = world.client(world.config(grant="client_credentials"))
    world.provider.script.add(delay(0.1))
    client.initialize()
    client.get_current_user()
    world.provider.script.add(unavailable(None))
    with pytest.raises(EvertokenClientError):
        client.refresh()
    seen = [(one.name, one.success, one.code) for one in world.operations]
    assert seen == [
        ("client_credentials", True, ""),
        ("userinfo", True, ""),
        ("client_credentials", False, "TOKEN_REFRESH_ERROR"),
    ]
    assert 0.1 <= world.operations[0].duration_seconds < 5


def test_a_failure_that_nobody_sees_because_the_token_lives_reaches_the_hook(world):
    storage = ListStorage()
    client, _ = world.connected(storage=storage)
    storage.fails_for_ever = True
    world.clock.move(3400)
    client.get_token()
    client.get_token()
    assert [(one.name, one.code) for one in world.operations[1:]] == [
        ("refresh", "STORAGE"),
        ("save", "STORAGE"),
    ]


def test_a_hook_that_raises_breaks_nothing(world, caplog):
    def raises(operation):
        raise RuntimeError(operation.name)

    client, tokens = world.connected(on_operation=raises)
    assert client.get_token() == tokens.access_token


@pytest.mark.parametrize("name", ["X-Trace-Id", "x-correlation-id", "X-Request-ID"])
def test_the_trace_id_of_the_answer_goes_with_tokens_results_and_errors(world, name):
    client, _ = world.connected()
    world.provider.script.add(traced("trace-1", name))
    result = client.results.refresh()
    assert (result.success, result.trace_id, result.data.trace_id) == (True, "trace-1", "trace-1")
    world.provider.script.add(answer(400, b'{"error":"invalid_grant"}', {name: "trace-2"}))
    failed = client.results.refresh()
    assert (failed.success, failed.trace_id, failed.code) == (False, "trace-2", "REAUTH_REQUIRED")
    assert "Authorize again" in failed.error
    assert failed.data is None
    assert world.operations[-1].correlation_id == "trace-2"


def test_what_is_no_plain_id_is_not_taken_for_one(world):
    client, _ = world.connected()
    world.provider.script.add(answer(400, b'{"error":"invalid_grant"}', {"X-Trace-Id": "a b<c>"}))
    assert client.results.refresh().trace_id == ""


def test_every_operation_has_its_result(world):
    client = world.client()
    assert not client.results.get_token().success
    assert not client.results.initialize().success
    request = client.results.authorization_url(scope="read")
    assert request.success
    refused = client.results.exchange_code("http://127.0.0.1:9/callback?code=a&state=b")
    assert (refused.success, refused.code) == (False, "BAD_REQUEST")
    client.refresh(world.provider.rules.connect()["refresh_token"])
    assert client.results.get_token().data == client.get_token()
    assert client.results.get_current_user().data == {"sub": "user-1"}


def test_programming_mistakes_are_no_results(world):
    with pytest.raises(TypeError):
        world.client().results.refresh(1, 2)


def test_nothing_that_is_logged_or_raised_holds_a_token(world, caplog):
    caplog.set_level(logging.DEBUG)
    storage = ListStorage()
    client, first = world.connected(storage=storage)
    storage.failures = [OSError(5, "Input/output error")]
    with pytest.raises(StorageError) as caught:
        client.refresh()
    second = client.refresh()
    world.provider.rules.end_grant(second.refresh_token)
    with pytest.raises(EvertokenClientError) as dead:
        client.refresh()
    shown = caplog.text + "".join(
        f"{one!s}{one!r}" for one in (caught.value, dead.value, client, *world.operations)
    )
    shown += json.dumps([str(one.__dict__) for one in (caught.value, dead.value)])
    assert world.provider.token_prefix not in shown
    assert len(caplog.records) > 0
    assert first.access_token not in shown
