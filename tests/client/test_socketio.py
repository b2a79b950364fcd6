"""A Socket.IO connection against a real server: it outlives its tokens, and gives up where it must."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from evertoken.client import socketio as sockets
from evertoken.client import socketio_async, socketio_rules
from evertoken.client.errors import ConfigurationError, CredentialsError, TokenRejectedError, TransportError
from evertoken.client.session_async_tokens import AsyncSessionTokens
from evertoken.client.session_tokens import SessionTokens
from evertoken.client.socketio import AsyncSessionSocket, SessionSocket, SocketOptions
from evertoken.client.socketio_rules import NeedToken, Open, Pause, SocketRules
from tests.client.session_service import serving
from tests.client.socketio_server import serving_sockets

LIFETIME_SECONDS = 0.8
QUICK = SocketOptions(timeout_seconds=3)
BRIEF = SocketOptions(timeout_seconds=1)
"""For the tests that wait for it to pass."""


@pytest.fixture
def world(monkeypatch):
    """A service of sessions with short tokens, and a Socket.IO server that knows them; the waits between attempts are a tenth of a program's."""
    monkeypatch.setattr(socketio_rules, "FIRST_BACK_OFF_SECONDS", 0.05)
    monkeypatch.setattr(sockets, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(socketio_async, "_LOOK_SECONDS", 0.2)
    with (
        serving(lifetime_seconds=LIFETIME_SECONDS, grace_seconds=5, leeway_seconds=1) as (service, api),
        serving_sockets(service.expiries.get) as (server, address),
    ):
        yield service, api, server, address


def eventually(condition, seconds=5.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], None])
def test_a_connection_outlives_three_token_lifetimes_and_stays_in_its_room(world, transports):
    service, api, server, address = world
    ticks, joined = [], []
    options = SocketOptions(transports=transports, timeout_seconds=3)
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=options, settled_seconds=0.3)
        socket.on("tick", lambda count: ticks.append((time.monotonic(), count)))
        socket.on("joined_room", joined.append)
        with socket:
            socket.connect()
            socket.join("room-1", user_id="137", role="PATIENT")
            began = time.monotonic()
            eventually(lambda: server.kicked >= 3 and len(joined) >= 4, 30)
            assert socket.wait(0.2) is False
            ended = time.monotonic()
            assert ended - began > 3 * LIFETIME_SECONDS
            assert socket.call("echo", "still here") == "still here"
    # By polling too, closing does not wait for the poll that is under way.
    assert time.monotonic() - ended < 4
    assert server.kicked >= 3
    assert len(set(server.connects)) >= 4
    for payload in server.joins:
        assert (payload["room_id"], payload["user_id"], payload["role"]) == ("room-1", "137", "PATIENT")
        assert payload["token"] in server.connects
    gaps = [later[0] - earlier[0] for earlier, later in itertools.pairwise(ticks)]
    assert max([ticks[0][0] - began, *gaps, ended - ticks[-1][0]]) < LIFETIME_SECONDS
    assert service.reuses == 0


def test_a_connection_outlives_three_token_lifetimes_under_asyncio(world):
    service, api, server, address = world

    async def story():
        ticks = []
        async with AsyncSessionTokens(api, token=service.newest) as tokens:
            socket = AsyncSessionSocket(address, tokens, options=QUICK, settled_seconds=0.3)

            @socket.on("tick")
            async def tick(count):
                ticks.append(count)

            async with socket:
                await socket.connect()
                await socket.join("room-1", user_id="137")
                await asyncio.to_thread(eventually, lambda: server.kicked >= 3 and len(server.joins) >= 4, 30)
                seen = len(ticks)
                assert await socket.call("echo", {"a": 1}) == {"a": 1}
                await asyncio.to_thread(eventually, lambda: len(ticks) > seen)

    asyncio.run(story())
    assert server.kicked >= 3
    assert {payload["token"] for payload in server.joins} <= set(server.connects)
    assert len(set(server.connects)) >= 4


