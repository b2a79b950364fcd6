"""Refreshing before anybody asks: a thread and a task, and their ends."""

import asyncio
import threading
import time

import pytest

from evertoken.client import AsyncOAuthClient, OAuthClient, oauth_base
from tests.client.oauth_world import ListStorage, OAuthWorld
from tests.support.provider_faults import unavailable


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(oauth_base, "RETRY_SECONDS", 0.15)
    world = OAuthWorld("blocking", access_token_seconds=1)
    # Real time: what waits here is a thread and a loop.
    world.provider.rules._clock = time.time
    world.provider.rules._grants._clock = time.time
    yield world
    world.close()


def wait_for(condition, seconds=10):
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def background_threads():
    return [one for one in threading.enumerate() if one.name == "evertoken-refresh"]


def test_a_thread_refreshes_in_time_and_ends_with_the_client(world):
    with OAuthClient(world.config()) as client:
        client.refresh(world.provider.rules.connect()["refresh_token"])
        client.start_background_refresh()
        client.start_background_refresh()
        assert [one.daemon for one in background_threads()] == [True]
        wait_for(lambda: world.count() == 3)
        assert world.provider.rules.accepts(client.get_current_tokens().access_token)
    assert background_threads() == []
    assert world.count() == 3


def test_the_thread_outlives_a_provider_that_is_down(world):
    with OAuthClient(world.config()) as client:
        client.refresh(world.provider.rules.connect()["refresh_token"])
        world.provider.script.add(unavailable(None))
        client.start_background_refresh()
        wait_for(lambda: world.count() == 3)


def test_a_client_without_tokens_waits_for_them(world):
    with OAuthClient(world.config()) as client:
        client.start_background_refresh()
        time.sleep(0.2)
        assert world.count() == 0
        assert len(background_threads()) == 1


def test_a_task_refreshes_in_time_and_ends_with_the_client(world):
    async def story():
        async with AsyncOAuthClient(world.config()) as client:
            await client.refresh(world.provider.rules.connect()["refresh_token"])
            client.start_background_refresh()
            await asyncio.to_thread(wait_for, lambda: world.count() == 3)
            assert world.provider.rules.accepts(client.get_current_tokens().access_token)
        return [task.get_name() for task in asyncio.all_tasks()]

    assert "evertoken-refresh" not in asyncio.run(asyncio.wait_for(story(), 15))


def test_a_dead_grant_is_logged_once_and_costs_one_request(world, caplog):
    with OAuthClient(world.config()) as client:
        tokens = client.refresh(world.provider.rules.connect()["refresh_token"])
        world.provider.rules.end_grant(tokens.refresh_token)
        client.start_background_refresh()
        wait_for(lambda: "background refresh failed: REAUTH_REQUIRED" in caplog.text)
        time.sleep(1.2)
        assert caplog.text.count("background refresh failed") == 1
        assert world.count() == 2


def test_tokens_that_cannot_be_saved_are_tried_again_without_haste(world, caplog):
    storage = ListStorage()
    with OAuthClient(world.config(), storage=storage) as client:
        client.refresh(world.provider.rules.connect()["refresh_token"])
        storage.fails_for_ever = True
        client.start_background_refresh()
        wait_for(lambda: storage.attempts > 2)
        before = storage.attempts
        time.sleep(0.36)
        assert storage.attempts - before <= 3
        assert world.count() == 2
        assert caplog.text.count("background refresh failed") == 1
        storage.fails_for_ever = False
        wait_for(lambda: len(storage.saved) >= 2)
    assert world.provider.rules.is_refreshable(storage.saved[-1].refresh_token)
