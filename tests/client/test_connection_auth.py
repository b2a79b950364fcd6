"""A connection's token on requests to a provider that refuses stale ones: httpx blocking and not, and requests."""

from __future__ import annotations

import asyncio
import io
import time
import warnings

import httpx
import pytest
import requests

from evertoken.client import (
    AsyncTokenReader,
    ConfigurationError,
    ConnectionAuth,
    ConnectionNeedsUserError,
    RequestsAuth,
    TokenReader,
    TokenRejectedError,
    error_member,
)
from tests.client.reader_world import CONNECTION, PREFIX, document
from tests.client.refusing_provider import RefusingProvider

IG = error_member("errorCode", "error.security.oauth-token-invalid")


@pytest.fixture
def provider():
    server = RefusingProvider()
    yield server
    server.close()


@pytest.fixture
def elsewhere():
    server = RefusingProvider()
    server.good = set()
    yield server
    server.close()


class Httpx:
    def __init__(self, clock, secrets, api):
        self.source = api.client()
        self.reader = TokenReader(
            secret_prefix=PREFIX,
            secrets_client=secrets.client,
            api=self.source,
            _now=clock,
            _random=lambda: 1.0,
        )

    def send(self, method, url, *, auth=None, content=None, **options):
        with httpx.Client(auth=ConnectionAuth(self.reader, CONNECTION, **(auth or {}))) as client:
            return client.request(method, url, content=content, follow_redirects=True, **options)

    def close(self):
        self.source.close()


class HttpxAsync:
    def __init__(self, clock, secrets, api, kind=AsyncTokenReader):
        self.loop = asyncio.new_event_loop()
        self.source = api.async_client() if kind is AsyncTokenReader else api.client()
        self.reader = kind(
            secret_prefix=PREFIX,
            secrets_client=secrets.client,
            api=self.source,
            _now=clock,
            _random=lambda: 1.0,
        )

    def send(self, method, url, *, auth=None, content=None, **options):
        async def sent():
            async with httpx.AsyncClient(
                auth=ConnectionAuth(self.reader, CONNECTION, **(auth or {}))
            ) as client:
                given = content if content is None or isinstance(content, bytes) else awaited(content)
                return await client.request(method, url, content=given, follow_redirects=True, **options)

        async def awaited(chunks):
            for chunk in chunks:
                yield chunk

        return self.loop.run_until_complete(sent())

    def close(self):
        if isinstance(self.reader, AsyncTokenReader):
            self.loop.run_until_complete(self.reader.aclose())
        else:
            self.reader.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class HttpxAsyncOverBlocking(HttpxAsync):
    def __init__(self, clock, secrets, api):
        super().__init__(clock, secrets, api, kind=TokenReader)


class Requests(Httpx):
    def send(self, method, url, *, auth=None, content=None, **options):
        with requests.Session() as session:
            session.auth = RequestsAuth(self.reader, CONNECTION, **(auth or {}))
            return session.request(method, url, data=content, **options)


KINDS = {
    "httpx": Httpx,
    "httpx async": HttpxAsync,
    "async over blocking": HttpxAsyncOverBlocking,
    "requests": Requests,
}


@pytest.fixture(params=KINDS, ids=list(KINDS))
def caller(request, clock, secrets, api):
    kind = KINDS[request.param](clock, secrets, api)
    yield kind
    kind.close()


@pytest.fixture
def first(secrets, clock):
    secrets.put(document(1, clock.instant(3600)))


def test_a_good_token_is_one_request(caller, provider, secrets, first):
    answer = caller.send("GET", provider.url + "/data")
    assert answer.status_code == 200
    assert provider.requests == [("/data", "token-1", b"")]
    caller.send("GET", provider.url + "/data")
    assert secrets.calls == 1


def test_a_call_survives_a_revoked_token(caller, provider, api, first, secrets, clock):
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    answer = caller.send("POST", provider.url + "/data", content=b"a body")
    assert answer.status_code == 200
    assert provider.requests == [("/data", "token-1", b"a body"), ("/data", "token-2", b"a body")]
    assert api.queries == [{"rejected_generation": "1"}]
    assert len(answer.history) == 1
    assert caller.send("GET", provider.url + "/data").status_code == 200
    assert provider.tokens == ["token-1", "token-2", "token-2"]


