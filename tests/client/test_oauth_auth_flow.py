"""OAuthAuth on httpx's own clients, at a resource that refuses stale tokens."""

import asyncio

import httpx
import pytest

from evertoken.client import (
    AsyncOAuthClient,
    ConfigurationError,
    ConnectionNeedsUserError,
    OAuthAuth,
    OAuthClient,
    TemporarilyUnavailableError,
    TokenRejectedError,
)
from evertoken.client.refusal import error_member
from tests.client.oauth_world import KINDS, JsonServer, ListStorage, OAuthWorld
from tests.client.test_oauth_grants import BrokerServer, broker_config
from tests.support.provider_faults import answer


class Http:
    """An httpx client of either kind with an OAuthAuth, driven at once."""

    def __init__(self, world, client, **options):
        self._world = world
        self._auth = OAuthAuth(getattr(client, "_client", client), **options)

    def get(self, url, **named):
        return self.send("GET", url, **named)

    def send(self, method, url, **named):
        if self._world.kind == "blocking":
            with httpx.Client(auth=self._auth, trust_env=False, follow_redirects=True) as http:
                return http.request(method, url, **named)

        async def ask():
            async with httpx.AsyncClient(auth=self._auth, trust_env=False, follow_redirects=True) as http:
                return await http.request(method, url, **named)

        return self._world._loop.run_until_complete(ask())


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def resource_of(world):
    return world.config().userinfo_url


def asked(world):
    return len(world.provider.ledger.find_requests("resource"))


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(world):
    client, first = world.connected()
    world.provider.rules.kill_access_token(first.access_token)
    answer = Http(world, client).get(resource_of(world))
    assert answer.status_code == 200
    assert (asked(world), world.count()) == (2, 2)


def test_a_token_is_refreshed_before_it_is_refused(world):
    client, _ = world.connected()
    world.clock.move(3500)
    assert Http(world, client).get(resource_of(world)).status_code == 200
    assert asked(world) == 1


def test_a_resource_that_refuses_for_ever_costs_one_refresh_a_minute(world):
    client, _ = world.connected()
    http = Http(world, client)
    world.provider.script.add(answer(401), endpoint="resource", times=100)
    for _ in range(5):
        with pytest.raises(TokenRejectedError, match="will not help"):
            http.get(resource_of(world))
    assert (asked(world), world.count()) == (6, 2)
    world.clock.move(61)
    with pytest.raises(TokenRejectedError):
        http.get(resource_of(world))
    assert world.count() == 3


def test_a_refused_token_is_not_handed_out_again(world):
    client, first = world.connected()
    world.provider.rules.kill_access_token(first.access_token)
    world.provider.script.add(answer(503), times=9)
    http = Http(world, client)
    for _ in range(3):
        with pytest.raises(TemporarilyUnavailableError):
            http.get(resource_of(world))
    assert (asked(world), world.count()) == (1, 2)
    with pytest.raises(TemporarilyUnavailableError):
        client.get_token()
    world.provider.script.clear()
    world.clock.move(3)
    assert http.get(resource_of(world)).status_code == 200


def test_the_resources_own_answer_is_returned_where_that_is_wanted(world):
    client, first = world.connected()
    world.provider.rules.end_grant(first.refresh_token)
    returned = Http(world, client, returns_refusals=True).get(resource_of(world))
    assert returned.status_code == 401
    with pytest.raises(ConnectionNeedsUserError):
        Http(world, client).get(resource_of(world))


def test_no_unsaved_token_reaches_a_resource(world):
    storage = ListStorage()
    client, first = world.connected(storage=storage)
    storage.fails_for_ever = True
    world.clock.move(3400)
    assert Http(world, client).get(resource_of(world)).status_code == 200
    presented = {record.presented for record in world.provider.ledger.find_requests("resource")}
    assert presented == {first.access_token}


