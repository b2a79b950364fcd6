"""Every way to first tokens, at servers over HTTP."""

import json
from urllib.parse import parse_qs, parse_qsl

import pytest

from evertoken.client import (
    ConfigurationError,
    ConnectionNeedsUserError,
    CredentialsError,
    EvertokenClientError,
    ForbiddenError,
    MemoryTokenStorage,
    OAuthConfig,
    SessionLogin,
)
from local.demo_provider.browser import ScriptedBrowser
from tests.client.oauth_world import KINDS, REDIRECT_URI, JsonServer, OAuthWorld
from tests.protocol.authlib_server import AuthlibServer, Client
from tests.support.provider_faults import answer
from tests.support.third_party_server import ThirdPartyServer


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


@pytest.mark.parametrize(
    ("method", "theirs", "secret"),
    [("basic", "client_secret_basic", "s: % + & é"), ("post", "client_secret_post", "s: % + & é"), ("none", "none", "")],
)  # fmt: skip
def test_authlib_gives_client_credentials_by_each_authentication(world, method, theirs, secret):
    with AuthlibServer() as server:
        server.register(Client("cl", secret=secret, method=theirs))
        config = OAuthConfig(
            token_url=f"{server.memory.issuer}/token",
            client_id="cl",
            client_secret=secret,
            client_authentication=method,
            scope="read",
        )
        tokens = world.client(config).initialize()
        assert (tokens.grant, tokens.scope, tokens.refresh_token) == ("client_credentials", "read", None)
        assert tokens.access_token in server.memory.tokens
        wrong = OAuthConfig(
            token_url=config.token_url, client_id="cl", client_secret="wrong", client_authentication="post"
        )
        with pytest.raises(CredentialsError, match=r"invalid_client.*correct them"):
            world.client(wrong).initialize()


@pytest.fixture
def blocking_world():
    world = OAuthWorld("blocking")
    yield world
    world.close()


def test_a_server_of_other_people_gives_tokens_for_a_code_and_refreshes_them(blocking_world):
    with ThirdPartyServer(access_token_seconds=60) as server:
        registered = server.register_client(REDIRECT_URI)
        config = OAuthConfig(
            token_url=server.token_endpoint,
            client_id=registered.client_id,
            client_secret=registered.client_secret,
            authorization_url=server.authorization_endpoint,
            redirect_uri=REDIRECT_URI,
            issuer=server.issuer,
            scope="openid profile",
            userinfo_url=server.userinfo_endpoint,
        )
        client = blocking_world.client(config)
        with ScriptedBrowser() as browser:
            arrival = browser.authorize(
                client.authorization_url().url,
                username=server.username,
                password=server.password,
                stop_at=REDIRECT_URI,
            )
        first = client.exchange_code(arrival.location)
        assert server.accepts(first.access_token)
        assert client.get_current_user()["sub"]
        second = client.refresh()
        assert server.accepts(client.get_token())
        assert second.refresh_token != first.refresh_token
        assert second.grant == "authorization_code"


def seed_four(form, grants):
    """What the provider of seed 4 does with a form: tokens lie under `data`, and errors may come with 200."""
    match form.get("grant_type"):
        case "client_credentials":
            user = form.get("user_access_token")
            grants.append(user)
            data = {
                "access_token": f"access-{len(grants)}-{user}",
                "token_type": "Bearer",
                "expires_in": 86400,
            }
            return {"data": {**data, "refresh_token": f"refresh-{len(grants)}"} if user else data}
        case "refresh_token" if form["refresh_token"].startswith("refresh-"):
            grants.append(form["refresh_token"])
            return {
                "data": {"access_token": f"access-{len(grants)}", "expires_in": 86400},
                "traceId": "trace-4",
                "meta": None,
            }
    return {"error": "oauth: invalid_refresh_token: token is expired", "traceId": "trace-6"}


def test_a_users_token_goes_with_the_client_credentials_and_is_renewed_by_refresh(world):
    grants = []

    def play(method, path, headers, body):
        if method == "GET":
            return 200, {}, {"data": {"name": "Ada"}, "traceId": "trace-1"}
        form = dict(parse_qsl(body.decode(), strict_parsing=True))
        assert (form.pop("client_id"), form.pop("client_secret")) == ("dvc-1", "dvs-1")
        return 200, {}, seed_four(form, grants)

    with JsonServer(play) as server:
        config = OAuthConfig(
            token_url=f"{server.url}/open/api/oauth/token",
            userinfo_url=f"{server.url}/open/api/v1/me",
            client_id="dvc-1",
            client_secret="dvs-1",
            client_authentication="post",
            token_member="data",
        )
        client = world.client(config)
        assert client.initialize().access_token == "access-1-None"
        first = client.initialize("users-token")
        assert (first.access_token, first.grant, first.refresh_token) == (
            "access-2-users-token",
            "user_token",
            "refresh-2",
        )
        assert client.get_current_user() == {"name": "Ada"}
        world.clock.move(86_400 - 299)
        assert client.get_token() == "access-3"
        assert client.get_current_tokens().refresh_token == "refresh-2"
        assert client.get_current_tokens().trace_id == "trace-4"
        result = client.results.refresh("stale")
        assert not result.success
        assert "invalid_refresh_token" in result.error
        assert (result.code, result.trace_id) == ("REAUTH_REQUIRED", "trace-6")


