"""Tokens are renewed in time, once, and by whatever means there is."""

import asyncio
import json
import threading

import pytest

from evertoken.client import (
    AsyncOAuthClient,
    ConfigurationError,
    ConnectionNeedsUserError,
    MemoryTokenStorage,
    OAuthClient,
    TemporarilyUnavailableError,
)
from tests.client.oauth_world import KINDS, OAuthWorld
from tests.support.provider_faults import alter, delay, throttled, unavailable
from tests.support.provider_profile import STATIC
from tests.support.provider_requests import Reply


@pytest.fixture(params=KINDS)
def world(request):
    world = OAuthWorld(request.param)
    yield world
    world.close()


def test_a_token_is_refreshed_a_tenth_of_its_life_before_its_end(world):
    client, first = world.connected()
    world.clock.move(3600 - 301)
    assert client.get_token() == first.access_token
    assert not client.needs_refresh()
    world.clock.move(2)
    assert client.needs_refresh()
    assert client.get_token() != first.access_token
    assert world.count() == 2


def test_a_token_of_two_minutes_is_not_refreshed_at_every_call(world):
    world.provider.rules.change_profile(access_token_seconds=120)
    client, first = world.connected()
    world.clock.move(107)
    assert {client.get_token() for _ in range(5)} == {first.access_token}
    world.clock.move(2)
    second = client.get_token()
    assert second != first.access_token
    assert client.get_token() == second
    assert world.count() == 2


def test_needs_refresh_takes_a_margin_of_ones_own(world):
    client, _ = world.connected()
    assert not client.needs_refresh(3599)
    assert client.needs_refresh(3600)
    assert world.client().needs_refresh()


def test_an_absent_refresh_token_keeps_the_old_one(world):
    world.provider.rules.change_profile(rotation=STATIC)
    client, first = world.connected()
    second = client.refresh()
    assert first.refresh_token is not None
    assert second.refresh_token == first.refresh_token
    assert second.access_token != first.access_token


def test_a_rotated_refresh_token_is_never_sent_again_although_it_is_given_again(world):
    client = world.client()
    given = world.provider.rules.connect()["refresh_token"]
    first = client.refresh(given)
    again = client.refresh(given)
    assert again == first
    assert world.count() == 1
    assert world.provider.rules.is_refreshable(first.refresh_token)


def test_client_credentials_are_used_again_when_their_token_is_due(world):
    client = world.client(world.config(grant="client_credentials"))
    first = client.initialize()
    world.clock.move(3600)
    assert client.get_token() != first.access_token
    assert world.count() == 2


def test_the_old_token_is_handed_out_while_it_lives_when_the_provider_is_down(world):
    client, first = world.connected()
    world.clock.move(3400)
    world.provider.script.add(unavailable(None), times=50)
    assert {client.get_token() for _ in range(20)} == {first.access_token}
    assert world.count() == 2, "one attempt, then a wait"
    world.clock.move(2)
    client.get_token()
    assert world.count() == 3
    world.clock.move(200)
    with pytest.raises(TemporarilyUnavailableError, match="no token now") as caught:
        client.get_token()
    assert caught.value.retryable


def test_the_wait_that_a_provider_asks_for_is_kept(world):
    client, first = world.connected()
    world.clock.move(3400)
    world.provider.script.add(throttled("60"))
    assert client.get_token() == first.access_token
    world.clock.move(59)
    assert client.get_token() == first.access_token
    assert world.count() == 2
    world.clock.move(2)
    assert client.get_token() != first.access_token


def test_a_dead_refresh_token_is_not_asked_for_again_and_again(world):
    client, first = world.connected()
    world.provider.rules.end_grant(first.refresh_token)
    world.clock.move(3400)
    assert client.get_token() == first.access_token
    world.clock.move(300)
    for _ in range(5):
        with pytest.raises(ConnectionNeedsUserError, match="Authorize again"):
            client.get_token()
    assert world.count() == 2


def test_a_new_refresh_token_mends_a_dead_grant(world):
    client, first = world.connected()
    world.provider.rules.end_grant(first.refresh_token)
    world.clock.move(3700)
    with pytest.raises(ConnectionNeedsUserError):
        client.get_token()
    client.refresh(world.provider.rules.connect()["refresh_token"])
    assert world.provider.rules.accepts(client.get_token())