def test_a_token_that_others_renewed_costs_a_read_of_the_secret_and_no_refresh(
    caller, provider, api, first, secrets, clock
):
    caller.send("GET", provider.url + "/data")
    provider.good = {"token-2"}
    secrets.put(document(2, clock.instant(3600)))
    assert caller.send("GET", provider.url + "/data").status_code == 200
    assert (secrets.calls, api.calls["token"]) == (2, 0)


def test_a_provider_that_refuses_for_ever_gets_two_requests_and_the_caller_a_typed_error(
    caller, provider, api, first, clock
):
    provider.good = set()
    api.serve(document(2, clock.instant(3600)))
    with pytest.raises(TokenRejectedError, match="generation 2") as caught:
        caller.send("GET", provider.url + "/data")
    assert provider.tokens == ["token-1", "token-2"]
    assert "token-2" not in str(caught.value)


def test_a_provider_that_refuses_for_ever_is_no_flood_on_anybody(
    caller, provider, api, first, secrets, clock
):
    provider.good = set()
    generations = iter(range(2, 1000))
    api.answer = lambda query: (200, document(next(generations), clock.instant(3600)))
    for _ in range(30):
        with pytest.raises(TokenRejectedError):
            caller.send("GET", provider.url + "/data")
    assert len(provider.requests) <= 31
    assert (secrets.calls, api.calls["token"]) == (2, 1)


def test_the_providers_own_answer_is_to_be_had_instead(caller, provider, api, first, clock):
    provider.good = set()
    api.serve(document(2, clock.instant(3600)))
    answer = caller.send("GET", provider.url + "/data", auth={"returns_refusals": True})
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token"})
    assert provider.tokens == ["token-1", "token-2"]


def test_when_only_a_person_can_help_the_error_says_so(caller, provider, api, first):
    provider.good = set()
    api.refuse("REAUTH_REQUIRED")
    with pytest.raises(ConnectionNeedsUserError):
        caller.send("GET", provider.url + "/data")
    assert provider.tokens == ["token-1"]


def test_the_first_answer_is_returned_when_there_is_nothing_newer_and_refusals_are_wanted(
    caller, provider, api, first
):
    provider.good = set()
    answer = caller.send("GET", provider.url + "/data", auth={"returns_refusals": True})
    assert answer.status_code == 401
    assert provider.tokens == ["token-1"]


def test_a_provider_that_refuses_in_words_of_its_own_is_understood(caller, provider, api, first, clock):
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    assert caller.send("GET", provider.url + "/ig", auth={"rejects": IG}).status_code == 200
    assert provider.tokens == ["token-1", "token-2"]


def test_what_is_no_refusal_of_the_token_refreshes_nothing(caller, provider, api, first):
    assert caller.send("GET", provider.url + "/api-key", auth={"rejects": IG}).status_code == 403
    provider.good = set()
    assert caller.send("GET", provider.url + "/odd-401", auth={"rejects": IG}).status_code == 401
    assert api.calls["token"] == 0
    assert len(provider.requests) == 2


def test_a_403_is_no_refusal_by_itself(caller, provider, api, first):
    assert caller.send("GET", provider.url + "/api-key").status_code == 403
    assert api.calls["token"] == 0


def test_the_token_does_not_follow_a_redirect_to_another_origin(caller, provider, elsewhere, api, first):
    provider.redirect_to = elsewhere.url.replace("127.0.0.1", "localhost") + "/data"
    answer = caller.send("GET", provider.url + "/elsewhere")
    assert answer.status_code == 401
    assert elsewhere.tokens == [None]
    # The other origin refused somebody without a token; nobody is bothered for a newer one.
    assert api.calls["token"] == 0
    assert provider.tokens == ["token-1"]


def test_a_redirect_within_the_origin_keeps_the_token(caller, provider, first):
    provider.redirect_to = "/data"
    assert caller.send("GET", provider.url + "/elsewhere").status_code == 200
    assert provider.tokens == ["token-1", "token-1"]


def test_an_order_that_was_taken_is_not_sent_again_when_the_page_after_it_refuses_the_token(
    caller, provider, api, first, clock
):
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    answer = caller.send("POST", provider.url + "/order", content=b"buy")
    assert answer.status_code == 200
    assert provider.requests == [
        ("/order", "token-1", b"buy"),
        ("/data", "token-1", b""),
        ("/data", "token-2", b""),
    ]