def test_a_users_token_is_kept_for_a_grant_without_refresh_token(world):
    users = []

    def play(method, path, headers, body):
        users.append(dict(parse_qsl(body.decode())).get("subject"))
        if users[-1] == "bad":
            return 401, {}, {}
        return 200, {}, {"access_token": f"access-{len(users)}", "expires_in": 600}

    with JsonServer(play) as server:
        config = OAuthConfig(
            token_url=server.url, client_id="c", client_secret="s", user_token_parameter="subject"
        )
        client = world.client(config)
        client.initialize("ada")
        with pytest.raises(CredentialsError, match="user's token"):
            client.initialize("bad")
        world.clock.move(601)
        assert client.get_token() == "access-3"
        assert users == ["ada", "bad", "ada"]
        other = world.client(config, storage=MemoryTokenStorage(client.get_current_tokens()))
        world.clock.move(601)
        with pytest.raises(ConnectionNeedsUserError, match="the user's token again"):
            other.get_token()


class BrokerServer:
    """Sessions as seed 0's broker keeps them: JSON, an API key in a header, tokens of a minute under `oauthToken`."""

    def __init__(self):
        self.logins = 0
        self.number = 0
        self.refreshable = None
        self.accepted = None

    def _issue(self):
        self.number += 1
        self.refreshable, self.accepted = f"refresh-{self.number}", f"access-{self.number}"
        return {
            "access_token": self.accepted,
            "refresh_token": self.refreshable,
            "scope": "profile",
            "token_type": "Bearer",
            "expires_in": "60",
        }

    def play(self, method, path, headers, body):
        assert headers["x-ig-api-key"] == "key-1"
        if method == "GET":
            if headers.get("authorization") != f"Bearer {self.accepted}":
                return 401, {}, {"errorCode": "error.security.oauth-token-invalid"}
            return 200, {}, {"markets": ["DAX"]}
        form = json.loads(body)
        if path == "/session":
            assert headers["version"] == "3"
            if form != {"identifier": "ada", "password": "pass-1"}:
                return 401, {}, {"errorCode": "error.security.invalid-details"}
            self.logins += 1
            return 200, {}, {"accountId": "A1", "oauthToken": self._issue()}
        assert headers["version"] == "1"
        if form != {"refresh_token": self.refreshable}:
            return 401, {}, {"errorCode": "error.security.oauth-token-invalid"}
        return 200, {}, self._issue()


def broker_config(server, **changes):
    login = SessionLogin(**{"username": "ada", "password": "pass-1", "headers": {"VERSION": "3"}, **changes})
    return OAuthConfig(
        token_url=f"{server.url}/session",
        refresh_url=f"{server.url}/session/refresh-token",
        refresh_headers={"VERSION": "1"},
        refresh_grant_type="",
        encoding="json",
        headers={"X-IG-API-KEY": "key-1"},
        token_member="oauthToken",
        session_login=login,
    )


def test_a_session_is_opened_refreshed_and_opened_again_when_its_refresh_token_is_dead(world):
    broker = BrokerServer()
    with JsonServer(broker.play) as server:
        client = world.client(broker_config(server))
        first = client.initialize()
        assert first.extra == {"accountId": "A1"}
        assert (first.expires_at - first.issued_at).total_seconds() == 60
        world.clock.move(55)
        assert client.get_token() == "access-2"
        assert client.get_current_tokens().extra == {"accountId": "A1"}
        assert broker.logins == 1
        broker.refreshable = None
        world.clock.move(55)
        assert client.get_token() == "access-3"
        assert broker.logins == 2
        assert len(server.requests) == 4


def test_a_refused_password_is_not_tried_again_by_itself(world):
    broker = BrokerServer()
    with JsonServer(broker.play) as server:
        client = world.client(broker_config(server, password="canary"))
        for _ in range(4):
            with pytest.raises(CredentialsError, match="user name and password") as caught:
                client.get_token()
        assert "canary" not in str(caught.value)
        world.clock.move(100_000)
        with pytest.raises(CredentialsError):
            client.get_token()
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (400, {"error": "invalid_scope"}, ConfigurationError, "scope that the provider grants"),
        (400, {"error": "unauthorized_client"}, ForbiddenError, "where the client is registered"),
        (401, {}, CredentialsError, "client's credentials"),
        (404, {}, ConfigurationError, "no token endpoint at that address"),
        (400, {"error": "invalid_grant"}, CredentialsError, "client's credentials"),
        (418, {"error": "of_its_own"}, EvertokenClientError, "refuses the request \\(418\\)"),
    ],
)
def test_a_refusal_says_what_mends_it(world, status, body, error, said):
    world.provider.script.add(answer(status, json.dumps(body).encode()))
    with pytest.raises(error, match=said):
        world.client(world.config(grant="client_credentials")).initialize()


def test_a_given_access_token_is_the_simple_case(world):
    client = world.client(OAuthConfig(access_token="given-1"))
    assert client.initialize().access_token == client.get_token() == "given-1"
    assert not client.needs_refresh()
    with pytest.raises(ConnectionNeedsUserError, match="Give a new one") as caught:
        client.refresh()
    assert caught.value.code == "NO_REFRESH_TOKEN"
    assert world.count() == 0


def test_a_given_refresh_token_is_used_at_the_start(world):
    given = world.provider.rules.connect()["refresh_token"]
    client = world.client(world.config(refresh_token=given))
    assert world.provider.rules.accepts(client.get_token())


def test_parameters_and_headers_of_ones_own_go_with_every_request(world):
    with JsonServer(lambda *_: (200, {}, {"access_token": "a"})) as server:
        config = OAuthConfig(
            token_url=server.url,
            client_id="c",
            client_secret="s",
            parameters={"audience": "https://api.example/é"},
            headers={"X-Tenant": "7"},
        )
        world.client(config).initialize()
        _, _, headers, body = server.requests[0]
        assert parse_qs(body.decode())["audience"] == ["https://api.example/é"]
        assert headers["x-tenant"] == "7"
        assert "scope" not in parse_qs(body.decode())