def test_a_token_that_the_server_does_not_take_is_refreshed_and_the_connection_comes_up(world):
    service, api, server, address = world
    service.lifetime *= 100
    stale = service.newest
    with SessionTokens(api, token=stale) as tokens:
        fresh = tokens.get_valid_token()
        del service.expiries[fresh]  # the Socket.IO server does not know it: revoked there
        service.is_valid = lambda token, lenient=False: True
        with sockets.connect(address, tokens, options=QUICK) as socket:
            assert socket.is_connected
    assert server.connects == [fresh, service.newest]
    assert service.refreshes == 2


def test_a_server_that_refuses_fresh_tokens_too_is_asked_twice(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.refusal = "Invalid token"
    with (
        SessionTokens(api, token=service.newest) as tokens,
        pytest.raises(TokenRejectedError, match="verifies"),
    ):
        sockets.connect(address, tokens, options=QUICK)
    assert len(server.connects) == len(set(server.connects)) == 2


def test_a_server_that_answers_401_before_socketio_is_asked_twice(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.http_status = 401
    with SessionTokens(api, token=service.newest) as tokens, pytest.raises(TokenRejectedError):
        sockets.connect(address, tokens, options=QUICK)
    assert service.refreshes == 2


def test_a_refusal_that_a_program_defines_is_one(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.refusal = "E4711"
    with SessionTokens(api, token=service.newest) as tokens, pytest.raises(TokenRejectedError):
        sockets.connect(address, tokens, options=QUICK, is_refusal=lambda told: "E4711" in str(told))


def test_a_refusal_that_is_not_the_tokens_fault_is_repeated_a_bounded_number_of_times(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.refusal = "room full"
    with SessionTokens(api, token=service.newest) as tokens, pytest.raises(TransportError, match="3 times"):
        sockets.connect(address, tokens, options=QUICK, attempts=3)
    assert (len(server.connects), service.refreshes) == (3, 1)


def test_a_room_that_refuses_the_token_gets_a_refreshed_one(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.room_refusals = [{"message": "token expired"}]
    errors, joined = [], []
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=QUICK)
        socket.on("error", errors.append)
        socket.on("joined_room", joined.append)
        with socket:
            socket.connect()
            socket.join("room-1")
            eventually(lambda: joined)
    assert errors == [{"message": "token expired"}]
    first, second = (payload["token"] for payload in server.joins)
    assert first != second == service.newest


def test_an_error_about_something_else_disturbs_nothing(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.room_refusals = ["invalid room", {"message": "the meeting has expired"}]
    errors = []
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=QUICK)
        socket.on("error", errors.append)
        with socket:
            socket.connect()
            socket.join("room-1")
            socket.join("room-2")
            eventually(lambda: len(errors) == 2)
            assert socket.call("echo", 1) == 1
    assert (len(server.connects), service.refreshes) == (1, 1)


def test_a_room_that_refuses_every_token_ends_the_socket(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.room_refusals = ["unauthorized"] * 100
    with (
        SessionTokens(api, token=service.newest) as tokens,
        sockets.connect(address, tokens, options=QUICK) as socket,
    ):
        socket.join("room-1")
        with pytest.raises(TokenRejectedError):
            socket.wait(10)
    assert len(server.joins) == 2


def test_a_connection_that_the_network_cuts_comes_back_with_the_same_token(world):
    service, api, server, address = world
    service.lifetime *= 100
    ends = []
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=QUICK, settled_seconds=0)
        socket.on("disconnect", ends.append)
        with socket:
            socket.connect()
            server.break_connections()
            eventually(lambda: len(server.connects) == 2)
            eventually(lambda: socket.is_connected)
            assert socket.call("echo", 1) == 1
    assert len(set(server.connects)) == 1
    assert ends[0] != "client disconnect"


def test_a_server_that_throws_everybody_out_at_once_ends_the_socket_after_the_attempts(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.kicks_at_once = True
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=SocketOptions(timeout_seconds=0.5), attempts=3)

        def connect_and_wait():
            socket.connect()
            socket.wait(20)

        # Which of the two calls learns of it depends on how quick the server is.
        with socket, pytest.raises(TransportError, match="3 times"):
            connect_and_wait()
    assert len(server.connects) == 3


def test_a_server_that_disconnects_in_the_middle_of_connecting_is_noticed(world):
    service, api, server, address = world
    service.lifetime *= 100
    server.kicks_while_connecting = 2
    with SessionTokens(api, token=service.newest) as tokens:
        socket = SessionSocket(address, tokens, options=SocketOptions(timeout_seconds=0.6))
        socket.on("connect", lambda: time.sleep(0.2))
        with socket:
            socket.connect()
            eventually(lambda: len(server.sockets) == 1, 15)
            eventually(lambda: socket.is_connected)
            assert socket.call("echo", 1) == 1
    assert len(server.connects) == 3


def test_under_asyncio_a_server_that_disconnects_in_the_middle_of_connecting_is_noticed(world):
    async def story(service, server, address, tokens):
        server.kicks_while_connecting = 2
        socket = AsyncSessionSocket(address, tokens, options=SocketOptions(timeout_seconds=0.6))
        socket.on("connect", lambda: asyncio.sleep(0.2))
        async with socket:
            await socket.connect()
            await asyncio.to_thread(eventually, lambda: len(server.sockets) == 1 and socket.is_connected, 15)
            assert await socket.call("echo", 1) == 1
        return server.connects

    assert len(run_async(world, story)) == 3


def test_the_end_of_the_session_ends_the_socket(world):
    service, api, _, address = world
    with (
        SessionTokens(api, token=service.newest) as tokens,
        sockets.connect(address, tokens, options=QUICK) as socket,
    ):
        service.is_over = True
        with pytest.raises(CredentialsError, match="Log in again"):
            socket.wait(10)
        assert not socket.is_connected


class OwnTokens:
    """A program's own class, whose network fails in its own way."""

    def __init__(self, token):
        self._token = token
        self.failure = None

    def get_valid_token(self):
        if self.failure is not None:
            raise self.failure
        return self._token

    def refresh(self, refused):
        return self.get_valid_token()


def test_what_a_programs_own_tokens_raise_while_reconnecting_is_told_by_wait(world):
    service, _, server, address = world
    service.lifetime *= 100
    tokens = OwnTokens(service.newest)
    service.expiries[service.newest] += timedelta(hours=1)
    with sockets.connect(address, tokens, options=BRIEF) as socket:
        tokens.failure = RuntimeError("the program's own failure")
        server.break_connections()
        with pytest.raises(RuntimeError, match="own failure"):
            socket.wait(10)
        with pytest.raises(TransportError, match=r"connect\(\)"):
            socket.emit("echo", 1)


def test_closing_ends_a_wait_between_attempts_at_once(world, monkeypatch):
    service, api, server, address = world
    service.lifetime *= 100
    with SessionTokens(api, token=service.newest) as tokens:
        socket = sockets.connect(address, tokens, options=QUICK)
        monkeypatch.setattr(socketio_rules, "FIRST_BACK_OFF_SECONDS", 30)
        server.break_connections()
        eventually(lambda: not socket.is_connected)
        time.sleep(0.1)
        began = time.monotonic()
        socket.close()
        assert time.monotonic() - began < 1
        assert socket.wait(1) is True
    assert len(server.connects) == 1
    assert not [one for one in threading.enumerate() if one.name == "evertoken-socket"]


def test_a_handler_given_after_connecting_is_called_too(world):
    service, api, _, address = world
    ticks = []
    with (
        SessionTokens(api, token=service.newest) as tokens,
        sockets.connect(address, tokens, options=QUICK) as socket,
    ):
        socket.on("tick", ticks.append)
        socket.join("room-1")
        eventually(lambda: ticks)


def test_an_event_without_a_connection_says_so():
    socket = SessionSocket("https://video.example.com", None, options=SocketOptions(timeout_seconds=0.01))
    with pytest.raises(TransportError, match=r"connect\(\)"):
        socket.emit("echo", 1)


def run_async(world, story):
    service, api, server, address = world
    service.lifetime *= 100

    async def main():
        async with AsyncSessionTokens(api, token=service.newest) as tokens:
            return await asyncio.wait_for(story(service, server, address, tokens), 20)

    return asyncio.run(main())


def test_under_asyncio_a_server_that_refuses_fresh_tokens_too_is_asked_twice(world):
    async def story(service, server, address, tokens):
        server.refusal = "jwt expired"
        with pytest.raises(TokenRejectedError):
            await sockets.connect_async(address, tokens, options=QUICK)
        return server.connects

    connects = run_async(world, story)
    assert len(connects) == len(set(connects)) == 2


def test_under_asyncio_a_cut_connection_comes_back_and_a_refused_room_gets_a_refreshed_token(world):
    async def story(service, server, address, tokens):
        joined = asyncio.Queue()
        socket = AsyncSessionSocket(address, tokens, options=QUICK, settled_seconds=0)
        socket.on("joined_room", joined.put_nowait)
        async with socket:
            await socket.connect()
            await socket.join("room-1")
            await joined.get()
            server.room_refusals = ["token expired"]
            server.break_connections()
            await joined.get()
            assert await socket.call("echo", 1) == 1
        return [payload["token"] for payload in server.joins]

    first, again, refreshed = run_async(world, story)
    assert first == again != refreshed


def test_under_asyncio_the_end_of_the_session_ends_the_socket(world):
    async def story(service, server, address, tokens):
        async with await sockets.connect_async(address, tokens, options=BRIEF) as socket:
            service.is_over = True
            server.find_end = lambda _: None
            with pytest.raises(CredentialsError):
                await socket.wait()
            with pytest.raises(TransportError):
                await asyncio.wait_for(socket.emit("echo"), 5)

    run_async(world, story)


def test_under_asyncio_closing_ends_a_wait_between_attempts_at_once(world, monkeypatch):
    async def story(service, server, address, tokens):
        socket = await sockets.connect_async(address, tokens, options=QUICK)
        monkeypatch.setattr(socketio_rules, "FIRST_BACK_OFF_SECONDS", 30)
        server.break_connections()
        await asyncio.to_thread(eventually, lambda: not socket.is_connected)
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await socket.close()
        await socket.wait()
        return time.monotonic() - began, [task.get_name() for task in asyncio.all_tasks()]

    seconds, tasks = run_async(world, story)
    assert seconds < 1
    assert "evertoken-socket" not in tasks


@pytest.mark.parametrize(
    "address", ["http://192.168.43.59:8086", "ws://video.example.com", "video.example.com"]
)
def test_a_token_is_not_sent_in_the_clear(address):
    with pytest.raises(ConfigurationError, match="https"):
        SessionSocket(address, None)


def test_the_waits_double_up_to_half_a_minute_and_a_connection_that_lasted_forgets_them():
    now = [0.0]
    rules = SocketRules(
        attempts=9,
        is_refusal=lambda _: False,
        settled_seconds=10,
        monotonic=lambda: now[0],
        random=lambda: 1.0,
    )

    def run(answers):
        steps, waited, answer = rules.open(), [], None
        try:
            while True:
                command = steps.send(answer)
                if isinstance(command, Pause):
                    waited.append(command.seconds)
                answer = {
                    NeedToken: lambda: "t",
                    Open: lambda: [] if answers.pop(0) else ["down"],
                    Pause: lambda: None,
                }[type(command)]()
        except StopIteration:
            return waited

    assert run([False] * 8 + [True]) == [0.5, 1, 2, 4, 8, 16, 30, 30]
    now[0] += 11
    assert run([True]) == []
    now[0] += 9
    assert run([True]) == [0.5]


def test_refusals_are_told_in_many_forms():
    told = Counter(
        sockets.says_refused(message)
        for message in (
            "jwt expired",
            {"message": "Unauthorized"},
            {"code": 1, "data": ["Invalid token"]},
            "room full",
            None,
        )
    )
    assert told == {True: 3, False: 2}
