"""The third-party server is what the end-to-end proof needs: strict, and someone else's."""

import os
import time
from collections.abc import Iterator

import httpx
import pytest

from local.demo_provider.browser import BrowserError
from tests.support.oauth_client import Person, PlainClient, create_pkce_pair
from tests.support.third_party_server import ThirdPartyServer

REDIRECT_URI = "http://127.0.0.1:9/callback"
PERSON = Person(ThirdPartyServer.username, ThirdPartyServer.password)
SCOPE = "openid profile"


@pytest.fixture(scope="module")
def server() -> Iterator[ThirdPartyServer]:
    with ThirdPartyServer(access_token_seconds=60) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ThirdPartyServer) -> PlainClient:
    registered = server.register_client(REDIRECT_URI)
    return PlainClient(
        authorization_endpoint=server.authorization_endpoint,
        token_endpoint=server.token_endpoint,
        revocation_endpoint=server.revocation_endpoint,
        client_id=registered.client_id,
        client_secret=registered.client_secret,
        redirect_uri=REDIRECT_URI,
    )


def test_a_scripted_browser_brings_back_state_issuer_and_a_code_that_buys_a_working_token(
    server: ThirdPartyServer, client: PlainClient
) -> None:
    answer, verifier = client.get_code(PERSON, scope=SCOPE)
    assert (answer["state"], answer["iss"]) == ("state-1", server.issuer)
    token_set = client.redeem(answer["code"], verifier).json()
    assert token_set["expires_in"] == 60
    assert server.accepts(token_set["access_token"])
    assert not server.accepts(token_set["access_token"] + "x")


def test_a_refresh_rotates_the_refresh_token_and_reuse_of_the_old_one_kills_the_family(
    server: ThirdPartyServer, client: PlainClient
) -> None:
    first = client.connect(PERSON, scope=SCOPE)
    second = client.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert server.accepts(second["access_token"])
    reuse = client.refresh(first["refresh_token"])
    assert (reuse.status_code, reuse.json()["error"]) == (400, "invalid_grant")
    after = client.refresh(second["refresh_token"])
    assert (after.status_code, after.json()["error"]) == (400, "invalid_grant")


def test_revoking_the_refresh_token_ends_the_grant(server: ThirdPartyServer, client: PlainClient) -> None:
    token_set = client.connect(PERSON, scope=SCOPE)
    assert client.revoke(token_set["refresh_token"]).status_code == 200
    assert not server.accepts(token_set["access_token"])
    assert client.refresh(token_set["refresh_token"]).json()["error"] == "invalid_grant"


def test_pkce_is_required_of_a_confidential_client_and_plain_is_refused(client: PlainClient) -> None:
    without = client.walk(client.build_authorization_url(scope=SCOPE), PERSON)
    assert (without["error"], "code" in without) == ("invalid_request", False)
    _, challenge = create_pkce_pair()
    plain = client.build_authorization_url(
        scope=SCOPE, code_challenge=challenge, code_challenge_method="plain"
    )
    assert "code" not in client.walk(plain, PERSON)


def test_a_wrong_verifier_buys_nothing(client: PlainClient) -> None:
    answer, _ = client.get_code(PERSON, scope=SCOPE)
    assert client.redeem(answer["code"], "w" * 43).json()["error"] == "invalid_grant"


def test_a_refusal_comes_back_as_an_error_with_the_state_but_without_the_issuer(client: PlainClient) -> None:
    _, challenge = create_pkce_pair()
    url = client.build_authorization_url(scope=SCOPE, code_challenge=challenge, code_challenge_method="S256")
    answer = client.walk(url, PERSON, consents=False)
    assert (answer["error"], answer["state"]) == ("access_denied", "state-1")
    # RFC 9207 section 2 asks for `iss` here too; this server leaves it out, as real ones do.
    assert "iss" not in answer


def test_a_wrong_password_stops_the_browser_and_the_message_holds_no_secret(client: PlainClient) -> None:
    _, challenge = create_pkce_pair()
    url = client.build_authorization_url(scope=SCOPE, code_challenge=challenge, code_challenge_method="S256")
    with pytest.raises(BrowserError, match="login was not accepted") as caught:
        client.walk(url, PERSON._replace(password="not this one"))
    assert "not this one" not in str(caught.value)


def test_a_wrong_client_secret_is_told_apart_from_a_dead_grant(
    server: ThirdPartyServer, client: PlainClient
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    wrong = httpx.post(server.token_endpoint, data=form, auth=(client.client_id, "wrong"), trust_env=False)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    right = httpx.post(
        server.token_endpoint, data=form, auth=(client.client_id, client.client_secret), trust_env=False
    )
    assert (right.status_code, right.json()["error"]) == (400, "invalid_grant")


def test_the_metadata_names_what_the_server_does(server: ThirdPartyServer) -> None:
    metadata = httpx.get(server.metadata_url, trust_env=False).json()
    assert metadata["issuer"] == server.issuer
    assert metadata["token_endpoint"] == server.token_endpoint
    assert metadata["revocation_endpoint"] == server.revocation_endpoint
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_the_server_starts_in_seconds_and_leaves_no_process_behind() -> None:
    started = time.monotonic()
    with ThirdPartyServer() as running:
        pid = running.pid
        # About 2 s alone; generous, as other test processes share the two cores.
        assert time.monotonic() - started < 20
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
