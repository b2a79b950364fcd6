"""The way through the browser: PKCE, and a state that is good once and only here."""

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from evertoken.client import (
    ConfigurationError,
    ConnectionNeedsUserError,
    OAuthConfig,
    RequestRefusedError,
)
from tests.client.oauth_world import KINDS, REDIRECT_URI, OAuthWorld


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def callback_of(request):
    answer = httpx.get(request.url, trust_env=False)
    assert answer.status_code == 302
    return answer.headers["location"]


def test_the_whole_callback_buys_tokens(world):
    client = world.client(world.config(issuer=world.provider.issuer))
    tokens = client.exchange_code(callback_of(client.authorization_url(scope="read")))
    assert world.provider.rules.accepts(tokens.access_token)
    assert (tokens.grant, tokens.scope) == ("authorization_code", "read")
    assert client.get_current_user() == {"sub": "user-1"}


def test_the_url_carries_what_the_standards_want(world):
    request = world.client().authorization_url(scope="read write", prompt="consent", login_hint="")
    query = dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(request.verifier.encode()).digest()).rstrip(b"=")
    assert query == {
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": REDIRECT_URI,
        "scope": "read write",
        "prompt": "consent",
        "state": request.state,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    assert 43 <= len(request.verifier) <= 128
    assert len(request.state) >= 43


def test_two_ways_share_nothing(world):
    client = world.client()
    one, other = client.authorization_url(), client.authorization_url()
    assert one.state != other.state
    assert one.verifier != other.verifier


def test_a_query_of_the_authorization_url_stays(world):
    config = world.config(authorization_url="https://provider.test/authorize?tenant=7")
    url = world.client(config).authorization_url().url
    assert url.startswith("https://provider.test/authorize?tenant=7&response_type=code")


def test_pkce_can_be_turned_off(world):
    world.provider.rules.change_profile(pkce_required=False)
    client = world.client(world.config(pkce=False))
    request = client.authorization_url()
    assert request.verifier == ""
    assert "code_challenge" not in request.url
    assert client.exchange_code(callback_of(request)).access_token


def test_a_callback_is_good_once(world):
    client = world.client()
    url = callback_of(client.authorization_url())
    tokens = client.exchange_code(url)
    with pytest.raises(RequestRefusedError, match="completed before"):
        client.exchange_code(url)
    assert world.count() == 1
    assert world.provider.rules.accepts(tokens.access_token)


def test_a_state_of_somebody_else_is_refused_and_its_code_sent_nowhere(world):
    victim, attacker = world.client(), world.client()
    victim.authorization_url()
    with pytest.raises(RequestRefusedError, match="state is of no request"):
        victim.exchange_code(callback_of(attacker.authorization_url()))
    assert world.count() == 0


def test_a_state_is_good_for_ten_minutes(world):
    client = world.client()
    request = client.authorization_url()
    url = callback_of(request)
    world.clock.move(601)
    with pytest.raises(RequestRefusedError, match="ten minutes"):
        client.exchange_code(url)


def test_another_process_finishes_with_the_request_from_the_users_session(world):
    request = world.client().authorization_url()
    url = callback_of(request)
    other = world.client()
    assert other.exchange_code(url, authorization=request).access_token
    with pytest.raises(RequestRefusedError, match="completed before"):
        other.exchange_code(url, authorization=request)


def test_a_session_of_another_way_is_refused(world):
    client = world.client()
    url = callback_of(client.authorization_url())
    with pytest.raises(RequestRefusedError, match="state is of no request"):
        world.client().exchange_code(url, authorization=client.authorization_url())


def test_a_bare_code_needs_the_request_beside_it(world):
    client = world.client()
    request = client.authorization_url()
    code = dict(parse_qsl(urlsplit(callback_of(request)).query))["code"]
    with pytest.raises(ConfigurationError, match="whole URL"):
        client.exchange_code(code)
    assert client.exchange_code(code, authorization=request).access_token


def test_a_code_with_another_verifier_buys_nothing(world):
    client = world.client()
    url = callback_of(client.authorization_url())
    code = dict(parse_qsl(urlsplit(url).query))["code"]
    with pytest.raises(ConnectionNeedsUserError, match="refuses the code"):
        client.exchange_code(code, authorization=client.authorization_url())


def test_another_issuers_answer_is_refused(world):
    client = world.client(world.config(issuer="https://the-right-one.test"))
    with pytest.raises(RequestRefusedError, match="RFC 9207"):
        client.exchange_code(callback_of(client.authorization_url()))
    assert world.count() == 0


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        ("error=access_denied&state={state}", ConnectionNeedsUserError, "answers access_denied"),
        ("error=<script>&state={state}", ConnectionNeedsUserError, "an error of its own"),
        ("state={state}", RequestRefusedError, "carries no code"),
        ("code=a&code=b&state={state}", RequestRefusedError, "not the URL"),
        ("code=a", RequestRefusedError, "state is of no request"),
        ("code=%ff&state={state}", RequestRefusedError, "not the URL"),
        ("", RequestRefusedError, "not the URL"),
        ("code=" + "a" * 17_000 + "&state={state}", RequestRefusedError, "not the URL"),
    ],
)
def test_what_is_no_answer_is_refused(world, query, error, said):
    client = world.client()
    state = client.authorization_url().state
    with pytest.raises(error, match=said):
        client.exchange_code(f"{REDIRECT_URI}?{query.format(state=state)}")
    assert world.count() == 0


def test_what_is_missing_is_named(world):
    bare = OAuthConfig(token_url="https://provider.test/token", client_id="c", client_secret="s")
    with pytest.raises(ConfigurationError, match="authorization_url is missing"):
        world.client(bare).authorization_url()
    with pytest.raises(ConfigurationError, match="redirect_uri is missing"):
        world.client(world.config(redirect_uri="")).authorization_url()


def test_begun_ways_that_nobody_ends_do_not_pile_up(world):
    client = world.client()
    first = client.authorization_url()
    url = callback_of(first)
    for _ in range(1000):
        client.authorization_url()
    with pytest.raises(RequestRefusedError, match="state is of no request"):
        client.exchange_code(url)


def test_no_representation_shows_state_verifier_or_code(world):
    request = world.client().authorization_url()
    assert request.state not in repr(request)
    assert request.verifier not in repr(request)
