"""Whose bearer a call carries: cached, renewed before its end, replaced once when refused, fetched once for all who wait."""

from __future__ import annotations

import asyncio
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from evertoken.client import (
    AsyncEvertokenClient,
    ConfigurationError,
    CredentialsError,
    EvertokenClient,
    ForbiddenError,
    SecretShapeError,
)
from tests.client.api_program import KINDS, Program
from tests.client.api_world import CLIENT_ID, CLIENT_SECRET, CONNECTION, Planned, refusal

REFUSED = refusal(401, "UNAUTHORIZED")


@pytest.fixture(params=KINDS)
def build(request, documented_api):
    built = []

    def build_program(**options):
        built.append(Program(request.param, documented_api.base_url, **options))
        return built[-1]

    yield build_program
    for one in built:
        one.close()


def exchanges(api):
    return [one for one in api.seen if one.template == "/v1/auth/token"]


def bearers(api):
    return [one.headers.get("authorization", "") for one in api.requests()]


def test_one_bearer_serves_many_calls_and_is_renewed_before_its_end(build, documented_api, clock):
    program = build(_now=clock)
    for seconds in (0, 400, 400):
        clock.move(seconds)
        program.call("connections.get", CONNECTION)
    assert bearers(documented_api) == ["Bearer bearer-1"] * 3
    clock.move(40)
    program.call("connections.get", CONNECTION)
    assert bearers(documented_api)[-1] == "Bearer bearer-2"


def test_a_refused_bearer_is_replaced_once_and_no_second_time(build, documented_api):
    program = build()
    documented_api.plan(REFUSED)
    assert program.call("connections.get", CONNECTION).connection_id == CONNECTION
    assert bearers(documented_api) == ["Bearer bearer-1", "Bearer bearer-2"]
    documented_api.plan(REFUSED, REFUSED)
    with pytest.raises(CredentialsError):
        program.call("connections.get", CONNECTION)
    assert len(documented_api.requests()) == 4


def test_a_post_that_may_not_be_repeated_is_sent_with_the_new_bearer_because_401_did_nothing(
    build, documented_api
):
    documented_api.plan(REFUSED)
    build().call("schedules.refresh_once", CONNECTION, delay_minutes=5)
    assert len(documented_api.requests()) == 2


def test_a_plain_token_is_sent_as_it_is_and_never_exchanged(build, documented_api):
    program = build(token="given-token")
    program.call("connections.get", CONNECTION)
    documented_api.plan(REFUSED)
    with pytest.raises(CredentialsError):
        program.call("connections.get", CONNECTION)
    assert bearers(documented_api) == ["Bearer given-token"] * 2
    assert exchanges(documented_api) == []


def test_a_session_token_is_sent_in_place_of_the_clients_and_not_replaced(build, documented_api):
    documented_api.plan(REFUSED)
    with pytest.raises(CredentialsError):
        build().call("sessions.refresh_token", session_token="session-token")
    assert bearers(documented_api) == ["Bearer session-token"]
    assert exchanges(documented_api) == []


def test_fifty_threads_that_ask_at_once_exchange_the_secret_once(documented_api):
    with (
        EvertokenClient(
            documented_api.base_url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, max_connections=50
        ) as client,
        ThreadPoolExecutor(50) as pool,
    ):
        list(pool.map(client.connections.get, [CONNECTION] * 50))
    assert len(exchanges(documented_api)) == 1


def test_fifty_tasks_that_ask_at_once_exchange_the_secret_once(documented_api):
    async def ask():
        async with AsyncEvertokenClient(
            documented_api.base_url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
        ) as client:
            await asyncio.gather(*(client.connections.get(CONNECTION) for _ in range(50)))

    asyncio.run(ask())
    assert len(exchanges(documented_api)) == 1


def test_an_asyncio_client_outlives_its_event_loop(documented_api):
    client = AsyncEvertokenClient(documented_api.base_url, token="t")

    async def ask():
        await client.connections.get(CONNECTION)
        await client.aclose()

    asyncio.run(ask())
    asyncio.run(ask())
    assert len(documented_api.seen) == 2


def test_a_role_signs_one_request_and_its_bearer_serves_the_rest(build, documented_api, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "role-session")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    program = build(as_role=True)
    program.call("connections.get", CONNECTION)
    program.call("connections.get", CONNECTION)
    asked, *rest = documented_api.seen
    assert (asked.path, len(rest)) == ("/v1/auth/role-token", 2)
    assert signature_of(asked, documented_api.base_url) == asked.headers["authorization"]
    assert "eu-west-1/execute-api" in asked.headers["authorization"]


def signature_of(seen, base_url):
    """The Authorization that AWS's own signer gives this request at its own time."""
    names = ("host", "x-amz-date", "x-amz-security-token")
    request = AWSRequest(
        method=seen.method,
        url=base_url + seen.path,
        data=seen.body,
        headers={name: seen.headers[name] for name in names},
    )
    request.context["timestamp"] = seen.headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "role-secret", "role-session"), "execute-api", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signed = signer.signature(text, request)
    scope = f"AKIDEXAMPLE/{signer.credential_scope(request)}"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={';'.join(names)}, Signature={signed}"


def test_a_role_that_the_gateway_refuses_is_forbidden_and_asked_once(build, documented_api, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role-secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    documented_api.plan(Planned(403, b'{"message":"Forbidden"}'))
    with pytest.raises(ForbiddenError):
        build(as_role=True).call("connections.get", CONNECTION)
    assert len(documented_api.seen) == 1


def test_a_role_without_credentials_or_region_says_what_to_set(build, monkeypatch, tmp_path):
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="AWS_REGION"):
        build(as_role=True).call("connections.get", CONNECTION)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(CredentialsError, match="AWS_PROFILE"):
        build(as_role=True).call("connections.get", CONNECTION)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "did not answer with an access token"),
        (b'{"access_token":"a","expires_in":0}', "did not answer with an access token"),
        (b'{"access_token":"a\\nX-Evil: 1","expires_in":900}', "did not answer with an access token"),
    ],
)
def test_an_exchange_that_answers_no_token_is_refused(build, documented_api, monkeypatch, body, problem):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "role-secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    documented_api.plan(Planned(200, body))
    with pytest.raises(SecretShapeError, match=problem):
        build(as_role=True).call("connections.get", CONNECTION)


