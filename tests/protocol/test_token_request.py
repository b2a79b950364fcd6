"""Requests to token and revocation endpoints."""

import json

import pytest

from evertoken.domain.errors import NoRefreshTokenError
from evertoken.protocol.token_request import (
    build_client_credentials,
    build_code_exchange,
    build_following_exchange,
    build_refresh,
    build_revocation,
)
from tests.protocol.clients import (
    basic_of,
    form_of,
    make_provider,
    make_ready,
    make_token_set,
    shape_provider,
)


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


def test_nothing_to_refresh_with_is_said():
    with pytest.raises(NoRefreshTokenError):
        build_refresh(make_ready(), make_token_set(refresh_token=None))
    with pytest.raises(NoRefreshTokenError):
        build_refresh(make_ready(make_provider(refresh={"credential": "none"})), make_token_set())


def test_client_credentials_ask_for_their_scopes_and_are_never_what_a_refresh_spends():
    ready = make_ready(make_provider(refresh={"credential": "client_credentials"}))
    assert form_of(build_client_credentials(ready, ("a", "b"))) == {
        "grant_type": "client_credentials",
        "scope": "a b",
    }
    with pytest.raises(NoRefreshTokenError):
        build_refresh(ready, make_token_set())


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


def test_a_provider_that_takes_the_access_token_is_told_that_one_although_there_is_a_refresh_token():
    request = build_revocation(make_ready(shape_provider(revokes_access_token=True)), make_token_set())
    assert request is not None
    assert form_of(request) == {"token": "at-1", "token_type_hint": "access_token"}


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
