"""The scripted provider over HTTP: the flow, and each fault as the client meets it."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support import provider_faults as faults
from tests.support.oauth_client import PlainClient, create_pkce_pair
from tests.support.provider_profile import STATIC, STRICT, ProviderProfile
from tests.support.provider_requests import Call, Reply
from tests.support.provider_twin import (
    AnswerLostError,
    NoAnswerError,
    ProviderTwin,
    build_basic_authorization,
)
from tests.support.scripted_provider import ScriptedProvider
from tests.support_tests.virtual_clock import VirtualClock

SECRET = "secret: % + & é"
BASIC = build_basic_authorization("client-1", SECRET)
REDIRECT_URI = "http://127.0.0.1:9/callback"


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider(ProviderProfile(rotation=STRICT)) as running:
        yield running
        assert running.errors == []


def post_refresh(provider: ScriptedProvider, refresh_token: str, **options: Any) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    headers = {"Authorization": BASIC}
    return httpx.post(provider.token_endpoint, data=form, headers=headers, trust_env=False, **options)


def test_the_authorization_code_flow_works_over_http(provider: ScriptedProvider) -> None:
    verifier, challenge = create_pkce_pair()
    client = PlainClient(
        authorization_endpoint=f"{provider.issuer}/authorize",
        token_endpoint=provider.token_endpoint,
        revocation_endpoint=f"{provider.issuer}/revoke",
        client_id="client-1",
        client_secret=SECRET,
        redirect_uri=REDIRECT_URI,
    )
    url = client.build_authorization_url(scope="read", code_challenge=challenge, code_challenge_method="S256")
    response = httpx.get(url, trust_env=False)
    assert response.status_code == 302
    answer = parse_qs(urlsplit(response.headers["Location"]).query)
    assert (answer["state"], answer["iss"]) == (["state-1"], [provider.issuer])
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"][0],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": verifier,
    }
    headers = {"Authorization": BASIC}
    wrong = {**form, "code_verifier": "w" * 43}
    assert (
        httpx.post(provider.token_endpoint, data=wrong, headers=headers, trust_env=False).status_code == 400
    )
    token_set = httpx.post(provider.token_endpoint, data=form, headers=headers, trust_env=False).json()
    assert token_set["scope"] == "read"
    bearer = {"Authorization": f"Bearer {token_set['access_token']}"}
    assert httpx.get(f"{provider.issuer}/resource", headers=bearer, trust_env=False).json() == {
        "sub": "user-1"
    }
    assert httpx.post(provider.token_endpoint, data=form, headers=headers, trust_env=False).status_code == 400
    refused = httpx.get(f"{provider.issuer}/resource", headers=bearer, trust_env=False)
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (401, True)


def test_an_authorization_request_without_pkce_or_with_a_foreign_redirect_uri_is_refused(
    provider: ScriptedProvider,
) -> None:
    query = {"client_id": "client-1", "redirect_uri": REDIRECT_URI, "state": "s", "response_type": "code"}
    without = httpx.get(f"{provider.issuer}/authorize", params=query, trust_env=False)
    assert parse_qs(urlsplit(without.headers["Location"]).query)["error"] == ["invalid_request"]
    query["redirect_uri"] = "http://127.0.0.1:9/other"
    assert httpx.get(f"{provider.issuer}/authorize", params=query, trust_env=False).status_code == 400


def test_a_scripted_answer_is_given_byte_for_byte_and_nothing_is_processed(
    provider: ScriptedProvider,
) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.answer(502, b"\xff<html>", {"Content-Type": "text/html", "X-One": "1"}))
    response = post_refresh(provider, first["refresh_token"])
    assert (response.status_code, response.content, response.headers["X-One"]) == (502, b"\xff<html>", "1")
    record = provider.ledger.find_requests()[0]
    assert (record.outcome, record.fault) == ("not_processed", "answer 502")
    assert post_refresh(provider, first["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status"), [(faults.throttled("120"), 429), (faults.unavailable("120"), 503)]
)
def test_throttling_carries_retry_after_and_processes_nothing(
    provider: ScriptedProvider, fault: faults.Fault, status: int
) -> None:
    first = provider.rules.connect()
    provider.script.add(fault)
    response = post_refresh(provider, first["refresh_token"])
    assert (response.status_code, response.headers["Retry-After"]) == (status, "120")
    assert provider.rules.is_refreshable(first["refresh_token"])


@pytest.mark.parametrize("reset", [False, True])
def test_drop_before_loses_the_request_and_drop_after_commit_loses_the_answer(
    provider: ScriptedProvider, reset: bool
) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.drop_before(reset=reset))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post_refresh(provider, first["refresh_token"])
    assert provider.rules.is_refreshable(first["refresh_token"])
    provider.script.add(faults.drop_after_commit(reset=reset))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post_refresh(provider, first["refresh_token"])
    assert not provider.rules.is_refreshable(first["refresh_token"])
    assert len(provider.ledger.find_children(first["refresh_token"], "refresh")) == 1


@pytest.mark.parametrize("commits", [False, True])
def test_a_hanging_request_ends_by_the_clients_timeout_and_stays_in_flight(
    provider: ScriptedProvider, commits: bool
) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.hang(commits=commits))
    with pytest.raises(httpx.ReadTimeout):
        post_refresh(provider, first["refresh_token"], timeout=0.3)
    assert provider.rules.is_refreshable(first["refresh_token"]) is not commits
    assert provider.ledger.find_requests()[0].ended_at is None
    post_refresh(provider, first["refresh_token"])
    assert provider.ledger.count_overlaps(first["refresh_token"]) == 1


@pytest.mark.parametrize("after_commit", [False, True])
def test_a_delay_is_waited_for_before_or_after_the_commit(
    provider: ScriptedProvider, after_commit: bool
) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.delay(30, after_commit=after_commit))
    with pytest.raises(httpx.ReadTimeout):
        post_refresh(provider, first["refresh_token"], timeout=0.3)
    assert provider.rules.is_refreshable(first["refresh_token"]) is not after_commit


def test_a_short_delay_gives_the_right_answer_late(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.delay(0.2))
    started = time.monotonic()
    assert "access_token" in post_refresh(provider, first["refresh_token"]).json()
    assert time.monotonic() - started >= 0.2


def test_a_drip_beats_a_timeout_per_read_but_not_a_deadline(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.drip(0.01, bytes_at_once=4))
    started = time.monotonic()
    answer = post_refresh(provider, first["refresh_token"], timeout=5).json()
    assert time.monotonic() - started >= 0.2
    assert provider.ledger.is_child_set(
        first["refresh_token"], answer["access_token"], answer["refresh_token"]
    )


def test_a_redirect_names_another_host_and_nothing_is_processed(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.redirect("http://127.0.0.1:9/elsewhere", 307))
    response = post_refresh(provider, first["refresh_token"])
    assert (response.status_code, response.headers["Location"]) == (307, "http://127.0.0.1:9/elsewhere")
    assert provider.rules.is_refreshable(first["refresh_token"])


def test_a_huge_body_goes_on_until_the_client_hangs_up(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.huge_body(1 << 40))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    with httpx.stream(
        "POST", provider.token_endpoint, data=form, headers={"Authorization": BASIC}, trust_env=False
    ) as response:
        for read, piece in enumerate(response.iter_raw(65536)):
            assert piece
            if read == 40:
                break
    record = provider.ledger.find_requests()[0]
    deadline = time.monotonic() + 10
    while record.ended_at is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert record.ended_at is not None
    assert 2_000_000 < provider.bytes_sent < 1 << 30


def test_a_gzip_bomb_is_small_on_the_wire_and_large_when_decoded(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.gzip_bomb(8 << 20))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    with httpx.stream(
        "POST", provider.token_endpoint, data=form, headers={"Authorization": BASIC}, trust_env=False
    ) as response:
        wire = b"".join(response.iter_raw())
    assert len(wire) < 20_000
    assert len(gzip.decompress(wire)) == 8 << 20


def test_a_wrong_content_type_leaves_the_bytes_and_a_truncated_answer_was_still_committed(
    provider: ScriptedProvider,
) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.wrong_content_type())
    response = post_refresh(provider, first["refresh_token"])
    assert response.headers["Content-Type"] == "text/html"
    second = response.json()
    provider.script.add(faults.truncated(20))
    cut = post_refresh(provider, second["refresh_token"])
    assert (cut.status_code, len(cut.content)) == (200, 20)
    assert not provider.rules.is_refreshable(second["refresh_token"])


def test_an_answer_can_be_changed_in_any_way(provider: ScriptedProvider) -> None:
    first = provider.rules.connect()
    provider.script.add(faults.alter(lambda reply: Reply(200, reply.headers, b"\xef\xbb\xbf" + reply.body)))
    assert post_refresh(provider, first["refresh_token"]).content.startswith(b"\xef\xbb\xbf{")


def test_faults_are_used_up_in_order_by_the_requests_that_they_are_meant_for(
    provider: ScriptedProvider,
) -> None:
    first, second = provider.rules.connect(), provider.rules.connect()
    provider.script.add(
        faults.answer(500), times=2, when=lambda record: record.presented == second["refresh_token"]
    )
    provider.script.add(faults.unavailable(), endpoint="revoke")
    statuses = [post_refresh(provider, second["refresh_token"]).status_code for _ in range(2)]
    assert statuses == [500, 500]
    assert post_refresh(provider, first["refresh_token"]).status_code == 200
    assert post_refresh(provider, second["refresh_token"]).status_code == 200
    revoke = httpx.post(
        f"{provider.issuer}/revoke",
        data={"token": first["refresh_token"]},
        headers={"Authorization": BASIC},
        trust_env=False,
    )
    assert revoke.status_code == 503


def test_metadata_names_the_endpoints(provider: ScriptedProvider) -> None:
    metadata = httpx.get(f"{provider.issuer}/.well-known/openid-configuration", trust_env=False).json()
    assert (metadata["issuer"], metadata["token_endpoint"]) == (provider.issuer, provider.token_endpoint)


def test_the_clock_of_the_provider_can_be_the_tests_own() -> None:
    clock = VirtualClock()
    with ScriptedProvider(ProviderProfile(access_token_seconds=60), clock=clock) as provider:
        access_token = provider.rules.connect()["access_token"]
        assert provider.rules.accepts(access_token)
        clock.advance(60)
        assert not provider.rules.accepts(access_token)


def test_a_stopped_provider_refuses_connections_and_lets_hanging_clients_go() -> None:
    with ScriptedProvider() as provider:
        provider.script.add(faults.hang())
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(post_refresh, provider, "x", timeout=30)
            while not provider.ledger.requests:
                time.sleep(0.01)
            provider.stop()
            with pytest.raises(httpx.TransportError):
                waiting.result(timeout=10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(provider.issuer.rsplit(":", 1)[1])), timeout=5)


def test_the_provider_serves_hundreds_of_requests_a_second() -> None:
    with ScriptedProvider(ProviderProfile(rotation=STATIC)) as provider:
        refresh_token = provider.rules.connect()["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        with httpx.Client(trust_env=False, headers={"Authorization": BASIC}) as client:
            started = time.monotonic()
            for _ in range(200):
                assert client.post(provider.token_endpoint, data=form).status_code == 200
            seconds = time.monotonic() - started
    # The bound is what one delayed acknowledgement (40 ms) for each request would cost.
    assert seconds < 200 * 0.04


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (faults.drop_before(), AnswerLostError),
        (faults.drop_after_commit(), AnswerLostError),
        (faults.hang(), NoAnswerError),
        (faults.hang(commits=True), NoAnswerError),
        (faults.throttled(), None),
        (faults.delay(5), None),
        (faults.delay(5, after_commit=True), None),
        (faults.truncated(), None),
        (faults.drip(1, 10), None),
        (None, None),
    ],
)
def test_the_twin_commits_and_answers_as_the_http_provider_does(
    fault: faults.Fault | None, raised: type[Exception] | None
) -> None:
    clock = VirtualClock()
    twin = ProviderTwin(ProviderProfile(rotation=STRICT), clock=clock, sleep=clock.advance)
    refresh_token = twin.rules.connect()["refresh_token"]
    if fault is not None:
        twin.script.add(fault)
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if raised:
        with pytest.raises(raised):
            twin.token(form, authorization=BASIC)
    else:
        reply = twin.token(form, authorization=BASIC)
        assert reply.status == (429 if fault and fault.name == "answer 429" else 200)
    assert twin.rules.is_refreshable(refresh_token) is bool(fault and not fault.commits)


def test_the_twin_and_the_http_provider_give_the_same_answers_to_the_same_story() -> None:
    profile = ProviderProfile(rotation=STRICT)
    clock = VirtualClock()
    with ScriptedProvider(profile, clock=clock) as provider:
        twin = ProviderTwin(profile, clock=clock, issuer=provider.issuer, prefix=provider.token_prefix)
        token_sets = [rules.connect() for rules in (provider.rules, twin.rules)]
        assert token_sets[0] == token_sets[1]
        first = token_sets[0]["refresh_token"]
        for form in (
            {"grant_type": "refresh_token", "refresh_token": first},
            {"grant_type": "refresh_token", "refresh_token": first},
            {"grant_type": "client_credentials", "scope": "a b"},
            {"grant_type": "device"},
        ):
            over_http = httpx.post(
                provider.token_endpoint, data=form, headers={"Authorization": BASIC}, trust_env=False
            )
            in_memory = twin.token(form, authorization=BASIC)
            assert (over_http.status_code, over_http.json()) == (in_memory.status, json.loads(in_memory.body))
        call = Call(method="GET", endpoint="metadata")
        document = httpx.get(f"{provider.issuer}/.well-known/openid-configuration", trust_env=False).json()
        assert document == json.loads(twin.answer(call).body)