def test_without_any_tokens_the_client_says_what_to_do(world):
    with pytest.raises(ConnectionNeedsUserError, match="authorization_url"):
        world.client().get_token()
    assert world.count() == 0


def test_auto_refresh_off_means_off(world):
    client, first = world.connected(config=world.config(auto_refresh=False))
    world.clock.move(3599)
    assert client.get_token() == first.access_token
    world.clock.move(2)
    with pytest.raises(ConfigurationError, match="auto_refresh is off"):
        client.get_token()
    assert client.refresh().access_token == client.get_token()
    assert world.count() == 2


def test_auto_refresh_off_still_gets_first_tokens(world):
    client = world.client(world.config(grant="client_credentials", auto_refresh=False))
    with pytest.raises(ConfigurationError, match="auto_refresh is off"):
        client.get_token()
    assert client.initialize().access_token == client.get_token()
    world.clock.move(3700)
    assert client.initialize().access_token == client.get_token()
    assert world.count() == 2


def test_scope_and_further_members_outlive_an_answer_without_them(world):
    world.provider.rules.change_profile(extra={"account": "A1", "number": 1})
    client, _ = world.connected()
    assert client.get_current_tokens().scope == "read"
    world.provider.rules.change_profile(extra={"number": 2})
    world.provider.script.add(without_scope())
    tokens = client.refresh()
    assert (tokens.scope, tokens.extra) == ("read", {"account": "A1", "number": 2})


def without_scope():
    def change(reply):
        document = json.loads(reply.body)
        assert document.pop("scope") == "read"
        return Reply(reply.status, reply.headers, json.dumps(document).encode())

    return alter(change)


def test_a_stored_token_set_is_taken_up_and_a_due_one_refreshed(world):
    storage = MemoryTokenStorage()
    _, first = world.connected(storage=storage)
    assert world.client(storage=storage).initialize() == first
    world.clock.move(3700)
    later = world.client(storage=storage).initialize()
    assert later.access_token != first.access_token
    assert storage.load() == later
    assert world.count() == 2


def test_two_clients_of_one_storage_refresh_once(world):
    storage = MemoryTokenStorage()
    one, _ = world.connected(storage=storage)
    other = world.client(storage=storage)
    world.clock.move(3700)
    assert one.get_token() == other.get_token()
    assert world.count() == 2


def test_a_client_with_old_tokens_takes_up_what_another_got(world):
    storage = MemoryTokenStorage()
    one, _ = world.connected(storage=storage)
    other = world.client(storage=storage)
    other.initialize()
    newer = one.refresh()
    assert other.refresh() == newer
    world.clock.move(3700)
    assert one.get_token() == other.get_token()
    assert world.count() == 3
    assert world.provider.rules.is_refreshable(storage.load().refresh_token)


def test_a_storage_that_is_read_late_does_not_bring_old_tokens_back(world):
    class Late(MemoryTokenStorage):
        late = None

        def load(self):
            return self.late or super().load()

    storage = Late()
    client, first = world.connected(storage=storage)
    second = client.refresh()
    storage.late = first
    third = client.refresh()
    assert third.access_token not in (first.access_token, second.access_token)
    assert world.provider.rules.is_refreshable(third.refresh_token)


def test_a_clock_that_was_set_back_does_not_hide_what_another_got(world):
    storage = MemoryTokenStorage()
    one, _ = world.connected(storage=storage)
    other = world.client(storage=storage)
    other.initialize()
    world.clock.move(-1000)
    newer = one.refresh()
    assert other.refresh() == newer


