"""A session's token is kept valid, shared, stored and given up as docs/sessions.md asks of programs."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from evertoken.client.errors import (
    ConfigurationError,
    CredentialsError,
    EvertokenClientError,
    OutcomeUnknownError,
    SecretShapeError,
    StorageError,
    TransportError,
)
from evertoken.client.file_token_storage import FileTokenStorage
from evertoken.client.session_async_tokens import AsyncSessionTokens
from evertoken.client.session_tokens import SessionTokens
from evertoken.client.token_storage import MemoryTokenStorage
from tests.client.session_service import REFRESH, serving

HOUR = timedelta(hours=1)


class Clock:
    """A clock that the test moves, for the program and the service alike."""

    def __init__(self):
        self.moment = datetime.now(UTC).replace(microsecond=0)
        self.pauses = []

    def __call__(self):
        return self.moment

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.moment += timedelta(seconds=seconds)

    def later(self, **amount):
        self.moment += timedelta(**amount)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def served(clock):
    with serving(lifetime_seconds=4 * 3600) as (service, address):
        service.clock = clock
        service.expiries[service.newest] = clock() + 4 * HOUR
        yield service, address


def tokens_of(served, clock, **options):
    service, address = served
    given = {"token": service.newest, "expires_at": clock() + 4 * HOUR}
    return SessionTokens(address, **(given | options), _clock=clock, _sleep=clock.sleep, _random=lambda: 1.0)


def test_a_token_with_more_than_five_minutes_is_handed_out_without_a_request(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        clock.later(hours=3, minutes=54)
        assert tokens.get_valid_token() == service.newest
    assert service.asked == []


def test_five_minutes_before_its_end_a_token_is_refreshed_once_and_the_user_is_known(served, clock):
    service, _ = served
    first = service.newest
    with tokens_of(served, clock) as tokens:
        assert tokens.user is None
        clock.later(hours=3, minutes=55)
        assert tokens.get_valid_token() == tokens.get_valid_token() == service.newest != first
        assert tokens.user is not None
        assert (tokens.user.user_id, tokens.user.role, tokens.user.name) == ("137", "PATIENT", "User Name")
    assert service.asked == [REFRESH]


def test_a_token_of_unknown_end_is_refreshed_at_its_first_use(served, clock):
    service, _ = served
    with tokens_of(served, clock, expires_at=None) as tokens:
        assert tokens.get_valid_token() == tokens.get_valid_token() == service.newest
    assert service.asked == [REFRESH]


def test_the_margin_of_a_short_token_is_a_tenth_of_its_life(served, clock):
    service, _ = served
    service.lifetime = timedelta(seconds=100)
    with tokens_of(served, clock, expires_at=None) as tokens:
        tokens.get_valid_token()
        clock.later(seconds=89)
        tokens.get_valid_token()
        assert service.refreshes == 1
        clock.later(seconds=2)
        tokens.get_valid_token()
        assert service.refreshes == 2


def test_a_clock_that_is_hours_fast_does_not_refresh_at_every_call(served, clock):
    service, address = served

    def fast():
        return clock() + 10 * HOUR

    with SessionTokens(address, token=service.newest, _clock=fast, _sleep=clock.sleep) as tokens:
        assert {tokens.get_valid_token() for _ in range(5)} == {service.newest}
        clock.later(hours=3, minutes=50)
        tokens.get_valid_token()
        assert service.refreshes == 1
        clock.later(minutes=6)
        tokens.get_valid_token()
        assert service.refreshes == 2


def test_fifty_threads_that_find_a_token_expired_send_one_refresh(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens, ThreadPoolExecutor(50) as pool:
        clock.later(hours=4, minutes=1)
        barrier = threading.Barrier(50)

        def get(_):
            barrier.wait()
            return tokens.get_valid_token()

        assert set(pool.map(get, range(50))) == {service.newest}
    assert service.refreshes == 1


def test_a_thousand_tasks_that_find_a_token_expired_send_one_refresh():
    async def story(service, address):
        storage = MemoryTokenStorage()
        async with AsyncSessionTokens(address, token=service.newest, storage=storage) as tokens:
            return await asyncio.gather(*(tokens.get_valid_token() for _ in range(1000)))

    with serving() as (service, address):
        assert set(asyncio.run(story(service, address))) == {service.newest}
        assert service.refreshes == 1


def test_threads_whose_token_was_refused_at_once_share_one_newer_one(served, clock):
    service, _ = served
    refused = service.newest
    with tokens_of(served, clock) as tokens, ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: tokens.refresh(refused), range(20))) == {service.newest}
        assert tokens.refresh() == service.newest
    assert service.refreshes == 2


@pytest.mark.parametrize("faults", [["lose"], ["lose", "lose", "unavailable"], ["unavailable"]])
def test_a_refresh_whose_answer_is_lost_is_repeated_at_once_and_gets_the_same_successor(
    served, clock, faults
):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        clock.later(hours=4, minutes=1)
        service.script.extend(faults)
        assert tokens.get_valid_token() == service.newest
    assert service.refreshes == len(faults) + 1
    assert sum(clock.pauses) < service.leeway.total_seconds()
    assert service.reuses == 0


def test_a_refresh_that_was_made_and_answered_by_an_error_is_repeated_although_the_token_lives(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        clock.later(hours=3, minutes=56)
        service.script.append("time_out")
        # Left for later, the first token would come back as a copy in the wrong hands.
        assert tokens.get_valid_token() == service.newest
    assert (service.refreshes, service.reuses) == (2, 0)


def test_answers_lost_for_ever_are_repeated_inside_the_leeway_only_and_the_living_token_is_used(
    served, clock
):
    service, _ = served
    first = service.newest
    with tokens_of(served, clock) as tokens:
        clock.later(hours=3, minutes=56)
        service.script.extend(["lose"] * 100)
        assert tokens.get_valid_token() == first
        asked = service.refreshes
        assert asked <= 6
        assert sum(clock.pauses) <= 10
        # Sent again now, the first token would be a copy in the wrong hands, if one of the refreshes arrived.
        clock.later(minutes=2)
        assert tokens.get_valid_token() == first
        assert (service.refreshes, service.is_over) == (asked, False)


def test_while_the_service_is_down_a_living_token_is_used_and_asked_for_again_after_a_pause(served, clock):
    service, _ = served
    first = service.newest
    with tokens_of(served, clock) as tokens:
        clock.later(hours=3, minutes=56)
        service.script.extend(["limited"] * 2)
        assert [tokens.get_valid_token() for _ in range(5)] == [first] * 5
        assert service.refreshes == 1
        clock.later(seconds=6)
        assert tokens.get_valid_token() == first
        clock.later(seconds=6)
        assert tokens.get_valid_token() == service.newest != first


def test_nobody_at_the_address_is_a_transport_error_once_the_token_is_over(clock):
    tokens = SessionTokens(
        "http://127.0.0.1:1", token="given", _clock=clock, _sleep=clock.sleep, _random=lambda: 1.0
    )
    with tokens, pytest.raises(TransportError, match="cannot be reached") as raised:
        tokens.get_valid_token()
    assert not isinstance(raised.value, OutcomeUnknownError)
    assert sum(clock.pauses) <= 10


def test_an_ended_session_is_asked_about_once(served, clock):
    service, _ = served
    service.is_over = True
    with tokens_of(served, clock, expires_at=None) as tokens:
        for _ in range(3):
            with pytest.raises(CredentialsError, match="Log in again"):
                tokens.get_valid_token()
    assert service.refreshes == 1


def test_an_answer_of_another_shape_is_told_without_its_content(served, clock):
    service, _ = served
    service.script.append("garble")
    with (
        tokens_of(served, clock, expires_at=None) as tokens,
        pytest.raises(SecretShapeError, match="ApiUrl") as raised,
    ):
        tokens.get_valid_token()
    assert "html" not in str(raised.value)


def test_a_program_that_starts_again_with_its_first_token_goes_on_with_the_stored_one(
    served, clock, tmp_path
):
    service, _ = served
    first = service.newest
    path = tmp_path / "session"
    with tokens_of(served, clock, storage=FileTokenStorage(path), token=first, expires_at=None) as tokens:
        second = tokens.get_valid_token()
    clock.later(hours=1)
    with tokens_of(served, clock, storage=FileTokenStorage(path), token=first, expires_at=None) as tokens:
        assert tokens.get_valid_token() == second
    with tokens_of(served, clock, storage=FileTokenStorage(path), token="") as tokens:
        assert tokens.get_valid_token() == second
    assert (service.refreshes, service.is_over) == (1, False)


def test_a_new_login_takes_the_place_of_the_stored_session(served, clock):
    storage = MemoryTokenStorage()
    with tokens_of(served, clock, storage=storage) as tokens:
        tokens.refresh()
    with tokens_of(served, clock, storage=storage, token="of-another-login") as tokens:
        assert tokens.get_valid_token() == "of-another-login"
    assert storage.load().access_token == "of-another-login"


def test_two_programs_with_one_storage_share_the_session(served, clock):
    service, _ = served
    storage = MemoryTokenStorage()
    first = service.newest
    with (
        tokens_of(served, clock, storage=storage, token=first) as one,
        tokens_of(served, clock, storage=storage, token=first) as other,
    ):
        assert one.get_valid_token() == other.get_valid_token() == first
        clock.later(hours=3, minutes=56)
        second = one.get_valid_token()
        clock.later(minutes=2)
        assert other.get_valid_token() == second != first
    assert (service.refreshes, service.is_over) == (1, False)


def test_a_storage_of_another_service_is_neither_used_nor_overwritten(served, clock):
    service, _ = served
    storage = MemoryTokenStorage()
    with SessionTokens(
        "https://elsewhere.example", token="theirs", expires_at=clock() + HOUR, storage=storage
    ) as theirs:
        theirs.get_valid_token()
    with tokens_of(served, clock, storage=storage) as tokens, pytest.raises(StorageError, match="of its own"):
        tokens.get_valid_token()
    assert storage.load().access_token == "theirs"
    assert service.asked == []


class FailingStorage(MemoryTokenStorage):
    failures = 0

    def save(self, tokens):
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        super().save(tokens)


def test_a_token_that_could_not_be_stored_is_stored_at_the_next_call_and_not_lost(served, clock):
    service, _ = served
    storage = FailingStorage()
    with tokens_of(served, clock, storage=storage) as tokens:
        first = tokens.get_valid_token()
        clock.later(hours=3, minutes=56)
        storage.failures = 2
        assert tokens.get_valid_token() == tokens.get_valid_token() == first
        assert tokens.get_valid_token() == storage.load().access_token == service.newest != first
        clock.later(hours=4)
        storage.failures = 1
        with pytest.raises(StorageError, match="OSError"):
            tokens.get_valid_token()
        assert tokens.get_valid_token() == storage.load().access_token == service.newest
    assert service.refreshes == 2


def test_a_token_refreshed_on_demand_that_could_not_be_stored_takes_the_old_ones_place_when_it_is(
    served, clock
):
    service, _ = served
    storage = FailingStorage()
    with tokens_of(served, clock, storage=storage) as tokens:
        first = tokens.get_valid_token()
        storage.failures = 1
        with pytest.raises(StorageError):
            tokens.refresh(first)
        assert tokens.get_valid_token() == storage.load().access_token == service.newest != first


def test_who_joins_a_call_that_ends_with_the_refused_token_asks_again(served, clock):
    class SlowStorage(MemoryTokenStorage):
        may_answer = threading.Event()

        def load(self):
            assert self.may_answer.wait(10)
            return super().load()

    service, _ = served
    refused, storage = service.newest, SlowStorage()
    with tokens_of(served, clock, storage=storage) as tokens, ThreadPoolExecutor(2) as pool:
        getting = pool.submit(tokens.get_valid_token)
        time.sleep(0.1)
        refreshing = pool.submit(tokens.refresh, refused)
        time.sleep(0.1)
        storage.may_answer.set()
        assert getting.result(10) == refused
        assert refreshing.result(10) == service.newest != refused


def test_polling_goes_on_past_the_tokens_end_through_an_outage_until_logout(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        polled = tokens.poll_session(service.session_id, every_seconds=5)
        state = next(polled)
        assert (state.status, state.ends_at) == (
            "active",
            service.ends_at.replace(microsecond=service.ends_at.microsecond // 1000 * 1000),
        )
        clock.later(hours=4, minutes=2)
        assert next(polled).status == "active"
        assert service.refreshes == 1
        service.script.extend(["unavailable"])
        unknown = next(polled)
        assert (unknown.status, unknown.error.code) == ("unknown", "STORE_UNAVAILABLE")
        assert next(polled).status == "active"
        assert clock.pauses == [5, 5, 5]
        service.is_over = True
        assert [state.status for state in polled] == ["ended"]


def test_while_no_refresh_succeeds_an_expired_token_still_reads_its_session(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        clock.later(hours=4, minutes=2)
        service.script.extend(["limited"] * 5)
        state = tokens.read_session(service.session_id)
        assert state.status == "active"
    assert service.asked[-1] == ("GET", f"/v1/sessions/{service.session_id}")


def test_the_id_of_another_session_is_an_error_and_no_end(served, clock):
    with tokens_of(served, clock) as tokens, pytest.raises(CredentialsError, match="of another one"):
        tokens.read_session("ses_" + "b" * 26)


@pytest.mark.parametrize(
    ("session_id", "segment"), [("..", "%2E%2E"), (".", "%2E"), ("", "%20"), ("../a?b#c", "..%2Fa%3Fb%23c")]
)
def test_an_id_does_not_lead_to_another_route(served, clock, session_id, segment):
    service, _ = served
    with tokens_of(served, clock) as tokens, pytest.raises(EvertokenClientError):
        tokens.end_session(session_id)
    assert service.asked[-1] == ("DELETE", f"/v1/sessions/{segment}")


def test_a_session_that_was_ended_here_is_over_for_all_calls(served, clock):
    service, _ = served
    with tokens_of(served, clock) as tokens:
        tokens.end_session(service.session_id)
        tokens.end_session(service.session_id)
        assert tokens.read_session(service.session_id).status == "ended"
        with pytest.raises(CredentialsError, match="ended by this program"):
            tokens.get_valid_token()
    assert service.is_over
    assert service.asked == [("DELETE", f"/v1/sessions/{service.session_id}")]


def test_a_real_session_of_one_seconds_tokens_outlives_three_of_them_under_asyncio():
    class Storage:
        saved = None

        async def load(self):
            return self.saved

        async def save(self, tokens):
            self.saved = tokens

    async def story(service, address):
        storage, seen = Storage(), set()
        async with AsyncSessionTokens(address, token=service.newest, storage=storage) as tokens:
            until = time.monotonic() + 2.8
            async for state in tokens.poll_session(service.session_id, every_seconds=0.05):
                token = await tokens.get_valid_token()
                assert service.is_valid(token)
                seen.add(token)
                assert storage.saved.access_token == token
                if state.status == "ended":
                    break
                if time.monotonic() > until:
                    await tokens.end_session(service.session_id)
                    assert (await tokens.read_session(service.session_id)).status == "ended"
                    break
        return seen

    with serving(lifetime_seconds=1, grace_seconds=1, leeway_seconds=0.5) as (service, address):
        assert len(asyncio.run(story(service, address))) >= 3
        assert service.reuses == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "http://api.example.com", "token": "t"}, "https"),
        ({"base_url": "https://api.example.com"}, "POST /v1/sessions"),
        ({"base_url": "https://api.example.com", "token": "canary\n"}, "line break"),
        ({"base_url": "https://api.example.com", "token": "canary-ü"}, "line break"),
        (
            {
                "base_url": "https://api.example.com",
                "token": "t",
                "expires_at": datetime(2026, 11, 21),  # noqa: DTZ001  # what is refused
            },
            "offset",
        ),
    ],
)
def test_a_wrong_configuration_says_what_is_missing(options, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        SessionTokens(options.pop("base_url"), **options)
    assert "canary" not in str(caught.value)


def test_no_error_representation_or_operation_holds_a_token(served, clock):
    service, _ = served
    told = []
    client = httpx.Client(timeout=1)
    with tokens_of(served, clock, on_operation=told.append, client=client) as tokens:
        clock.later(hours=5)
        with pytest.raises(EvertokenClientError) as raised:
            tokens.get_valid_token()
        assert [(one.name, one.success, one.code) for one in told] == [
            ("session.refresh", False, "UNAUTHORIZED")
        ]
        assert told[0].correlation_id == ""
        shown = f"{raised.value!r} {tokens!r} {told!r} {tokens._rules.tokens!r}"
        assert service.newest not in shown
    assert not client.is_closed
    client.close()
