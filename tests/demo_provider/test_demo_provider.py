"""The demo provider as a client meets it: a process of its own, over HTTP, through its pages."""

import base64
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from local.demo_provider.ledger import get_fingerprint
from local.demo_provider.seeds import DEMO_CLIENTS, DEMO_USERS
from tests.support.demo_provider_process import DemoProviderProcess
from tests.support.oauth_client import Person, PlainClient, create_pkce_pair

REDIRECT_URI = "http://127.0.0.1:9/callback"
ALICE = Person(DEMO_USERS[0].username, DEMO_USERS[0].password)
SECRETS = {client.client_id: client.client_secret for client in DEMO_CLIENTS}
SCOPE = "profile reports:read"


def build_client(provider: DemoProviderProcess, client_id: str = "demo") -> PlainClient:
    return PlainClient(
        authorization_endpoint=f"{provider.issuer}/authorize",
        token_endpoint=f"{provider.issuer}/token",
        revocation_endpoint=f"{provider.issuer}/revoke",
        client_id=client_id,
        client_secret=SECRETS[client_id],
        redirect_uri=REDIRECT_URI,
    )


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProviderProcess]:
    with DemoProviderProcess(tmp_path_factory.mktemp("demo_provider")) as running:
        running.register_client("demo", REDIRECT_URI)
        running.register_client("demo-short", REDIRECT_URI)
        yield running


@pytest.fixture
def client(provider: DemoProviderProcess) -> PlainClient:
    return build_client(provider)


