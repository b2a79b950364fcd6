"""The blocking client of the API: `client.connections.list(user_id="u-17")`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from evertoken.client import resources, steps
from evertoken.client.api_call import ApiCall
from evertoken.client.api_client_base import ClientBase, ClientOptions
from evertoken.client.api_exchange import ApiAnswer, ApiRequest, NeedBearer
from evertoken.client.api_steps import Command, Pause, SignAsRole
from evertoken.client.api_transport import answer_of, build_request, needs_h2, unanswered
from evertoken.client.operation import observed
from evertoken.client.paging import Pages
from evertoken.client.retry_policy import RetryPolicy
from evertoken.client.single_flight import SingleFlight

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class EvertokenClient(ClientBase):
    """Every route of the API, by group. Safe under threads: make one, share it, and close it or use it in a `with`.

    Every method raises EvertokenClientError and nothing else. Raises: ConfigurationError.
    """

    def __init__(
        self,
        base_url: str,
        *,
        _now: Callable[[], float] = time.time,
        _sleep: Callable[[float], None] = time.sleep,
        _policy: RetryPolicy | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(base_url, _now=_now, _policy=_policy, **options)
        self._sleep = _sleep
        self._flights = SingleFlight()
        try:
            self._http = httpx.Client(timeout=self._timeout, limits=self._limits, http2=self._http2)
        except ImportError as error:
            raise needs_h2() from error
        self.connections = resources.Connections(self)
        self.jobs = resources.Jobs(self)
        self.schedules = resources.Schedules(self)
        self.sessions = resources.Sessions(self)
        self.statistics = resources.Statistics(self)
        self.audit = resources.Audit(self)
        self.providers = resources.Providers(self)
        self.registrations = resources.Registrations(self)
        self.tenants = resources.Tenants(self)
        self.api_clients = resources.ApiClients(self)
        self.access_tokens = resources.AccessTokens(self)
        self.service = resources.Service(self)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, call: ApiCall[Answer]) -> Answer:
        """Make *call* and return what its answer becomes; the groups' methods do so."""
        correlation_id = self._new_correlation_id()
        with observed(call.name, self._on_operation, correlation_id=correlation_id):
            return steps.run(self._steps(call, correlation_id), self._perform)

    def iterate(self, pages: Pages[Any, Item]) -> Iterator[Item]:
        """Go through the items of all pages; the groups' methods do so."""
        cursor: str | None = None
        while True:
            page = self.run(pages.call(cursor))
            yield from pages.items(page)
            cursor = pages.next_cursor(page, after=cursor)
            if cursor is None:
                return

    def _perform(self, command: Command) -> Any:
        match command:
            case ApiRequest():
                return self._send(command)
            case NeedBearer(refused=refused):
                return self._flights.run(
                    command, lambda: steps.run(self._exchange_steps(refused), self._perform)
                )
            case SignAsRole(request=request):
                return self._signer.sign(request)
            case Pause(seconds=seconds):
                return self._sleep(seconds)

    def _send(self, request: ApiRequest) -> ApiAnswer:
        try:
            built = build_request(self._http, self._base_url, request)
            return answer_of(self._http.send(built, follow_redirects=False))
        except httpx.HTTPError as error:
            raise unanswered(self._base_url, request, error) from error