def test_the_environment_names_the_installation_and_the_credential(documented_api, monkeypatch):
    for name in ("EVERTOKEN_CLIENT_ID", "EVERTOKEN_CLIENT_SECRET", "EVERTOKEN_TOKEN", "EVERTOKEN_AS_ROLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("EVERTOKEN_API", raising=False)
    with pytest.raises(ConfigurationError, match="EVERTOKEN_API is not set"):
        EvertokenClient.from_env()
    monkeypatch.setenv("EVERTOKEN_API", documented_api.base_url)
    with pytest.raises(ConfigurationError, match="EVERTOKEN_CLIENT_ID"):
        EvertokenClient.from_env()
    monkeypatch.setenv("EVERTOKEN_TOKEN", "from-environment")
    with EvertokenClient.from_env() as client:
        client.connections.get(CONNECTION)
    monkeypatch.setenv("EVERTOKEN_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("EVERTOKEN_CLIENT_SECRET", CLIENT_SECRET)
    with EvertokenClient.from_env(retries=0) as client:
        client.connections.get(CONNECTION)
    with EvertokenClient.from_env(token="given") as client:
        client.connections.get(CONNECTION)
    assert bearers(documented_api) == ["Bearer from-environment", "Bearer bearer-1", "Bearer given"]


@pytest.mark.parametrize(
    ("address", "options", "mend"),
    [
        ("http://api.example", {"token": "t"}, "must begin with https://"),
        ("https://api.example", {}, "EVERTOKEN_CLIENT_ID"),
        ("https://api.example", {"token": "t", "client_id": "c", "client_secret": "s"}, "not both"),
        ("https://api.example", {"token": "t", "max_connections": 0}, "max_connections"),
        ("https://api.example", {"token": "t", "retries": -1}, "retries"),
    ],
)
def test_a_wrong_configuration_says_what_to_correct(address, options, mend):
    for kind in KINDS:
        with pytest.raises(ConfigurationError, match=mend):
            kind(address, **options)


def test_http2_is_spoken_where_it_can_be_and_its_absence_is_named(build, documented_api, monkeypatch):
    assert build(http2=True, token="t").call("connections.get", CONNECTION).connection_id == CONNECTION
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ConfigurationError, match='extra "http2"'):
        build(http2=True, token="t").call("connections.get", CONNECTION)


def test_no_secret_is_in_a_representation_an_error_or_a_log(build, documented_api, caplog):
    caplog.set_level(logging.DEBUG)
    secrets = (CLIENT_SECRET, "bearer-1", "pass-word", "session-token")
    program = build()
    texts = [repr(program.client), repr(program.client.__dict__["_credentials"])]
    documented_api.plan(REFUSED, REFUSED)
    with pytest.raises(CredentialsError) as caught:
        program.call("connections.log_in", "corp", user_id="u", username="ada", password="pass-word")
    error = caught.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    documented_api.plan(refusal(401, "UNAUTHORIZED"))
    with pytest.raises(CredentialsError) as caught:
        program.call("sessions.refresh_token", session_token="session-token")
    texts.append(repr(caught.value))
    texts.append(repr(program.call("connections.token", CONNECTION)))
    texts.append(repr(program.call("api_clients.create", "acme", name="n", scopes=["tokens:read"])))
    texts.append(caplog.text)
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_a_token_that_a_header_cannot_carry_is_refused_without_being_shown(documented_api):
    for given in (
        {"token": "a-secret\n"},
        {"token": "a secret"},
        {"client_id": "cli\r", "client_secret": "s"},
    ):
        with pytest.raises(ConfigurationError, match="line break") as caught:
            EvertokenClient(documented_api.base_url, **given)
        assert "secret" not in str(caught.value).replace("client_secret", "")


@pytest.mark.parametrize(
    "address",
    [
        "https://user:password@api.example",
        "https://api.example?stage=1",
        "https://api.example#part",
        "https://api.example\n",
        "https://api..example",
        "https://[::1",
        "https://",
        "ftp://api.example",
        "api.example",
        "https://api.example:port",
        None,
    ],
)
def test_an_address_that_is_not_one_is_refused_without_being_shown(address):
    with pytest.raises(ConfigurationError, match="EVERTOKEN_API") as caught:
        EvertokenClient(address, token="t")
    assert "password" not in str(caught.value).replace("user, password", "")


@pytest.mark.parametrize(
    "address", ["https://api.example/stage/", "http://127.0.0.1:4566/app", "http://[::1]:1/app"]
)
def test_an_address_that_is_one_is_taken(address):
    with EvertokenClient(address, token="t"):
        pass


def test_a_role_is_asked_for_by_a_word_that_is_understood(monkeypatch):
    for name in ("EVERTOKEN_CLIENT_ID", "EVERTOKEN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EVERTOKEN_API", "https://api.example")
    for value in ("1", "true", "TRUE"):
        monkeypatch.setenv("EVERTOKEN_AS_ROLE", value)
        EvertokenClient.from_env().close()
    monkeypatch.setenv("EVERTOKEN_AS_ROLE", "perhaps")
    with pytest.raises(ConfigurationError, match="EVERTOKEN_AS_ROLE"):
        EvertokenClient.from_env()
