"""Whatever a token endpoint answers, the client ends in bounded time and memory, with a typed error and no secret in it."""

import json
import time
import tracemalloc

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.client import (
    ConfigurationError,
    EvertokenClientError,
    OAuthConfig,
    OutcomeUnknownError,
)
from evertoken.client.oauth_answer import Answer, parse_answer
from evertoken.client.oauth_request import build_client_credentials, build_refresh
from tests.client.oauth_world import CLIENT_SECRET, KINDS, JsonServer, OAuthWorld, VirtualClock
from tests.support.provider_faults import (
    alter,
    answer,
    drip,
    gzip_bomb,
    huge_body,
    redirect,
    wrong_content_type,
)
from tests.support.provider_requests import Reply
from tests.transport.servers import on_stage, read_request


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def test_a_body_without_end_is_left_after_a_quarter_of_a_megabyte(world):
    client, _ = world.connected()
    world.provider.script.add(huge_body())
    with pytest.raises(OutcomeUnknownError, match="holds no access token"):
        client.refresh()
    assert world.provider.bytes_sent < 20_000_000


def test_a_bomb_is_not_unpacked(world):
    client, _ = world.connected()
    bomb = gzip_bomb()
    world.provider.script.add(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(OutcomeUnknownError):
            client.refresh()
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_a_packed_answer_is_read_although_none_was_asked_for(world):
    import gzip

    client, first = world.connected()

    def pack(reply):
        return Reply(reply.status, {**reply.headers, "Content-Encoding": "gzip"}, gzip.compress(reply.body))

    world.provider.script.add(alter(pack))
    assert world.provider.rules.accepts(client.refresh().access_token)
    assert first.access_token


def test_a_byte_at_a_time_ends_at_the_timeout(world):
    client, _ = world.connected(config=world.config(timeout_seconds=0.5))
    world.provider.script.add(drip(0.1))
    began = time.monotonic()
    with pytest.raises(OutcomeUnknownError):
        client.refresh()
    assert time.monotonic() - began < 2


def test_headers_a_byte_at_a_time_end_at_the_timeout(world):
    def play(connection, stage):
        read_request(connection, stage)
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1000:
            connection.sendall(bytes([byte]))
            if stage.over.wait(0.05):
                return

    with on_stage(play) as stage:
        client = world.client(world.config(token_url=stage.url, timeout_seconds=0.4))
        began = time.monotonic()
        with pytest.raises(OutcomeUnknownError):
            client.refresh("canary")
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 999\r\n"])
@pytest.mark.parametrize("ends", ["hangs", "closes"])
def test_tokens_that_came_whole_are_taken_although_the_answers_end_is_lost(world, framing, ends):
    body = b'{"access_token": "access-1", "refresh_token": "refresh-1"}'

    def play(connection, stage):
        read_request(connection, stage)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + body)
        if ends == "hangs":
            stage.over.wait(5)

    with on_stage(play) as stage:
        client = world.client(world.config(token_url=stage.url, timeout_seconds=0.4))
        assert client.refresh("canary").refresh_token == "refresh-1"


def test_half_an_answer_is_none(world):
    def play(connection, stage):
        read_request(connection, stage)
        connection.sendall(b'HTTP/1.1 200 OK\r\n\r\n{"access_token": "access-1"')

    with on_stage(play) as stage:
        client = world.client(world.config(token_url=stage.url, timeout_seconds=2))
        with pytest.raises(OutcomeUnknownError):
            client.refresh("canary")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(world, status):
    def play(method, path, headers, body):
        return 200, {}, {"access_token": "stolen"}

    with JsonServer(play) as thief:
        client, _ = world.connected()
        world.provider.script.add(redirect(f"{thief.url}/token", status))
        with pytest.raises(ConfigurationError, match="redirect"):
            client.refresh()
        assert thief.requests == []


def test_right_tokens_under_a_wrong_content_type_are_taken(world):
    client, _ = world.connected()
    world.provider.script.add(wrong_content_type())
    assert world.provider.rules.accepts(client.refresh().access_token)


def test_a_login_page_is_called_what_it_is(world):
    client = world.client(world.config(grant="client_credentials"))
    world.provider.script.add(answer(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"}))
    with pytest.raises(ConfigurationError, match=r"text/html.*token endpoint"):
        client.initialize()


def test_no_proxy_of_the_environment_sees_a_credential(world, monkeypatch):
    with JsonServer(lambda *_: (200, {}, {"access_token": "stolen"})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        _, tokens = world.connected()
        assert tokens.access_token != "stolen"
        assert proxy.requests == []


def test_a_providers_words_do_not_reach_the_message(world):
    client, tokens = world.connected()
    echo = {"error": "invalid_grant", "error_description": f"{tokens.refresh_token} of {CLIENT_SECRET}"}
    for body in (echo, {"error": f"bad {tokens.refresh_token}"}, {"error": {"code": tokens.refresh_token}}):
        world.provider.script.add(
            answer(400, json.dumps(body).encode(), {"X-Request-Id": f"{tokens.refresh_token} x"})
        )
        with pytest.raises(EvertokenClientError) as caught:
            client.refresh()
        shown = f"{caught.value}{caught.value!r}{caught.value.correlation_id}"
        assert tokens.refresh_token not in shown
        assert CLIENT_SECRET not in shown


def test_a_header_that_cannot_be_sent_is_not_shown():
    world = OAuthWorld("blocking")
    try:
        client = world.client(world.config(headers={"X-Key": "canary\r\nX-Other: 1"}))
        with pytest.raises(ConfigurationError, match="line breaks") as caught:
            client.refresh("anything")
        assert "canary" not in f"{caught.value}{caught.value.__cause__}"
    finally:
        world.close()


def test_a_transport_of_ones_own_is_used():
    seen = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request):
            seen.append(str(request.url))
            return super().handle_request(request)

    world = OAuthWorld("blocking")
    try:
        client = world.client(transport=Counting())
        client.refresh(world.provider.rules.connect()["refresh_token"])
        assert seen == [world.provider.token_endpoint]
    finally:
        world.close()


_CONFIG = OAuthConfig(
    token_url="https://provider.test/token", client_id="c", client_secret="s", token_member="data"
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["data", "access_token", "refresh_token", "expires_in", "expires_at", "error", "scope", "token_type", "traceId", "x"]),
        inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    body=st.binary(max_size=60) | _JSON.map(lambda value: json.dumps(value).encode()),
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["content-type", "retry-after", "x-request-id"]), st.text(max_size=30)),
    is_refresh=st.booleans(),
)  # fmt: skip
def test_any_answer_gives_tokens_or_one_of_our_errors(body, status, headers, is_refresh):
    now = VirtualClock()()
    request = build_refresh(_CONFIG, "r", None) if is_refresh else build_client_credentials(_CONFIG)
    try:
        tokens = parse_answer(
            _CONFIG, request, Answer(status=status, headers=headers, body=body), sent_at=now, now=now
        )
    except EvertokenClientError as error:
        shown = str(error)
        assert shown.isprintable()
    else:
        assert 200 <= status < 300
        assert tokens.access_token.isascii()
        assert tokens.access_token.isprintable()
        assert tokens.expires_at is None or tokens.expires_at > now
