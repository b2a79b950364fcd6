"""botocore's races in our terms: many readers, rising generations, every field of a token the same rising integer, so that a torn read shows.

After tests/functional/test_credentials.py and tests/__init__.py::IntegerRefresher of botocore (read 2026-11-21).
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.client import AsyncTokenReader, TemporarilyUnavailableError, TokenReader
from evertoken.client.async_single_flight import AsyncSingleFlight
from evertoken.client.single_flight import SingleFlight
from tests.client.reader_world import CONNECTION, PREFIX

LIFE_SECONDS = 0.3


class IntegerSecrets:
    """Stands where the boto3 client stands: each read finds a generation one higher, and says it in every field."""

    def __init__(self, *, life_seconds=LIFE_SECONDS, takes_seconds=0.005):
        self.reads = 0
        self._life = timedelta(seconds=life_seconds)
        self._takes = takes_seconds
        self._lock = threading.Lock()

    def get_secret_value(self, **_):
        with self._lock:
            self.reads += 1
            number = self.reads
        time.sleep(self._takes)
        content = {
            "access_token": str(number),
            "token_type": str(number),
            "expires_at": (datetime.now(UTC) + self._life).isoformat(),
            "scope": str(number),
            "generation": number,
            "connection_id": CONNECTION,
            "extra": {"number": str(number)},
        }
        return {"SecretString": json.dumps(content)}


def is_whole(token):
    said = {token.access_token, token.token_type, token.scope, str(token.generation), token.extra["number"]}
    return len(said) == 1


def read_in_threads(secrets, threads, reads):
    reader = TokenReader(secret_prefix=PREFIX, secrets_client=secrets)
    wrong = []
    start = threading.Barrier(threads + 1)

    def read():
        start.wait()
        before = 0
        for _ in range(reads):
            token = reader.get(CONNECTION)
            if not is_whole(token) or token.generation < before or not token.is_fresh():
                wrong.append(token)
            before = token.generation

    running = [threading.Thread(target=read) for _ in range(threads)]
    for thread in running:
        thread.start()
    start.wait()
    began = time.monotonic()
    for thread in running:
        thread.join(60)
        assert not thread.is_alive()
    return wrong, time.monotonic() - began


@pytest.mark.parametrize(("threads", "reads"), [(20, 4000), (50, 1000)])
def test_threads_never_read_a_torn_older_or_expired_token_and_share_each_refresh(threads, reads):
    secrets = IntegerSecrets()
    wrong, took = read_in_threads(secrets, threads, reads)
    assert wrong == []
    # As long as this token is good nobody asks: a life is 0.3 s, with no margin that short.
    assert 1 <= secrets.reads <= math.ceil(took / LIFE_SECONDS) + 1


@pytest.mark.parametrize(("tasks", "reads"), [(20, 4000), (50, 1000)])
def test_tasks_never_read_a_torn_older_or_expired_token_and_share_each_refresh(tasks, reads):
    secrets = IntegerSecrets()
    wrong = []

    async def read(reader):
        before = 0
        for number in range(reads):
            token = await reader.get(CONNECTION)
            if not is_whole(token) or token.generation < before or not token.is_fresh():
                wrong.append(token)
            before = token.generation
            if number % 100 == 0:
                await asyncio.sleep(0)

    async def all_of_them():
        reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets)
        began = time.monotonic()
        await asyncio.gather(*(read(reader) for _ in range(tasks)))
        return time.monotonic() - began

    took = asyncio.run(all_of_them())
    assert wrong == []
    assert 1 <= secrets.reads <= math.ceil(took / LIFE_SECONDS) + 1


def test_ten_thousand_coroutines_that_ask_at_once_make_one_call():
    secrets = IntegerSecrets(life_seconds=3600)

    async def all_of_them():
        reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets)
        return await asyncio.gather(*(reader.get(CONNECTION) for _ in range(10_000)))

    tokens = asyncio.run(all_of_them())
    assert secrets.reads == 1
    assert len(tokens) == 10_000
    assert all(token is tokens[0] for token in tokens)


def test_ten_thousand_coroutines_share_one_failure_too():
    class Failing(IntegerSecrets):
        def get_secret_value(self, **given):
            super().get_secret_value(**given)
            return {
                "SecretString": json.dumps(
                    {"access_token": "x", "generation": 1, "expires_at": "2020-01-01T00:00:00Z"}
                )
            }

    secrets = Failing()

    async def all_of_them():
        reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets)
        asked = (reader.get(CONNECTION) for _ in range(10_000))
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = asyncio.run(all_of_them())
    assert secrets.reads == 1
    assert all(isinstance(outcome, TemporarilyUnavailableError) for outcome in outcomes)


@pytest.mark.parametrize("threads", [20, 50])
def test_threads_that_are_all_refused_the_same_generation_force_one_read(threads):
    secrets = IntegerSecrets(life_seconds=3600, takes_seconds=0.05)
    reader = TokenReader(secret_prefix=PREFIX, secrets_client=secrets)
    refused = reader.get(CONNECTION).generation
    newer = []
    start = threading.Barrier(threads)

    def reject():
        start.wait()
        newer.append(reader.reject(CONNECTION, refused).generation)

    running = [threading.Thread(target=reject) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(10)
    assert newer == [2] * threads
    assert secrets.reads == 2


def test_connections_do_not_wait_for_each_other():
    class OneIsSlow(IntegerSecrets):
        def __init__(self):
            super().__init__(life_seconds=3600, takes_seconds=0)
            self.release = threading.Event()
            self.is_waiting = threading.Event()

        def get_secret_value(self, **given):
            if given["SecretId"].endswith("slow"):
                self.is_waiting.set()
                self.release.wait(10)
            answer = json.loads(super().get_secret_value()["SecretString"])
            return {"SecretString": json.dumps({**answer, "connection_id": ""})}

    secrets = OneIsSlow()
    reader = TokenReader(secret_prefix=PREFIX, secrets_client=secrets)
    waiting = threading.Thread(target=reader.get, args=("con_slow",))
    waiting.start()
    assert secrets.is_waiting.wait(10)
    assert reader.get("con_quick").generation == 1
    assert waiting.is_alive()
    secrets.release.set()
    waiting.join(10)


def test_a_task_that_is_cancelled_leaves_the_others_their_token():
    secrets = IntegerSecrets(life_seconds=3600, takes_seconds=0.1)

    async def story():
        reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets)
        first = asyncio.create_task(reader.get(CONNECTION))
        second = asyncio.create_task(reader.get(CONNECTION))
        await asyncio.sleep(0.02)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(story()).generation == 1
    assert secrets.reads == 1


def test_a_reader_outlives_the_event_loop_that_it_first_ran_in():
    secrets = IntegerSecrets(life_seconds=3600, takes_seconds=0.05)
    reader = AsyncTokenReader(secret_prefix=PREFIX, secrets_client=secrets)

    async def given_up():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.get(CONNECTION), 0.001)

    asyncio.run(given_up())
    assert asyncio.run(reader.get(CONNECTION)).generation in (1, 2)


def test_a_loop_that_was_dropped_in_the_middle_holds_nobody_up():
    flights = AsyncSingleFlight()
    dropped = asyncio.new_event_loop()

    async def never():
        await asyncio.Event().wait()

    async def begin():
        task = asyncio.ensure_future(flights.run("key", never))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    left_behind = dropped.run_until_complete(begin())

    async def quick():
        return 7

    assert asyncio.run(flights.run("key", quick)) == 7
    left_behind.cancel()
    for task in asyncio.all_tasks(dropped):
        task.cancel()
    dropped.run_until_complete(asyncio.sleep(0))
    dropped.run_until_complete(asyncio.sleep(0))
    dropped.close()


def test_a_failure_nobody_waits_for_any_more_is_not_reported_as_lost(caplog):
    async def story():
        flights = AsyncSingleFlight()

        async def fails():
            await asyncio.sleep(0.01)
            raise TemporarilyUnavailableError("later")

        waiting = asyncio.create_task(flights.run("key", fails))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0.05)

    asyncio.run(story())
    assert caplog.records == []


def test_a_child_that_was_forked_in_the_middle_of_a_flight_makes_its_own():
    # In a process of its own: this one has threads, and a fork of it would warn.
    program = (
        "import os, signal, threading\nfrom evertoken.client.single_flight import SingleFlight\n"
        "flights, has_begun, may_end = SingleFlight(), threading.Event(), threading.Event()\n"
        "def work():\n    has_begun.set()\n    may_end.wait(10)\n"
        "leader = threading.Thread(target=lambda: flights.run('key', work))\n"
        "leader.start()\n"
        "has_begun.wait(10)\n"
        "if os.fork() == 0:\n"
        "    signal.alarm(5)\n"
        "    os._exit(0 if flights.run('key', lambda: 'done') == 'done' else 1)\n"
        "assert os.wait()[1] == 0\n"
        "may_end.set()\n"
    )
    where = os.pathsep.join(sys.path)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "PYTHONPATH": where},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_hook_that_reads_the_very_connection_is_told_so_and_holds_nobody_up(caplog):
    reader = TokenReader(
        secret_prefix=PREFIX,
        secrets_client=IntegerSecrets(life_seconds=60),
        on_operation=lambda _: reader.get(CONNECTION),
    )
    tokens = []
    # A daemon, so that a deadlock fails this test and nothing else.
    thread = threading.Thread(target=lambda: tokens.append(reader.get(CONNECTION)), daemon=True)
    thread.start()
    thread.join(10)
    assert [token.generation for token in tokens] == [1]
    assert "called back" in caplog.text


def test_a_leader_that_is_torn_away_is_followed_by_another():
    flights = SingleFlight()
    has_begun, may_end = threading.Event(), threading.Event()
    ends = []

    def torn():
        has_begun.set()
        may_end.wait(10)
        raise KeyboardInterrupt

    def lead():
        try:
            flights.run("key", torn)
        except KeyboardInterrupt:
            ends.append("torn")

    leader = threading.Thread(target=lead)
    leader.start()
    assert has_begun.wait(10)
    follower = threading.Thread(target=lambda: ends.append(flights.run("key", lambda: "done")))
    follower.start()
    time.sleep(0.02)
    may_end.set()
    leader.join(10)
    follower.join(10)
    assert sorted(ends) == ["done", "torn"]
