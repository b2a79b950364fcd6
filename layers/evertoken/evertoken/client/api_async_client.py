"""The client of the API for asyncio: `await client.connections.list(user_id="u-17")`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from evertoken.client import resources, steps
from evertoken.client.api_call import ApiCall
from evertoken.client.api_client_base import ClientBase, ClientOptions
from evertoken.client.api_exchange import ApiAnswer, ApiRequest, NeedBearer
from evertoken.client.api_steps import Command, Pause, SignAsRole
from evertoken.client.api_transport import answer_of, build_request, needs_h2, unanswered
from evertoken.client.async_single_flight import AsyncSingleFlight
from evertoken.client.operation import observed
from evertoken.client.paging import Pages
from evertoken.client.retry_policy import RetryPolicy

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class AsyncEvertokenClient(ClientBase):
    """EvertokenClient for asyncio: the same groups and methods, which are awaited; lists are gone through with `async for`.

    Every method raises EvertokenClientError and nothing else. Raises: ConfigurationError.
    """

    def __init__(
        self,
        base_url: str,
        *,
        _now: Callable[[], float] = time.time,
        _sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        _policy: RetryPolicy | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(base_url, _now=_now, _policy=_policy, **options)
        self._sleep = _sleep
        self._flights = AsyncSingleFlight()
        self._http: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.connections = resources.AsyncConnections(self)
        self.jobs = resources.AsyncJobs(self)
        self.schedules = resources.AsyncSchedules(self)
        self.sessions = resources.AsyncSessions(self)
        self.statistics = resources.AsyncStatistics(self)
        self.audit = resources.AsyncAudit(self)
        self.providers = resources.AsyncProviders(self)
        self.registrations = resources.AsyncRegistrations(self)
        self.tenants = resources.AsyncTenants(self)
        self.api_clients = resources.AsyncApiClients(self)
        self.access_tokens = resources.AsyncAccessTokens(self)
        self.service = resources.AsyncService(self)

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        if self._http is not None and self._loop is asyncio.get_running_loop():
            await self._http.aclose()
            self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def run(self, call: ApiCall[Answer]) -> Answer:
        """Make *call* and return what its answer becomes; the groups' methods do so."""
        correlation_id = self._new_correlation_id()
        with observed(call.name, self._on_operation, correlation_id=correlation_id):
            return await steps.run_async(self._steps(call, correlation_id), self._perform)

    async def iterate(self, pages: Pages[Any, Item]) -> AsyncIterator[Item]:
        """Go through the items of all pages; the groups' methods do so."""
        cursor: str | None = None
        while True:
            page = await self.run(pages.call(cursor))
            for item in pages.items(page):
                yield item
            cursor = pages.next_cursor(page, after=cursor)
            if cursor is None:
                return

    async def _perform(self, command: Command) -> Any:
        match command:
            case ApiRequest():
                return await self._send(command)
            case NeedBearer(refused=refused):
                return await self._flights.run(
                    command, lambda: steps.run_async(self._exchange_steps(refused), self._perform)
                )
            case SignAsRole(request=request):
                # It may ask AWS for the role's credentials, which blocks.
                return await asyncio.to_thread(self._signer.sign, request)
            case Pause(seconds=seconds):
                return await self._sleep(seconds)

    async def _send(self, request: ApiRequest) -> ApiAnswer:
        client = self._client()
        try:
            built = build_request(client, self._base_url, request)
            return answer_of(await client.send(built, follow_redirects=False))
        except httpx.HTTPError as error:
            raise unanswered(self._base_url, request, error) from error

    def _client(self) -> httpx.AsyncClient:
        """Return the client of this event loop: connections that another loop made, in an earlier invocation say, are of no use here."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            try:
                self._http = httpx.AsyncClient(timeout=self._timeout, limits=self._limits, http2=self._http2)
            except ImportError as error:
                raise needs_h2() from error
            self._loop = loop
        return self._http