def test_a_person_logs_in_and_the_client_gets_a_token_that_the_resource_accepts(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    answer, verifier = client.get_code(ALICE, scope=SCOPE)
    assert (answer["state"], answer["iss"]) == ("state-1", provider.issuer)
    token_set = client.redeem(answer["code"], verifier).json()
    assert (token_set["expires_in"], token_set["token_type"], token_set["scope"]) == (120, "Bearer", SCOPE)
    headers = {"Authorization": f"Bearer {token_set['access_token']}"}
    who = httpx.get(f"{provider.issuer}/userinfo", headers=headers, trust_env=False)
    assert who.json() == {"sub": "alice", "name": "Alice Example"}


def test_the_short_client_gets_tokens_of_sixty_seconds(provider: DemoProviderProcess) -> None:
    assert build_client(provider, "demo-short").connect(ALICE, scope=SCOPE)["expires_in"] == 60


def test_client_credentials_buy_a_token_of_the_client_itself(provider: DemoProviderProcess) -> None:
    client = build_client(provider, "demo-m2m")
    token_set = client.request_token(grant_type="client_credentials").json()
    assert "refresh_token" not in token_set
    headers = {"Authorization": f"Bearer {token_set['access_token']}"}
    who = httpx.get(f"{provider.issuer}/userinfo", headers=headers, trust_env=False)
    assert who.json()["sub"] == "demo-m2m"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer unknown", "Basic dTpw"])
def test_the_resource_answers_401_with_a_challenge_to_anything_but_a_live_token(
    provider: DemoProviderProcess, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = httpx.get(f"{provider.issuer}/userinfo", headers=headers, trust_env=False)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_a_refresh_token_is_no_access_token(provider: DemoProviderProcess, client: PlainClient) -> None:
    assert not provider.accepts(client.connect(ALICE, scope=SCOPE)["refresh_token"])


def test_a_refresh_rotates_and_the_older_access_token_lives_on(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    first = client.connect(ALICE, scope=SCOPE)
    second = client.refresh(first["refresh_token"]).json()
    assert first["refresh_token"] != second["refresh_token"]
    assert first["access_token"] != second["access_token"]
    assert provider.accepts(first["access_token"])
    assert provider.accepts(second["access_token"])


def test_reuse_of_a_spent_refresh_token_kills_the_whole_family_and_the_ledger_says_so(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    before = provider.read_ledger()["last"]
    first = client.connect(ALICE, scope=SCOPE)
    second = client.refresh(first["refresh_token"]).json()
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert not provider.accepts(second["access_token"])
    entries = provider.read_ledger(since=before)["entries"]
    assert [entry["outcome"] for entry in entries] == ["ok", "ok", "invalid_grant", "invalid_grant"]
    assert [entry["detail"] for entry in entries] == ["", "", "refresh_token_reused", ""]
    assert len({entry["family"] for entry in entries}) == 1


def test_one_consent_is_untouched_by_the_death_of_another(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    doomed, other = client.connect(ALICE, scope=SCOPE), client.connect(ALICE, scope=SCOPE)
    client.refresh(doomed["refresh_token"])
    client.refresh(doomed["refresh_token"])
    assert client.refresh(other["refresh_token"]).status_code == 200


def test_sixteen_parallel_refreshes_of_one_token_have_one_winner(client: PlainClient) -> None:
    token_set = client.connect(ALICE, scope=SCOPE)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: client.refresh(token_set["refresh_token"]).status_code, range(16)))
    assert sorted(statuses) == [200] + [400] * 15


def test_a_code_is_worth_one_token_set_and_its_reuse_kills_that_one(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    answer, verifier = client.get_code(ALICE, scope=SCOPE)
    token_set = client.redeem(answer["code"], verifier).json()
    assert client.redeem(answer["code"], verifier).json()["error"] == "invalid_grant"
    assert not provider.accepts(token_set["access_token"])


def test_pkce_with_s256_is_required_and_a_wrong_verifier_buys_nothing(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    _, challenge = create_pkce_pair()
    for parameters in (
        {},
        {"code_challenge": challenge},
        {"code_challenge": challenge, "code_challenge_method": "plain"},
    ):
        answer = client.walk(client.build_authorization_url(**parameters), ALICE)
        assert (answer["error"], answer["state"], answer["iss"]) == (
            "invalid_request",
            "state-1",
            provider.issuer,
        )
    answer, _ = client.get_code(ALICE, scope=SCOPE)
    assert client.redeem(answer["code"], "w" * 43).json()["error"] == "invalid_grant"


def test_a_refusal_returns_access_denied_with_state_and_issuer(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    _, challenge = create_pkce_pair()
    url = client.build_authorization_url(code_challenge=challenge, code_challenge_method="S256")
    answer = client.walk(url, ALICE, consents=False)
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "state-1", provider.issuer)


def test_an_unregistered_redirect_uri_is_never_redirected_to(client: PlainClient) -> None:
    _, challenge = create_pkce_pair()
    url = client.build_authorization_url(
        redirect_uri="http://127.0.0.1:9/elsewhere", code_challenge=challenge, code_challenge_method="S256"
    )
    response = httpx.get(url, trust_env=False)
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_the_login_page_forwards_to_nowhere_but_the_authorization_endpoint(
    provider: DemoProviderProcess,
) -> None:
    with httpx.Client(base_url=provider.issuer, trust_env=False) as browser:
        page = browser.get("/login", params={"next": "//evil.example/authorize"}).text
        form_key = page.split('name="form_key" value="')[1].split('"')[0]
        form = {**ALICE._asdict(), "next": "//evil.example/authorize", "form_key": form_key}
        assert browser.post("/login", data=form).headers["Location"] == "/authorize"
        assert browser.post("/login", data={**form, "form_key": "forged"}).status_code == 400


def test_basic_and_post_authenticate_and_a_wrong_secret_is_invalid_client(
    provider: DemoProviderProcess,
) -> None:
    url = f"{provider.issuer}/token"
    form = {"grant_type": "client_credentials"}
    in_body = {**form, "client_id": "demo-m2m", "client_secret": SECRETS["demo-m2m"]}
    assert httpx.post(url, data=in_body, trust_env=False).status_code == 200
    assert (
        httpx.post(url, data=form, auth=("demo-m2m", SECRETS["demo-m2m"]), trust_env=False).status_code == 200
    )
    wrong = httpx.post(url, data=form, auth=("demo-m2m", "wrong"), trust_env=False)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_a_registered_client_with_an_odd_secret_authenticates_by_basic_form_encoded_first(
    provider: DemoProviderProcess,
) -> None:
    secret = "p:a%s+s & é/="
    provider.register_client("odd", REDIRECT_URI, client_secret=secret, grant_types=["client_credentials"])
    credentials = base64.b64encode(f"odd:{quote(secret, safe='')}".encode()).decode()
    response = httpx.post(
        f"{provider.issuer}/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {credentials}"},
        trust_env=False,
    )
    assert response.status_code == 200


def test_parameters_in_the_uri_are_refused(provider: DemoProviderProcess) -> None:
    response = httpx.post(
        f"{provider.issuer}/token?grant_type=client_credentials",
        auth=("demo-m2m", SECRETS["demo-m2m"]),
        trust_env=False,
    )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_revoking_a_refresh_token_ends_the_grant_and_an_unknown_token_is_a_success(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    token_set = client.connect(ALICE, scope=SCOPE)
    assert client.revoke("unknown").status_code == 200
    assert provider.accepts(token_set["access_token"])
    assert client.revoke(token_set["refresh_token"]).status_code == 200
    assert not provider.accepts(token_set["access_token"])
    assert client.refresh(token_set["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_ledger_has_one_entry_a_request_with_fingerprints_and_never_a_token(
    provider: DemoProviderProcess, client: PlainClient
) -> None:
    before = provider.read_ledger()["last"]
    first = client.connect(ALICE, scope=SCOPE)
    second = client.refresh(first["refresh_token"]).json()
    client.revoke(second["refresh_token"])
    ledger = provider.read_ledger(since=before)
    code_entry, refresh_entry, revoke_entry = ledger["entries"]
    assert (
        code_entry["issued_refresh"] == refresh_entry["presented"] == get_fingerprint(first["refresh_token"])
    )
    assert refresh_entry["issued_access"] == get_fingerprint(second["access_token"])
    assert revoke_entry["presented"] == get_fingerprint(second["refresh_token"])
    assert [entry["endpoint"] for entry in ledger["entries"]] == ["token", "token", "revoke"]
    assert {entry["username"] for entry in ledger["entries"]} == {"alice"}
    assert ledger["counters"]["token:demo:refresh_token:ok"] >= 1
    state = b"".join(path.read_bytes() for path in provider.state_dir.iterdir())
    for token in (first, second):
        assert token["access_token"].encode() not in state
        assert token["refresh_token"].encode() not in state


def test_the_metadata_is_true(provider: DemoProviderProcess) -> None:
    for path in ("openid-configuration", "oauth-authorization-server"):
        metadata = httpx.get(f"{provider.issuer}/.well-known/{path}", trust_env=False).json()
        assert metadata["issuer"] == provider.issuer
        assert metadata["token_endpoint"] == f"{provider.issuer}/token"
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"client_id": 5},
        {"client_id": "x", "redirect_uris": ["nonsense"]},
        {"client_id": "x", "access_token_seconds": 0},
    ],
)
def test_a_malformed_registration_is_refused(provider: DemoProviderProcess, body: object) -> None:
    response = httpx.post(f"{provider.issuer}/clients", json=body, trust_env=False)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_grants_and_the_ledger_survive_a_restart(tmp_path: Path, how: signal.Signals) -> None:
    first_run = DemoProviderProcess(tmp_path)
    with first_run:
        first_run.register_client("demo", REDIRECT_URI)
        client = build_client(first_run)
        first = client.connect(ALICE, scope=SCOPE)
        second = client.refresh(first["refresh_token"]).json()
        assert first_run.stop(how=how) == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    with DemoProviderProcess(tmp_path, port=first_run.port) as second_run:
        assert second_run.accepts(second["access_token"])
        assert second_run.read_ledger()["last"] == 2
        assert client.refresh(second["refresh_token"]).status_code == 200
        assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert not second_run.accepts(second["access_token"])


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        command = [sys.executable, "-m", "local.demo_provider", "--state-dir", str(tmp_path)]
        command += ["--port", str(holder.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("the demo provider cannot listen on 127.0.0.1:")
