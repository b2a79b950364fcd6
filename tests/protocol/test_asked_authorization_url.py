"""An authorization URL that must be asked for, and where nobody is sent whatever the answer says."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evertoken.domain.errors import InvalidInputError, ProviderRefusedError, ProviderUnavailableError
from evertoken.domain.http import HttpAnswer, NoAnswer, NotSent
from evertoken.domain.provider_shapes import AuthorizationShape
from evertoken.domain.request_shape import (
    AuthorizationHeader,
    ClientPart,
    Encoding,
    HeaderCredential,
    RequestShape,
    RequestShapes,
)
from evertoken.protocol.authorization_url import build_authorization_request, parse_authorization_answer
from evertoken.protocol.same_site import is_same_site
from tests.protocol.clients import json_answer, make_provider, make_ready

REDIRECT_URI = "https://tokens.example.org/v1/oauth/callback/reg-1"
ASKED = RequestShape(
    url="https://api.example.com/oauth/get-code",
    encoding=Encoding.JSON,
    client=ClientPart.ID_ONLY,
    authorization_header=AuthorizationHeader(scheme="Bearer", credential=HeaderCredential.USER_TOKEN),
    names={"client_id": "clientId"},
    omits=frozenset({"scope"}),
)
PROVIDER = replace(
    make_provider(),
    requests=RequestShapes(authorization=ASKED, authorization_url_path="/data/redirect_url"),
    authorization=AuthorizationShape(omits=frozenset({"response_type"}), accepts=frozenset({"target"})),
)


def ask(provider=PROVIDER, **changes):
    arguments = {
        "redirect_uri": REDIRECT_URI,
        "state": "st-1",
        "challenge": None,
        "scopes": ("a",),
        "parameters": {},
        "user_token": "ut-1",
        **changes,
    }
    return build_authorization_request(make_ready(provider), **arguments)


def read(exchange):
    return parse_authorization_answer(PROVIDER, exchange, redirect_uri=REDIRECT_URI)


def test_the_request_carries_what_the_url_would_in_the_entrys_names_with_the_users_token():
    request = ask(parameters={"target": "t-1"}, challenge="ch-1")
    assert (request.method, request.url) == ("POST", "https://api.example.com/oauth/get-code")
    assert json.loads(request.body) == {
        "clientId": "client-1",
        "redirect_uri": REDIRECT_URI,
        "state": "st-1",
        "target": "t-1",
        "code_challenge": "ch-1",
        "code_challenge_method": "S256",
    }
    assert request.headers["Authorization"] == "Bearer ut-1"
    assert "Authorization" not in ask(user_token=None).headers


def test_what_is_not_asked_for_or_not_admitted_is_refused():
    with pytest.raises(InvalidInputError, match="authorization endpoint"):
        ask(make_provider())
    with pytest.raises(InvalidInputError, match="redirect_uri"):
        ask(parameters={"redirect_uri": "https://evil.example.net"})


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/consent?x=1",
        "https://example.com/consent",
        "https://other.example.com/",
        f"{REDIRECT_URI}?code=c&state=st-1",
        REDIRECT_URI,
    ],
)
def test_the_url_is_the_providers_own_or_our_callback(url):
    assert read(json_answer({"data": {"redirect_url": url}})) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://login.example.com/",
        "https://evil.example.net/",
        "https://login.example.com@evil.example.net/",
        "https://login.example.com.evil.net/",
        "https://evilexample.com/",
        "https://login.example.com\\@evil.example.net/",
        "https://login.example.com/\n",
        "//evil.example.net",
        "javascript:alert(1)",
        "https://[/",
        "https://login.example.com:99999/",
        f"{REDIRECT_URI}/../evil?x",
        f"{REDIRECT_URI}2?code=c",
        "https://login.example.com/" + "x" * 9000,
    ],
)
def test_nobody_is_sent_anywhere_else(url):
    with pytest.raises(ProviderRefusedError, match="no authorization URL"):
        read(json_answer({"data": {"redirect_url": url}}))


@pytest.mark.parametrize(
    ("exchange", "error", "wait"),
    [
        (json_answer({"error": "invalid_client"}, 401), ProviderRefusedError, None),
        (json_answer({"error": "access_denied"}, 403), ProviderRefusedError, None),
        (json_answer({}, 503, retry_after="30"), ProviderUnavailableError, 30),
        (json_answer({}, 429, retry_after="Sat, 21 Nov 2026 12:02:00 GMT"), ProviderUnavailableError, None),
        (HttpAnswer(status=200, headers={}, body=b"<html>"), ProviderUnavailableError, None),
        (NotSent(reason="connect_failed"), ProviderUnavailableError, None),
        (NoAnswer(reason="timeout"), ProviderUnavailableError, None),
    ],
)
def test_without_an_answer_the_caller_learns_whether_trying_again_helps(exchange, error, wait):
    with pytest.raises(error) as raised:
        read(exchange)
    assert raised.value.retry_after_seconds == wait


@pytest.mark.parametrize(
    ("host", "endpoint", "same"),
    [
        ("a.example.com", "a.example.com", True),
        ("b.a.example.com", "a.example.com", True),
        ("example.com", "a.b.example.com", True),
        ("example.com", "example.com", True),
        ("other.com", "example.com", False),
        ("evil.co.uk", "vendor.co.uk", False),
        ("login.vendor.co.uk", "api.vendor.co.uk", True),
        ("evil.com.au", "vendor.com.au", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("com", "example.com", False),
        ("localhost", "localhost", True),
    ],
)
def test_a_site_is_told_by_its_registrable_domain(host, endpoint, same):
    assert is_same_site(f"https://{host}/x", f"https://{endpoint}/token") is same


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(max_size=40) | st.text(max_size=20).map("https://login.example.com{}".format))
def test_whatever_url_is_answered_reading_it_ends_in_a_safe_url_or_a_refusal(url):
    try:
        found = read(json_answer({"data": {"redirect_url": url}}))
    except ProviderRefusedError:
        return
    assert found.startswith(("https://login.example.com", REDIRECT_URI))
