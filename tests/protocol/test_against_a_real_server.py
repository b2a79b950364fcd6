"""The whole of it against an authorization server that other people wrote: discovery, consent, code, refresh, reuse, revocation."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from evertoken.adapters.http_transport import HttpTransport
from evertoken.catalogue.discovery import metadata_urls, parse_metadata, with_discovered
from evertoken.catalogue.loader import parse_provider
from evertoken.domain.http import HttpAnswer, HttpRequest
from evertoken.domain.outcome import Failure, FailureKind, Issued
from evertoken.domain.provider import IssParameter, Pkce
from evertoken.protocol.account import find_account
from evertoken.protocol.authorization_url import build_authorization_url
from evertoken.protocol.callback import check_issuer, parse_callback
from evertoken.protocol.pkce import new_challenge
from evertoken.protocol.revocation_answer import RevocationStatus, parse_revocation_answer
from evertoken.protocol.token_answer import Operation, parse_token_answer
from evertoken.protocol.token_request import build_code_exchange, build_refresh, build_revocation
from local.demo_provider.browser import ScriptedBrowser
from tests.protocol.clients import make_ready
from tests.support.third_party_server import ThirdPartyServer

REDIRECT_URI = "http://127.0.0.1:9/callback"
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def server():
    with ThirdPartyServer(access_token_seconds=60) as running:
        yield running


@pytest.fixture(scope="module")
def transport():
    transport = HttpTransport(allow_loopback=True)
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def ready(server, transport):
    for url in metadata_urls(server.issuer, allow_loopback=True):
        exchange = transport.send(HttpRequest(method="GET", url=url), timeout_seconds=PATIENCE_SECONDS)
        if isinstance(exchange, HttpAnswer) and exchange.status == 200:
            break
    found = parse_metadata(
        server.issuer,
        exchange.body,
        metadata_url=url,
        checked_on=datetime.now(UTC).date(),
        allow_loopback=True,
    )
    document = with_discovered({"extends": "oidc", "name": "Somebody else's"}, found)
    provider = parse_provider(document, provider_id="theirs", allow_loopback=True)
    registered = server.register_client(REDIRECT_URI)
    return make_ready(provider, secret=registered.client_secret, client_id=registered.client_id)


def send(transport, ready, request, operation):
    exchange = transport.send(request, timeout_seconds=PATIENCE_SECONDS)
    return parse_token_answer(
        ready.provider, operation, exchange, sent_at=datetime.now(UTC), requested_scopes=("openid",)
    )


def consent(server, ready, verifier):
    url = build_authorization_url(
        ready,
        redirect_uri=REDIRECT_URI,
        state="st-1",
        challenge=new_challenge(verifier),
        scopes=("profile",),
        parameters={},
    )
    with ScriptedBrowser() as browser:
        arrival = browser.authorize(
            url, username=server.username, password=server.password, stop_at=REDIRECT_URI
        )
    return parse_callback(urlsplit(arrival.location).query)


def connect(server, transport, ready):
    verifier = secrets.token_urlsafe(32)
    returned = consent(server, ready, verifier)
    request = build_code_exchange(ready, code=returned.code, redirect_uri=REDIRECT_URI, verifier=verifier)
    outcome = send(transport, ready, request, Operation.CODE_EXCHANGE)
    assert isinstance(outcome, Issued), outcome
    return outcome.token_set


def test_discovery_finds_what_the_server_does(server, ready):
    provider = ready.provider
    assert (provider.issuer, provider.iss_parameter, provider.pkce) == (
        server.issuer,
        IssParameter.ALWAYS,
        Pkce.SUPPORTED,
    )
    assert (provider.token_endpoint, provider.revocation_endpoint) == (
        server.token_endpoint,
        server.revocation_endpoint,
    )


def test_the_callback_names_the_issuer_and_the_code_buys_a_token_and_names_the_account(
    server, transport, ready
):
    verifier = secrets.token_urlsafe(32)
    returned = consent(server, ready, verifier)
    assert (returned.state, returned.error) == ("st-1", None)
    assert check_issuer(ready.provider, returned.iss)
    assert not check_issuer(ready.provider, None)
    request = build_code_exchange(ready, code=returned.code, redirect_uri=REDIRECT_URI, verifier=verifier)
    first = send(transport, ready, request, Operation.CODE_EXCHANGE)
    assert isinstance(first, Issued)
    assert first.anomalies == ()
    assert server.accepts(first.token_set.access_token)
    assert (first.token_set.expires_at - first.token_set.issued_at).total_seconds() == 60
    assert set(first.token_set.scope.split()) == {"openid", "profile"}
    assert find_account(ready.provider, first.token_set)
    again = send(transport, ready, request, Operation.CODE_EXCHANGE)
    assert isinstance(again, Failure)
    assert (again.kind, again.code) == (FailureKind.REJECTED, "invalid_grant")


def test_a_refresh_rotates_and_the_old_refresh_token_is_dead(server, transport, ready):
    first = connect(server, transport, ready)
    second = send(transport, ready, build_refresh(ready, first), Operation.REFRESH)
    assert isinstance(second, Issued)
    merged = second.token_set.following(first)
    assert merged.refresh_token != first.refresh_token
    assert set(merged.scope.split()) == {"openid", "profile"}
    assert server.accepts(merged.access_token)
    reuse = send(transport, ready, build_refresh(ready, first), Operation.REFRESH)
    assert isinstance(reuse, Failure)
    assert (reuse.kind, reuse.code, reuse.status) == (FailureKind.GRANT_DEAD, "invalid_grant", 400)


def test_a_wrong_secret_is_the_operators_fault_and_not_the_connections(server, transport, ready):
    first = connect(server, transport, ready)
    wrong = replace(ready, client_secret="wrong: % + & \u00e9")
    failure = send(transport, wrong, build_refresh(wrong, first), Operation.REFRESH)
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code) == (FailureKind.CLIENT_MISCONFIGURED, "invalid_client")
    assert isinstance(send(transport, ready, build_refresh(ready, first), Operation.REFRESH), Issued)


def test_a_revocation_ends_the_token_and_a_second_one_is_as_good(server, transport, ready):
    first = connect(server, transport, ready)
    for _ in range(2):
        request = build_revocation(ready, first)
        assert request is not None
        answer = parse_revocation_answer(
            transport.send(request, timeout_seconds=PATIENCE_SECONDS), datetime.now(UTC)
        )
        assert answer.status is RevocationStatus.REVOKED
    assert not server.accepts(first.access_token)
    dead = send(transport, ready, build_refresh(ready, first), Operation.REFRESH)
    assert isinstance(dead, Failure)
    assert dead.kind is FailureKind.GRANT_DEAD
