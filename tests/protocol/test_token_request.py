"""Requests to token and revocation endpoints."""

import base64
import json
from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.errors import InvalidInputError, NoRefreshTokenError
from evertoken.protocol.client_authentication import find_client_authentication
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_code_exchange,
    build_following_exchange,
    build_refresh,
    build_revocation,
)
from tests.protocol.clients import form_of, make_provider, make_ready, make_token_set

ODD_SECRETS = ["a:b", "100%", "a+b c", "x&y=z", "élan", "~*'()!", "\u20ac\U0001f511"]


def basic_of(request):
    scheme, _, credentials = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(credentials, validate=True).decode()


def test_a_code_exchange_has_the_parameters_of_rfc_6749_and_the_verifier():
    request = build_code_exchange(
        make_ready(), code="c-1", redirect_uri="https://t.example.org/cb", verifier="v-1"
    )
    assert (request.method, request.url, request.query) == ("POST", "https://login.example.com/token", ())
    assert form_of(request) == {
        "grant_type": "authorization_code",
        "code": "c-1",
        "redirect_uri": "https://t.example.org/cb",
        "code_verifier": "v-1",
    }
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"


def test_no_verifier_goes_where_no_challenge_went():
    request = build_code_exchange(
        make_ready(), code="c-1", redirect_uri="https://t.example.org/cb", verifier=None
    )
    assert "code_verifier" not in form_of(request)


def test_a_refresh_asks_for_no_scope():
    assert form_of(build_refresh(make_ready(), make_token_set())) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-1",
    }


@pytest.mark.parametrize("secret", ODD_SECRETS)
def test_odd_secrets_survive_basic_because_they_are_form_encoded_first(secret):
    request = build_refresh(make_ready(secret=secret, client_id="id:1"), make_token_set())
    client_id, colon, encoded = basic_of(request).partition(":")
    assert (unquote_plus(client_id), colon, unquote_plus(encoded)) == ("id:1", ":", secret)
    assert "client_secret" not in form_of(request)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_every_printable_secret_survives_post(secret):
    form = form_of(build_refresh(make_ready(secret=secret, method="client_secret_post"), make_token_set()))
    assert (form["client_id"], form["client_secret"]) == ("client-1", secret)


def test_form_encoding_of_basic_can_be_switched_off():
    provider = make_provider(
        client_authentication={"methods": ["client_secret_basic"], "form_encodes_basic": False}
    )
    assert basic_of(build_refresh(make_ready(provider, secret="a+b%"), make_token_set())) == "client-1:a+b%"


def test_a_client_without_a_secret_sends_its_id_alone():
    request = build_refresh(make_ready(secret=None), make_token_set())
    assert form_of(request)["client_id"] == "client-1"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(("method", "secret"), [("private_key_jwt", "s"), ("client_secret_basic", None)])
def test_an_authentication_that_cannot_be_is_refused_by_name(method, secret):
    with pytest.raises(InvalidInputError, match="client_authentication"):
        find_client_authentication(make_ready(method=method, secret=secret))


def test_nothing_to_refresh_with_is_said():
    with pytest.raises(NoRefreshTokenError):
        build_refresh(make_ready(), make_token_set(refresh_token=None))
    with pytest.raises(NoRefreshTokenError):
        build_refresh(make_ready(make_provider(refresh={"credential": "none"})), make_token_set())


def test_client_credentials_are_run_again_with_the_scope_that_was_granted():
    ready = make_ready(make_provider(refresh={"credential": "client_credentials"}))
    expected = build_client_credentials(ready, ("a", "b"))
    assert form_of(expected) == {"grant_type": "client_credentials", "scope": "a b"}
    assert build_refresh(ready, make_token_set(refresh_token=None)) == expected


def test_instagram_exchanges_the_first_token_with_the_secret_and_refreshes_without_a_client():
    ready = make_ready("instagram")
    exchange = build_following_exchange(ready, 0, make_token_set(access_token="short"))
    assert exchange is not None
    assert (exchange.method, exchange.url, exchange.body) == (
        "GET",
        "https://graph.instagram.com/access_token",
        b"",
    )
    assert dict(exchange.query) == {
        "grant_type": "ig_exchange_token",
        "client_secret": "s3cret",
        "access_token": "short",
    }
    assert build_following_exchange(ready, 1, make_token_set()) is None
    refresh = build_refresh(ready, make_token_set(access_token="long", refresh_token=None))
    assert refresh.url == "https://graph.instagram.com/refresh_access_token"
    assert dict(refresh.query) == {"grant_type": "ig_refresh_token", "access_token": "long"}
    assert "Authorization" not in refresh.headers


def test_reddit_gets_a_descriptive_user_agent_on_every_request():
    request = build_refresh(make_ready("reddit"), make_token_set())
    assert request.headers["User-Agent"].startswith("aws:client-1:")
    assert basic_of(request) == "client-1:s3cret"


def test_a_revocation_takes_the_refresh_token_with_its_hint_or_the_access_token_where_there_is_none():
    ready = make_ready()
    first = build_revocation(ready, make_token_set())
    second = build_revocation(ready, make_token_set(refresh_token=None))
    assert first is not None
    assert second is not None
    assert first.url == "https://login.example.com/revoke"
    assert form_of(first) == {"token": "rt-1", "token_type_hint": "refresh_token"}
    assert form_of(second) == {"token": "at-1", "token_type_hint": "access_token"}


def test_google_is_told_without_client_credentials():
    request = build_revocation(make_ready("google"), make_token_set())
    assert request is not None
    assert form_of(request) == {"token": "rt-1", "token_type_hint": "refresh_token"}
    assert "Authorization" not in request.headers


def test_github_deletes_the_access_token_with_basic_and_json():
    request = build_revocation(make_ready("github", client_id="Iv1.abc/?"), make_token_set())
    assert request is not None
    assert (request.method, request.url) == (
        "DELETE",
        "https://api.github.com/applications/Iv1.abc%2F%3F/token",
    )
    assert json.loads(request.body) == {"access_token": "at-1"}
    assert basic_of(request).endswith(":s3cret")


def test_where_the_provider_takes_no_revocation_there_is_no_request():
    assert build_revocation(make_ready("instagram"), make_token_set()) is None
    assert build_revocation(make_ready(), make_token_set(refresh_token=None), hint="refresh_token") is None


def test_no_secret_is_in_the_representation_of_a_request():
    ready = make_ready(secret="CANARY-SECRET", method="client_secret_post")
    texts = [
        repr(build_refresh(ready, make_token_set(refresh_token="CANARY-RT"))),
        repr(
            build_following_exchange(
                make_ready("instagram", secret="CANARY-SECRET"), 0, make_token_set(access_token="CANARY-AT")
            )
        ),
        repr(ready),
        repr(make_token_set(access_token="CANARY-AT")),
    ]
    assert all("CANARY" not in text for text in texts)