def test_a_body_of_bytes_is_sent_again_and_a_stream_is_not(world):
    seen = []

    def play(method, path, headers, body):
        seen.append((headers["authorization"], body))
        return (401 if len(seen) % 2 else 200), {}, {}

    client, _ = world.connected()
    with JsonServer(play) as resource:
        assert Http(world, client).send("POST", resource.url, content=b"whole").status_code == 200
        assert [body for _, body in seen] == [b"whole", b"whole"]
        assert seen[0][0] != seen[1][0]

        def stream():
            yield b"piece"

        async def async_stream():
            yield b"piece"

        content = stream() if world.kind == "blocking" else async_stream()
        headers = {"Content-Length": "5"}
        sent = Http(world, client).send("POST", resource.url, content=content, headers=headers)
        assert sent.status_code == 401
        assert len(seen) == 3


def test_an_order_that_was_taken_is_not_sent_again_when_the_page_after_it_refuses_the_token(world):
    client, first = world.connected()
    seen = []

    def play(method, path, headers, body):
        seen.append((method, body))
        if method == "POST":
            return 303, {"Location": "/order/1"}, {}
        return (401 if first.access_token in headers["authorization"] else 200), {}, {}

    with JsonServer(play) as resource:
        assert Http(world, client).send("POST", resource.url, content=b"buy").status_code == 200
    assert seen == [("POST", b"buy"), ("GET", b""), ("GET", b"")]


def test_a_redirect_to_another_origin_takes_no_token_along_and_refuses_nothing(world):
    client, _ = world.connected()
    with (
        JsonServer(lambda *_: (401, {}, {})) as other,
        JsonServer(lambda *_: (302, {"Location": other.url + "/there"}, {})) as resource,
    ):
        answer = Http(world, client).get(resource.url)
        assert answer.status_code == 401
        assert "authorization" not in other.requests[0][2]
        assert world.count() == 1


def test_the_story_of_seed_0_an_expired_session_token_is_renewed_by_the_error_that_the_broker_answers(world):
    broker = BrokerServer()
    rejects = error_member("errorCode", "error.security.oauth-token-invalid")
    with JsonServer(broker.play) as server:
        client = world.client(broker_config(server))
        http = Http(world, client, rejects=rejects)
        headers = {"X-IG-API-KEY": "key-1"}
        client.initialize()
        broker.accepted = None
        broker.refreshable = None
        answer = http.get(f"{server.url}/marketnavigation", headers=headers)
        assert answer.json() == {"markets": ["DAX"]}
        assert broker.logins == 2


def test_another_error_with_a_predicate_is_no_refusal(world):
    client, _ = world.connected()
    rejects = error_member("errorCode", "gone")
    with JsonServer(lambda *_: (401, {}, {"errorCode": "other"})) as resource:
        assert Http(world, client, rejects=rejects).get(resource.url).status_code == 401
        assert len(resource.requests) == 1


def test_auto_refresh_off_returns_the_refusal(world):
    client, first = world.connected(config=world.config(auto_refresh=False))
    world.provider.rules.kill_access_token(first.access_token)
    assert Http(world, client).get(resource_of(world)).status_code == 401
    assert world.count() == 1


def test_the_token_is_not_sent_in_the_clear(world):
    client, _ = world.connected()
    with pytest.raises(ConfigurationError, match="https"):
        Http(world, client).get("http://provider.test/")


def test_get_current_user_renews_a_refused_token_once(world):
    client, first = world.connected()
    world.provider.rules.kill_access_token(first.access_token)
    assert client.get_current_user() == {"sub": "user-1"}
    world.clock.move(100)
    world.provider.script.add(answer(401), endpoint="resource", times=2)
    with pytest.raises(TokenRejectedError, match="scope"):
        client.get_current_user()


def test_the_kinds_of_client_are_not_mixed():
    world = OAuthWorld("blocking")
    try:
        with (
            httpx.Client(auth=OAuthAuth(AsyncOAuthClient(world.config()))) as http,
            pytest.raises(ConfigurationError, match=r"httpx\.AsyncClient"),
        ):
            http.get(world.provider.issuer)

        async def ask():
            async with httpx.AsyncClient(auth=OAuthAuth(OAuthClient(world.config()))) as http:
                await http.get(world.provider.issuer)

        with pytest.raises(ConfigurationError, match=r"httpx\.Client"):
            asyncio.run(ask())
    finally:
        world.close()
