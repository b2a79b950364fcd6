"""A python-socketio server on loopback that takes connections and rooms only with a living token, and ends a connection when its token ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import socketio
from aiohttp import web

TICK_SECONDS = 0.05


class SocketServer:
    """What the server saw, and what it does other than usual."""

    def __init__(self, find_end: Callable[[str], datetime | None]) -> None:
        self.find_end = find_end
        self.connects: list[str] = []
        self.joins: list[dict[str, Any]] = []
        self.kicked = 0
        self.refusal: Any = None
        self.room_refusals: list[Any] = []
        self.kicks_at_once = False
        self.kicks_while_connecting = 0
        self.http_status = 0
        self.sockets: dict[str, str] = {}
        self.server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=[])
        self.server.on("connect", self._connect)
        self.server.on("join_room", self._join_room)
        self.server.on("disconnect", self._disconnect)
        self.server.on("echo", self._echo)
        self.transports: set[Any] = set()
        self.loop: asyncio.AbstractEventLoop | None = None

    def break_connections(self) -> None:
        """Cut every connection without a word, as a network does."""

        assert self.loop is not None
        for transport in list(self.transports):
            self.loop.call_soon_threadsafe(transport.abort)

    def living(self, token: str) -> bool:
        end = self.find_end(token)
        return end is not None and datetime.now(UTC) < end

    async def tick(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            count += 1
            await self.server.emit("tick", count, room="room-1")
            for sid, token in list(self.sockets.items()):
                if not self.living(token) or self.kicks_at_once:
                    self.kicked += 1
                    await self.server.disconnect(sid)

    async def _connect(self, sid: str, _: Any, auth: Any = None) -> None:
        token = (auth or {}).get("token", "")
        self.connects.append(token)
        if self.refusal is not None:
            raise socketio.exceptions.ConnectionRefusedError(self.refusal)
        if not self.living(token):
            raise socketio.exceptions.ConnectionRefusedError("token expired")
        if self.kicks_while_connecting:
            self.kicks_while_connecting -= 1
            self.kicking = asyncio.create_task(self.server.disconnect(sid))
            return
        self.sockets[sid] = token

    async def _disconnect(self, sid: str, _: Any = None) -> None:
        self.sockets.pop(sid, None)

    async def _join_room(self, sid: str, data: dict[str, Any]) -> None:
        self.joins.append(data)
        if self.room_refusals:
            await self.server.emit("error", self.room_refusals.pop(0), to=sid)
            return
        await self.server.enter_room(sid, data["room_id"])
        await self.server.emit("joined_room", {"room_id": data["room_id"]}, to=sid)

    async def _echo(self, _: str, data: Any) -> Any:
        return data


@contextmanager
def serving_sockets(find_end: Callable[[str], datetime | None]) -> Iterator[tuple[SocketServer, str]]:
    """A server and its address."""
    ready, stop = threading.Event(), asyncio.Event()
    addresses: list[str] = []
    server = SocketServer(find_end)

    async def main() -> None:
        server.loop = asyncio.get_running_loop()

        @web.middleware
        async def gate(request: web.Request, handler: Any) -> web.StreamResponse:
            server.transports.add(request.transport)
            if server.http_status:
                return web.json_response({"message": "no"}, status=server.http_status)
            return await handler(request)

        application = web.Application(middlewares=[gate])
        server.server.attach(application)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        ticking = asyncio.create_task(server.tick())
        ready.set()
        await stop.wait()
        ticking.cancel()
        await server.server.shutdown()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server, addresses[0]
    finally:
        server.loop.call_soon_threadsafe(stop.set)  # type: ignore[union-attr]
        thread.join(10)