def test_fifty_threads_refresh_once():
    world = OAuthWorld("blocking")
    try:
        client, first = world.connected()
        world.clock.move(3700)
        world.provider.script.add(delay(0.1))
        got, barrier = [], threading.Barrier(50)

        def ask():
            barrier.wait()
            got.append(client.get_token())

        threads = [threading.Thread(target=ask) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(got) == 50
        assert set(got) != {first.access_token}
        assert len(set(got)) == 1
        assert world.count() == 2
    finally:
        world.close()


def test_threads_go_on_with_the_living_token_while_one_refreshes():
    world = OAuthWorld("blocking")
    try:
        client, first = world.connected()
        world.clock.move(3400)
        world.provider.script.add(delay(0.5))
        refresher = threading.Thread(target=client.get_token)
        refresher.start()
        while world.count() < 2:
            pass
        assert client.get_token() == first.access_token
        refresher.join(10)
        assert client.get_token() != first.access_token
    finally:
        world.close()


def test_threads_that_all_ask_for_a_refresh_get_the_same_one():
    world = OAuthWorld("blocking")
    try:
        client, _ = world.connected()
        world.provider.script.add(delay(0.3))
        got, barrier = [], threading.Barrier(10)

        def ask():
            barrier.wait()
            got.append(client.refresh())

        threads = [threading.Thread(target=ask) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len({tokens.access_token for tokens in got}) == 1
        assert world.count() == 2
    finally:
        world.close()


def test_ten_thousand_coroutines_refresh_once():
    world = OAuthWorld("blocking")

    async def story():
        async with AsyncOAuthClient(world.config(), _clock=world.clock) as client:
            await client.refresh(world.provider.rules.connect()["refresh_token"])
            world.clock.move(3700)
            return await asyncio.gather(*(client.get_token() for _ in range(10_000)))

    try:
        assert len(set(asyncio.run(story()))) == 1
        assert world.count() == 2
    finally:
        world.close()


def test_a_storage_and_a_callback_of_coroutines_are_awaited():
    world = OAuthWorld("blocking")
    steps = []

    class Rows:
        saved = None

        async def load(self):
            steps.append("load")
            return self.saved

        async def save(self, tokens):
            await asyncio.sleep(0)
            self.saved = tokens
            steps.append("save")

        async def try_lock(self):
            steps.append("lock")
            return steps.count("lock") > 1

        async def unlock(self):
            steps.append("unlock")

    async def told(tokens):
        await asyncio.sleep(0)
        steps.append("told")

    async def story():
        async with AsyncOAuthClient(
            world.config(), storage=Rows(), on_token_refresh=told, _clock=world.clock
        ) as client:
            return await client.refresh(world.provider.rules.connect()["refresh_token"])

    try:
        assert asyncio.run(story()).refresh_token
        assert steps == ["lock", "lock", "load", "save", "told", "unlock"]
    finally:
        world.close()


def test_a_cancelled_coroutine_does_not_lose_the_answer():
    world = OAuthWorld("blocking")

    async def story():
        async with AsyncOAuthClient(world.config(), _clock=world.clock) as client:
            await client.refresh(world.provider.rules.connect()["refresh_token"])
            world.provider.script.add(delay(0.3, after_commit=True))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.refresh(), 0.1)
            tokens = await client.refresh()
            return tokens.refresh_token

    try:
        assert world.provider.rules.is_refreshable(asyncio.run(story()))
    finally:
        world.close()


def test_a_callback_that_calls_back_is_told_so_and_does_not_hang():
    world = OAuthWorld("blocking")
    try:
        told = []

        def call_back(tokens):
            if not told:
                told.append(None)
                client.refresh()

        client = OAuthClient(world.config(), on_token_refresh=call_back, _clock=world.clock)
        with client, pytest.raises(Exception, match="called back into its client"):
            client.refresh(world.provider.rules.connect()["refresh_token"])
    finally:
        world.close()


def test_no_thread_ever_sees_tokens_of_two_answers():
    world = OAuthWorld("blocking", access_token_seconds=600)
    try:
        client, _ = world.connected()
        torn, rounds = [], 30
        over = threading.Event()

        def read():
            while not over.wait(0.001):
                tokens = client.get_tokens()
                ledger = world.provider.ledger
                if ledger.tokens[tokens.access_token].request != ledger.tokens[tokens.refresh_token].request:
                    torn.append(tokens)

        threads = [threading.Thread(target=read) for _ in range(20)]
        for thread in threads:
            thread.start()
        for _ in range(rounds):
            world.clock.move(550)
            client.get_tokens()
        over.set()
        for thread in threads:
            thread.join(20)
        assert torn == []
        assert rounds / 2 <= world.count() <= rounds + 1
    finally:
        world.close()
