"""The scripted provider tells a client that breaks the specifications from one that keeps them."""

import base64
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support.provider_profile import ProviderProfile
from tests.support.provider_requests import FORM
from tests.support.provider_twin import build_basic_authorization
from tests.support.scripted_provider import ScriptedProvider

SECRET = "secret: % + & é"
BASIC = build_basic_authorization("client-1", SECRET)
FORM_BODY = b"grant_type=client_credentials"


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as running:
        yield running
        assert running.errors == []


def post(
    provider: ScriptedProvider,
    body: bytes,
    *,
    query: str = "",
    content_type: str = FORM,
    authorization: str = BASIC,
) -> httpx.Response:
    headers = {"Content-Type": content_type} | ({"Authorization": authorization} if authorization else {})
    return httpx.post(provider.token_endpoint + query, content=body, headers=headers, trust_env=False)


def test_a_well_formed_request_leaves_no_violation(provider: ScriptedProvider) -> None:
    assert post(provider, FORM_BODY).status_code == 200
    assert post(provider, FORM_BODY, content_type=f"{FORM}; charset=UTF-8").status_code == 200
    assert provider.ledger.violations == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"query": "?grant_type=x"}, "there are parameters in the URI"),
        ({"content_type": "application/json"}, "the content type is not form encoding"),
        ({"content_type": f"{FORM}; charset=latin-1"}, "the content type has an unknown parameter"),
        ({"body": FORM_BODY + b"&scope="}, "a parameter is empty"),
        ({"body": FORM_BODY + b"&" + FORM_BODY}, "a parameter is repeated"),
        ({"body": b'{"grant_type":"client_credentials"}'}, "the body is not form encoded UTF-8"),
        ({"body": FORM_BODY + b"&scope=%ff"}, "the body is not form encoded UTF-8"),
        (
            {"body": FORM_BODY + b"&client_id=client-1&client_secret=x"},
            "two client authentication methods at once",
        ),
        ({"body": FORM_BODY + b"&client_id=client-2"}, "the form names another client than the header"),
        ({"authorization": "Bearer x"}, "the authorization scheme is not Basic"),
        ({"authorization": "Basic !"}, "the Basic credentials are not form encoded before base64"),
        (
            {"authorization": "Basic " + base64.b64encode(f"client-1:{SECRET}".encode()).decode()},
            "the Basic credentials are not form encoded before base64",
        ),
        (
            {"authorization": "Basic " + base64.b64encode(b"client-1").decode()},
            "the Basic credentials have no colon",
        ),
    ],
)
def test_a_breach_is_refused_and_recorded_by_its_rule(
    provider: ScriptedProvider, changes: dict[str, str | bytes], rule: str
) -> None:
    arguments = {"body": FORM_BODY} | changes
    response = post(provider, **arguments)  # type: ignore[arg-type]
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert provider.ledger.violations == [rule]


def test_a_get_at_the_token_endpoint_is_a_breach(provider: ScriptedProvider) -> None:
    assert httpx.get(provider.token_endpoint, trust_env=False).status_code == 400
    assert provider.ledger.violations == ["the method is not POST"]


@pytest.mark.parametrize(("accepted", "status"), [("basic", 200), ("post", 401), ("any", 200)])
def test_only_the_accepted_client_authentication_works(accepted: str, status: int) -> None:
    profile = ProviderProfile(client_authentication=accepted)  # type: ignore[arg-type]
    with ScriptedProvider(profile) as provider:
        assert post(provider, FORM_BODY).status_code == status


def test_the_secret_with_odd_characters_works_in_the_form_too(provider: ScriptedProvider) -> None:
    form = {"grant_type": "client_credentials", "client_id": "client-1", "client_secret": SECRET}
    assert httpx.post(provider.token_endpoint, data=form, trust_env=False).status_code == 200
    wrong = httpx.post(provider.token_endpoint, data={**form, "client_secret": "wrong"}, trust_env=False)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert provider.ledger.violations == []


def test_no_client_authentication_at_all_is_invalid_client(provider: ScriptedProvider) -> None:
    assert post(provider, FORM_BODY, authorization="").status_code == 401


def test_an_unknown_grant_type_is_refused_without_a_violation(provider: ScriptedProvider) -> None:
    response = post(provider, b"grant_type=password")
    assert json.loads(response.content) == {"error": "unsupported_grant_type"}
    assert provider.ledger.violations == []