def test_a_body_that_cannot_be_sent_twice_is_sent_once(caller, provider, api, first, secrets, clock):
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    answer = caller.send("POST", provider.url + "/data", content=iter([b"one", b"two"]))
    assert answer.status_code == 401
    assert provider.requests == [("/data", "token-1", b"onetwo")]
    assert api.calls["token"] == 0
    answer = caller.send("POST", provider.url + "/data", content=iter([b"one", b"two"]))
    assert answer.status_code == 200
    assert provider.tokens == ["token-1", "token-2"]


def test_a_file_is_not_sent_again_as_nothing(clock, secrets, api, provider, first):
    blocking = Httpx(clock, secrets, api)
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    answer = blocking.send("POST", provider.url + "/data", content=io.BytesIO(b"a file"))
    assert answer.status_code == 401
    assert provider.requests == [("/data", "token-1", b"a file")]
    blocking.close()


def test_a_token_is_not_sent_in_the_clear(caller, secrets, first):
    with pytest.raises(ConfigurationError, match="https"):
        caller.send("GET", "http://provider.example/data")
    assert secrets.calls == 0


def test_a_download_is_not_read_before_its_reader_wants_it(clock, secrets, api, provider, first):
    blocking = Httpx(clock, secrets, api)
    auth = ConnectionAuth(blocking.reader, CONNECTION, rejects=IG)
    with httpx.Client(auth=auth) as client, client.stream("GET", provider.url + "/download") as answer:
        chunks = answer.iter_raw(3)
        assert next(chunks) == b"one"
        provider.may_end_download.set()
        assert next(chunks) == b"two"
    blocking.close()


@pytest.mark.parametrize("kind", [Httpx, HttpxAsync])
def test_a_refusal_under_status_200_is_found_where_bodies_may_be_read(
    kind, clock, secrets, api, provider, first
):
    caller = kind(clock, secrets, api)
    provider.good = {"token-2"}
    api.serve(document(2, clock.instant(3600)))
    slack = error_member("error", "token_expired", statuses=(200,))
    without = caller.send("GET", provider.url + "/always-200", auth={"rejects": slack})
    assert without.json() == {"ok": False, "error": "token_expired"}
    auth = {"rejects": slack, "requires_response_body": True}
    assert caller.send("GET", provider.url + "/always-200", auth=auth).json() == {"ok": True}
    caller.close()


def test_reading_every_body_needs_somebody_who_looks_at_it(clock, secrets, api):
    caller = Httpx(clock, secrets, api)
    with pytest.raises(ConfigurationError, match="rejects"):
        ConnectionAuth(caller.reader, CONNECTION, requires_response_body=True)
    caller.close()


def test_a_blocking_client_with_a_reader_for_asyncio_is_told_so(secrets, first):
    reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets.client)
    with (
        httpx.Client(auth=ConnectionAuth(reader, CONNECTION)) as client,
        pytest.raises(ConfigurationError, match="TokenReader"),
    ):
        client.get("http://127.0.0.1:9/")


def test_many_requests_that_are_refused_at_once_make_one_refresh(clock, secrets, api, provider, first):
    provider.good = {"token-2"}
    generations = iter(range(2, 100))

    def refresh(query):
        time.sleep(0.1)
        return 200, document(next(generations), clock.instant(3600))

    api.answer = refresh

    async def all_of_them():
        reader = AsyncTokenReader(
            secret_prefix=PREFIX, secrets_client=secrets.client, api=api.async_client(), _now=clock
        )
        async with reader, httpx.AsyncClient(auth=ConnectionAuth(reader, CONNECTION)) as client:
            answers = await asyncio.gather(*(client.get(provider.url + "/data") for _ in range(50)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(all_of_them()) == [200] * 50
    assert api.calls["token"] == 1
    assert secrets.calls == 2


def test_the_tokens_are_in_no_warning_and_no_log(caller, provider, api, first, clock, caplog):
    caplog.set_level(0)
    provider.good = set()
    api.serve(document(2, clock.instant(3600)))
    with warnings.catch_warnings(record=True) as warned, pytest.raises(TokenRejectedError):
        caller.send("GET", provider.url + "/data")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("evertoken")]
    assert not [line for line in [*ours, *map(str, warned)] if "token-" in line]
