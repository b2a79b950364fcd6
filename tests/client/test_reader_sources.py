"""Where a reader gets its token, how many calls that takes, and what it says when there is none."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from evertoken.client import (
    AmbiguousAccountError,
    AsyncTokenReader,
    ClockSkewError,
    ConfigurationError,
    ConnectionNeedsUserError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RequestRefusedError,
    SecretShapeError,
    TemporarilyUnavailableError,
    TokenReader,
    TokenRejectedError,
    TransportError,
    token_function,
)
from evertoken.client.api_address import checked_address
from evertoken.client.api_client import EvertokenClient
from evertoken.client.api_credentials import ApiCredentials
from tests.client.reader_world import CLIENT_SECRET, CONNECTION, PREFIX, document

WITHDRAWAL = {"access_token": None, "withdrawn": True, "connection_id": CONNECTION, "publication": 9}


@pytest.fixture
def from_secrets(build, secrets):
    return build(secret_prefix=PREFIX, secrets_client=secrets.client)


@pytest.fixture
def from_both(build, secrets, api):
    return build(secret_prefix=PREFIX, secrets_client=secrets.client, api=api)


@pytest.fixture
def from_api(build, api):
    return build(api=api)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_miss_is_one_call_and_a_hit_is_none(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    first = from_secrets.get(CONNECTION)
    assert (first.access_token, first.generation, secrets.calls) == ("token-1", 1, 1)
    for _ in range(100):
        assert from_secrets.get(CONNECTION) is first
    assert secrets.calls == 1


def test_a_new_generation_is_read_when_the_margin_begins(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_secrets.get(CONNECTION)
    secrets.put(document(2, clock.instant(7200)))
    clock.move(3600 - 125)
    assert from_secrets.get(CONNECTION).generation == 1
    clock.move(10)
    assert from_secrets.get(CONNECTION).generation == 2
    assert secrets.calls == 2


def test_an_expired_token_is_never_served_and_the_calls_until_then_are_few(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    expires = clock.seconds + 3600
    while clock.seconds < expires:
        assert from_secrets.get(CONNECTION).expires_at.timestamp() > clock.seconds
        clock.move(1)
    with pytest.raises(TemporarilyUnavailableError) as caught:
        from_secrets.get(CONNECTION)
    assert caught.value.code == "TOKEN_EXPIRED"
    assert secrets.calls <= 5


def test_min_ttl_asks_for_more_than_the_secret_has(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(600)))
    api.serve(document(2, clock.instant(3600)))
    assert from_both.get(CONNECTION).generation == 1
    assert from_both.get(CONNECTION, min_ttl_seconds=1800).generation == 2
    assert api.queries == [{"min_ttl": "1800"}]
    assert from_both.get(CONNECTION).generation == 2


def test_min_ttl_that_cannot_be_had_is_an_error_and_takes_nothing_from_others(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(600)))
    with pytest.raises(TemporarilyUnavailableError, match="1800 s were asked for"):
        from_secrets.get(CONNECTION, min_ttl_seconds=1800)
    assert from_secrets.get(CONNECTION).generation == 1
    assert secrets.calls == 1


def test_a_token_without_an_end_is_served_and_looked_at_again_after_an_hour(from_secrets, secrets, clock):
    secrets.put(document(1, None))
    assert from_secrets.get(CONNECTION, min_ttl_seconds=10**6).expires_at is None
    clock.move(3599)
    from_secrets.get(CONNECTION)
    assert secrets.calls == 1
    secrets.put(WITHDRAWAL)
    clock.move(2)
    with pytest.raises(ConnectionNeedsUserError):
        from_secrets.get(CONNECTION)


def test_an_older_copy_never_replaces_a_newer_one(from_secrets, secrets, clock):
    secrets.put(document(5, clock.instant(3600)))
    from_secrets.get(CONNECTION)
    secrets.put(document(4, clock.instant(7200)))
    clock.move(3600 - 60)
    assert from_secrets.get(CONNECTION).generation == 5
    clock.move(61)
    with pytest.raises(TemporarilyUnavailableError, match="generation 4"):
        from_secrets.get(CONNECTION)
    from_secrets.invalidate(CONNECTION)
    assert from_secrets.get(CONNECTION).generation == 4


def test_invalidate_makes_the_next_read_ask(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_secrets.get(CONNECTION)
    secrets.put(document(2, clock.instant(3600)))
    from_secrets.invalidate(CONNECTION)
    assert from_secrets.get(CONNECTION).generation == 2


def test_a_plain_function_gives_the_access_token(secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    reader = TokenReader(secret_prefix=PREFIX, secrets_client=secrets.client)
    assert token_function(reader, CONNECTION)() == "token-1"

    async def awaited():
        awaiting = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets.client)
        return await token_function(awaiting, CONNECTION, min_ttl_seconds=60)()

    assert asyncio.run(awaited()) == "token-1"


# --- the API behind the secret ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("published", [None, WITHDRAWAL, ""], ids=["no secret", "withdrawn", "empty"])
def test_a_connection_without_a_secret_is_read_through_the_api_and_that_is_remembered(
    from_both, secrets, api, clock, published
):
    if published:
        secrets.put(published)
    elif published == "":
        secrets.client.create_secret(Name=f"{PREFIX}/{CONNECTION}")
    for generation in range(1, 4):
        api.serve(document(generation, clock.instant(100)))
        assert from_both.get(CONNECTION).generation == generation
        clock.move(99)
    assert (secrets.calls, api.calls["token"], api.calls["bearer"]) == (1, 3, 1)


def test_an_api_only_connection_is_served_from_memory_while_the_api_is_down(from_both, secrets, api, clock):
    api.serve(document(1, clock.instant(7200)))
    from_both.get(CONNECTION)
    api.refuse("STORE_UNAVAILABLE", 503, retryable=True)
    clock.move(7200 - 100)
    assert from_both.get(CONNECTION).generation == 1
    assert secrets.calls == 2


def test_an_expired_publication_sends_the_reader_to_the_api(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(-10)))
    api.serve(document(2, clock.instant(3600)))
    assert from_both.get(CONNECTION).generation == 2
    assert (secrets.calls, api.calls["token"]) == (1, 1)


def test_a_secret_that_cannot_be_read_sends_the_reader_to_the_api(from_both, secrets, api, clock):
    secrets.put("no token in here")
    api.serve(document(2, clock.instant(3600)))
    assert from_both.get(CONNECTION).generation == 2


def test_a_bearer_is_exchanged_once_and_again_when_it_is_refused(from_api, api, clock):
    api.serve(document(1, clock.instant(100)))
    from_api.get(CONNECTION)
    api.good_bearers, api.issues = {"bearer-2"}, "bearer-2"
    clock.move(95)
    api.serve(document(2, clock.instant(100)))
    assert from_api.get(CONNECTION).generation == 2
    assert api.calls == {"bearer": 2, "token": 2, "refused bearer": 1}


def test_credentials_that_are_refused_for_ever_are_an_error_after_a_bounded_number_of_calls(from_api, api):
    api.good_bearers = set()
    with pytest.raises(CredentialsError) as caught:
        from_api.get(CONNECTION)
    assert caught.value.correlation_id == "corr-1"
    assert (api.calls["bearer"], api.calls["refused bearer"]) == (2, 2)


def test_a_wrong_client_secret_is_an_error_without_the_secret(api, account):
    with (
        EvertokenClient(api.url, client_id="cli_reader", client_secret="evs_wrong-one") as client,
        pytest.raises(CredentialsError) as caught,
    ):
        TokenReader(api=client).get(CONNECTION)
    assert "evs_" not in f"{caught.value!r} {caught.value}"
    assert api.calls == {"bearer": 1}


def test_a_token_that_was_given_is_used_and_never_exchanged(api, account, clock):
    api.serve(document(1, clock.instant(3600)))
    with EvertokenClient(api.url, token="bearer-1") as client:
        assert TokenReader(api=client).get(CONNECTION).generation == 1
    with (
        EvertokenClient(api.url, token="bearer-0") as client,
        pytest.raises(CredentialsError),
    ):
        TokenReader(api=client).get(CONNECTION)
    assert api.calls["bearer"] == 0


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("REAUTH_REQUIRED", 409, ConnectionNeedsUserError),
        ("NO_REFRESH_TOKEN", 409, ConnectionNeedsUserError),
        ("CLIENT_CHANGED", 409, ConnectionNeedsUserError),
        ("DISCONNECTED", 409, ConnectionNeedsUserError),
        ("ON_HOLD", 409, ConnectionNeedsUserError),
        ("ACCOUNT_NOT_FOUND", 404, NotFoundError),
        ("FORBIDDEN", 403, ForbiddenError),
        ("BAD_REQUEST", 400, RequestRefusedError),
        ("INTERNAL", 500, RequestRefusedError),
    ],
)
def test_a_refusal_of_the_api_is_its_class_with_code_and_correlation_id(from_api, api, code, status, kind):
    api.refuse(code, status)
    with pytest.raises(kind) as caught:
        from_api.get(CONNECTION)
    error = caught.value
    assert (error.code, error.correlation_id, error.retryable) == (code, "corr-1", False)
    assert str(error) == f"{code}, and what mends it."
    assert api.calls["token"] == 1


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TOKEN_REFRESH_ERROR", 503, TemporarilyUnavailableError),
        ("PROVIDER_UNAVAILABLE", 503, TemporarilyUnavailableError),
        ("RATE_LIMITED", 429, RateLimitedError),
    ],
)
def test_a_refusal_for_now_says_when_to_come_back(from_api, api, code, status, kind):
    api.refuse(code, status, retryable=True, retry_after=7)
    with pytest.raises(kind) as caught:
        from_api.get(CONNECTION)
    assert (caught.value.retryable, caught.value.retry_after_seconds) == (True, 7)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, RateLimitedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (502, TemporarilyUnavailableError),
        (307, RequestRefusedError),
    ],
)
def test_an_answer_of_what_stands_before_the_api_is_told_by_its_status(from_api, api, status, kind):
    api.answer = lambda query: (status, {"message": "Too Many Requests"})
    with pytest.raises(kind):
        from_api.get(CONNECTION)


# --- when a source fails ---------------------------------------------------------------------------------------------


def test_a_failing_source_is_asked_again_ever_more_rarely_while_the_token_is_good(from_api, api, clock):
    api.serve(document(1, clock.instant(3600)))
    from_api.get(CONNECTION)
    api.refuse("STORE_UNAVAILABLE", 503, retryable=True)
    clock.move(3600 - 119)
    asked_at = []
    for second in range(118):
        before = api.calls["token"]
        assert from_api.get(CONNECTION).generation == 1
        if api.calls["token"] > before:
            asked_at.append(second)
        clock.move(1)
    assert asked_at == [0, 1, 3, 7, 15, 31, 63]


def test_retry_after_of_the_service_is_kept(from_api, api, clock):
    api.serve(document(1, clock.instant(3600)))
    from_api.get(CONNECTION)
    api.refuse("PROVIDER_UNAVAILABLE", 503, retryable=True, retry_after=40)
    clock.move(3600 - 119)
    for _ in range(39):
        from_api.get(CONNECTION)
        clock.move(1)
    assert api.calls["token"] == 2
    api.serve(document(2, clock.instant(3600)))
    clock.move(2)
    assert from_api.get(CONNECTION).generation == 2


def test_a_withdrawal_ends_the_cached_token_at_once(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_secrets.get(CONNECTION)
    secrets.put(WITHDRAWAL)
    clock.move(3600 - 100)
    for _ in range(2):
        with pytest.raises(
            ConnectionNeedsUserError, match="disconnected, is on hold, or is served by the API"
        ):
            from_secrets.get(CONNECTION)
    secrets.put(document(2, clock.instant(3600)))
    assert from_secrets.get(CONNECTION).generation == 2


def test_a_hold_that_the_api_tells_of_ends_the_cached_token(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_both.get(CONNECTION)
    secrets.put(WITHDRAWAL)
    api.refuse("ON_HOLD")
    clock.move(3600 - 100)
    with pytest.raises(ConnectionNeedsUserError) as caught:
        from_both.get(CONNECTION)
    assert caught.value.code == "ON_HOLD"


def test_a_grant_that_ended_leaves_the_live_token_in_use(from_api, api, clock):
    api.serve(document(1, clock.instant(3600)))
    from_api.get(CONNECTION)
    api.refuse("REAUTH_REQUIRED")
    clock.move(3600 - 100)
    assert from_api.get(CONNECTION).generation == 1
    clock.move(101)
    with pytest.raises(ConnectionNeedsUserError):
        from_api.get(CONNECTION)


def test_a_secret_that_is_not_there_says_what_to_check(from_secrets):
    with pytest.raises(NotFoundError, match=f"{PREFIX}/{CONNECTION}.*api_only"):
        from_secrets.get(CONNECTION)


def test_the_secret_of_another_connection_is_refused(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600), connection_id="con_other"), connection_id=CONNECTION)
    with pytest.raises(SecretShapeError, match="con_other"):
        from_secrets.get(CONNECTION)


def test_a_binary_secret_is_of_another_shape(from_secrets, secrets):
    secrets.client.create_secret(Name=f"{PREFIX}/{CONNECTION}", SecretBinary=b"\x00\x01")
    with pytest.raises(SecretShapeError, match="binary"):
        from_secrets.get(CONNECTION)


@pytest.mark.parametrize("wrong", ["", "../private/x", "con/1", "con_1?x=1", "con_1\n", "a" * 129, None])
def test_what_is_no_connection_id_reaches_nobody(from_both, secrets, api, wrong):
    with pytest.raises(ConfigurationError, match="is no connection id"):
        from_both.get(wrong)
    assert (secrets.calls, sum(api.calls.values())) == (0, 0)


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_is_ahead_is_named_with_the_other(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(-3600)))
    secrets.ahead_seconds = -7200
    with pytest.raises(ClockSkewError) as caught:
        from_both.get(CONNECTION)
    here, there = clock.instant(), clock.instant(-7200)
    for moment in (here, there):
        assert moment.strftime("%Y-%m-%dT%H:") in str(caught.value)
    assert "NTP" in str(caught.value)
    assert (secrets.calls, api.calls["token"]) == (1, 0)


def test_a_clock_that_is_ahead_is_noticed_by_the_api_date_too(from_api, api, clock):
    api.ahead_seconds = -900
    api.serve(document(1, clock.instant(-600)))
    with pytest.raises(ClockSkewError):
        from_api.get(CONNECTION)


def test_a_clock_that_is_behind_does_not_make_an_expired_token_good(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600 - 60)))
    secrets.ahead_seconds = 3600
    with pytest.raises(TemporarilyUnavailableError) as caught:
        from_secrets.get(CONNECTION)
    assert caught.value.code == "TOKEN_EXPIRED"


def test_a_clock_that_is_behind_counts_the_life_by_the_other(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600 + 600)))
    secrets.ahead_seconds = 3600
    from_secrets.get(CONNECTION)
    clock.move(530)
    from_secrets.get(CONNECTION)
    assert secrets.calls == 1
    clock.move(20)
    from_secrets.get(CONNECTION)
    assert secrets.calls == 2


def test_a_token_that_expired_by_all_clocks_is_a_late_refresh_and_no_skew(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(-86_400)))
    with pytest.raises(TemporarilyUnavailableError, match="Its refresh is late"):
        from_secrets.get(CONNECTION)


# --- AWS says no -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "kind", "mend"),
    [
        ("AccessDeniedException", 400, ForbiddenError, "reader policy"),
        ("DecryptionFailure", 400, ForbiddenError, "kms:Decrypt"),
        ("ExpiredTokenException", 400, CredentialsError, "Renew"),
        ("UnrecognizedClientException", 400, CredentialsError, "Renew"),
        ("ThrottlingException", 400, RateLimitedError, "one reader"),
        ("InternalServiceError", 500, TemporarilyUnavailableError, "Try again"),
        ("InvalidRequestException", 400, NotFoundError, "connection id"),
        ("ValidationException", 400, RequestRefusedError, "secret_prefix"),
    ],
)
def test_what_aws_refuses_is_a_typed_error_that_names_the_mend(build, account, code, status, kind, mend):
    client = boto3.client("secretsmanager", config=Config(retries={"total_max_attempts": 1}))
    reader = build(secret_prefix=PREFIX, secrets_client=client)
    with Stubber(client) as stub:
        stub.add_client_error(
            "get_secret_value",
            code,
            "words of AWS",
            http_status_code=status,
            response_meta={"RequestId": "req-1"},
        )
        with pytest.raises(kind, match=mend) as caught:
            reader.get(CONNECTION)
    assert caught.value.correlation_id == "req-1"


def test_a_signature_out_of_time_names_both_clocks(build, account):
    client = boto3.client("secretsmanager")
    reader = build(secret_prefix=PREFIX, secrets_client=client)
    there = datetime.now(UTC) + timedelta(hours=2)
    with Stubber(client) as stub:
        stub.add_client_error(
            "get_secret_value",
            "InvalidSignatureException",
            "Signature expired: 20261121T120000Z is now earlier than 20261121T135500Z (20261121T140000Z - 5 min.)",
            http_status_code=400,
            response_meta={"HTTPHeaders": {"date": format_datetime(there, usegmt=True)}},
        )
        with pytest.raises(ClockSkewError) as caught:
            reader.get(CONNECTION)
    assert there.isoformat(timespec="seconds") in str(caught.value)


def test_without_aws_credentials_the_error_says_so(build, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    client = boto3.session.Session().client("secretsmanager", region_name="eu-west-1")
    with pytest.raises(CredentialsError, match="role"):
        build(secret_prefix=PREFIX, secrets_client=client).get(CONNECTION)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_no_network_to_aws_is_a_transport_error(build, account):
    client = boto3.client(
        "secretsmanager",
        endpoint_url=f"http://127.0.0.1:{unused_port()}",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(TransportError, match="interface endpoint") as caught:
        build(secret_prefix=PREFIX, secrets_client=client).get(CONNECTION)
    assert caught.value.retryable


def test_no_network_to_the_api_is_a_transport_error(account):
    client = EvertokenClient(f"http://127.0.0.1:{unused_port()}", token="bearer-1", retries=0)
    with TokenReader(api=client) as reader, pytest.raises(TransportError, match="EVERTOKEN_API") as caught:
        reader.get(CONNECTION)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_an_error_that_is_not_of_aws_passes_as_it_is(build):
    class Broken:
        def get_secret_value(self, **_):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(secret_prefix=PREFIX, secrets_client=Broken()).get(CONNECTION)


# --- refused by the provider -----------------------------------------------------------------------------------------


def test_a_refused_generation_costs_one_read_of_the_secret(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_both.get(CONNECTION)
    secrets.put(document(2, clock.instant(3600)))
    assert from_both.reject(CONNECTION, 1).generation == 2
    assert (secrets.calls, api.calls["token"]) == (2, 0)


def test_the_api_is_told_which_generation_was_refused(from_both, secrets, api, clock):
    secrets.put(document(1, clock.instant(3600)))
    api.serve(document(2, clock.instant(3600)))
    from_both.get(CONNECTION)
    assert from_both.reject(CONNECTION, 1).generation == 2
    assert (secrets.calls, api.calls["token"]) == (2, 1)
    assert api.queries == [{"rejected_generation": "1"}]
    assert from_both.get(CONNECTION).generation == 2


def test_a_refusal_that_others_have_reported_asks_nobody(from_both, secrets, api, clock):
    secrets.put(document(2, clock.instant(3600)))
    from_both.get(CONNECTION)
    assert from_both.reject(CONNECTION, 1).generation == 2
    assert (secrets.calls, api.calls["token"]) == (1, 0)


def test_without_the_api_a_refusal_without_anything_newer_says_what_to_do(from_secrets, secrets, clock):
    secrets.put(document(1, clock.instant(3600)))
    from_secrets.get(CONNECTION)
    with pytest.raises(TokenRejectedError, match="Give the reader the API"):
        from_secrets.reject(CONNECTION, 1)
    assert from_secrets.get(CONNECTION).generation == 1


def test_a_refusal_that_only_a_person_can_mend_says_so_and_is_remembered_for_a_moment(
    from_both, secrets, api, clock
):
    secrets.put(document(1, clock.instant(3600)))
    api.refuse("REAUTH_REQUIRED")
    from_both.get(CONNECTION)
    for _ in range(20):
        with pytest.raises(ConnectionNeedsUserError):
            from_both.reject(CONNECTION, 1)
        with pytest.raises(ConnectionNeedsUserError):
            from_both.get(CONNECTION)
    assert (secrets.calls, api.calls["token"]) == (2, 1)
    secrets.put(document(2, clock.instant(3600)))
    clock.move(1.1)
    assert from_both.get(CONNECTION).generation == 2


def test_refusals_without_end_ask_ever_more_rarely(from_both, secrets, api, clock):
    secrets.put(document(0, clock.instant(86_400)))
    generations = iter(range(1, 10_000))
    api.answer = lambda query: (200, document(next(generations), clock.instant(86_400)))
    waits = []
    for _ in range(1800):
        token = from_both.get(CONNECTION)
        try:
            token = from_both.reject(CONNECTION, token.generation)
            from_both.note_refused(CONNECTION, token.generation)
        except TokenRejectedError as error:
            waits.append(error.retry_after_seconds)
        clock.move(1)
    assert max(waits) == 60
    # 1 + 2 + 4 + 8 + 16 + 32 s, then a round a minute at most; unbounded it would be 1,800.
    assert api.calls["token"] <= 6 + 1800 / 60 + 1
    assert secrets.calls <= 1 + api.calls["token"]


def test_one_generation_that_is_refused_for_ever_is_asked_about_ever_more_rarely(
    from_both, secrets, api, clock
):
    secrets.put(document(1, clock.instant(86_400)))
    api.serve(document(1, clock.instant(86_400)))
    for _ in range(1800):
        assert from_both.get(CONNECTION).generation == 1
        with pytest.raises(TokenRejectedError):
            from_both.reject(CONNECTION, 1)
        clock.move(1)
    assert api.calls["token"] <= 6 + 1800 / 60 + 1


# --- whose connection ------------------------------------------------------------------------------------------------


def row(connection_id, account, status="active"):
    return {"connection_id": connection_id, "account": account, "status": status, "provider": "corp"}


def test_a_user_and_a_provider_are_resolved_once(from_both, secrets, api, clock):
    api.connections = [row(CONNECTION, "main"), row("con_gone", "main", "disconnected")]
    secrets.put(document(1, clock.instant(3600)))
    for _ in range(5):
        assert from_both.get_for("u-17", "corp").connection_id == CONNECTION
    assert from_both.get_for("u-17", "corp", "main").generation == 1
    assert api.calls["list"] == 2
    assert api.queries[1] == {"user_id": "u-17", "provider": "corp", "limit": "100", "account": "main"}


def test_several_matches_are_named(from_both, api):
    api.connections = [row("con_one", "main"), row("con_two", "spare")]
    with pytest.raises(
        AmbiguousAccountError, match=r"con_one \(account 'main'\), con_two \(account 'spare'\)"
    ):
        from_both.get_for("u-17", "corp")


def test_no_match_says_how_to_connect(from_both, api):
    with pytest.raises(NotFoundError, match="POST /v1/connections"):
        from_both.get_for("u-17", "corp", "main")


def test_a_connection_that_is_gone_is_looked_up_anew(from_both, secrets, api, clock):
    api.connections = [row("con_old", "main")]
    api.refuse("DISCONNECTED")
    with pytest.raises(ConnectionNeedsUserError):
        from_both.get_for("u-17", "corp")
    api.connections = [row("con_old", "main", "disconnected"), row(CONNECTION, "main")]
    secrets.put(document(1, clock.instant(3600)))
    assert from_both.get_for("u-17", "corp").connection_id == CONNECTION


def test_without_the_api_nobody_can_be_resolved(from_secrets):
    with pytest.raises(ConfigurationError, match="needs the API"):
        from_secrets.get_for("u-17", "corp")


# --- configuration and what is told ----------------------------------------------------------------------------------


def test_a_reader_without_sources_says_what_to_set(build):
    with pytest.raises(ConfigurationError, match="EVERTOKEN_SECRET_PREFIX"):
        build()


def test_the_environment_configures_a_reader(account, secrets, api, clock, monkeypatch):
    monkeypatch.setenv("EVERTOKEN_SECRET_PREFIX", PREFIX)
    monkeypatch.setenv("EVERTOKEN_API", api.url)
    monkeypatch.setenv("EVERTOKEN_CLIENT_ID", "cli_reader")
    monkeypatch.setenv("EVERTOKEN_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("EVERTOKEN_TOKEN", "not used beside a client id")
    api.serve(document(1, clock.instant(3600)))
    with TokenReader.from_env() as reader:
        assert reader.get(CONNECTION).generation == 1
    assert api.calls == {"bearer": 1, "token": 1}


@pytest.mark.parametrize("address", ["http://api.example.com", "ftp://127.0.0.1", "api.example.com", ""])
def test_the_api_is_not_spoken_to_without_tls(address):
    with pytest.raises(ConfigurationError, match="https"):
        checked_address(address)


@pytest.mark.parametrize(
    "given",
    [{}, {"client_id": "a"}, {"client_secret": "b"}, {"client_id": "a", "client_secret": "b", "token": "c"}],
)
def test_credentials_are_a_client_or_a_token(given):
    with pytest.raises(ConfigurationError, match="EVERTOKEN_CLIENT_ID"):
        ApiCredentials(**given)


def test_the_hook_sees_each_call_and_its_end(build, secrets, clock):
    seen = []

    def hook(operation):
        seen.append(operation)
        raise RuntimeError("a hook that fails breaks nothing")

    reader = build(secret_prefix=PREFIX, secrets_client=secrets.client, on_operation=hook)
    with pytest.raises(NotFoundError):
        reader.get(CONNECTION)
    secrets.put(document(1, clock.instant(3600)))
    reader.get(CONNECTION)
    reader.get(CONNECTION)
    assert [(each.name, each.success, each.code) for each in seen] == [
        ("secret.read", False, "NOT_FOUND"),
        ("secret.read", True, ""),
    ]
    assert all(each.duration_seconds >= 0 for each in seen)
    assert seen[0].correlation_id
