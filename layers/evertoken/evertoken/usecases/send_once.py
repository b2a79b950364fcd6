"""Ask a provider something that may reach it once at most."""

from __future__ import annotations

from typing import Protocol

from evertoken.domain.http import HttpExchange, HttpRequest, NotSent
from evertoken.ports import Clock, ProviderTransport
from evertoken.usecases.invocation import Invocation, Timing

CONNECT_TRIES = 2
"""How often a request is made of which nothing can have reached the provider."""


class SendingDependencies(Protocol):
    """What asking needs."""

    @property
    def transport(self) -> ProviderTransport:
        """Sends requests to providers."""

    @property
    def clock(self) -> Clock:
        """Says what time it is."""

    @property
    def timing(self) -> Timing:
        """The budgets."""


def send_once(deps: SendingDependencies, request: HttpRequest, *, invocation: Invocation) -> HttpExchange:
    """Send the request so that it reaches the provider at most once: it is repeated only when nothing of it was sent.

    The time that storing the answer needs is kept back.
    """
    exchange: HttpExchange = NotSent(reason="not_tried")
    for _ in range(CONNECT_TRIES):
        left = invocation.remaining_seconds(deps.clock) - deps.timing.commit_budget_seconds
        if left <= 0:
            break
        exchange = deps.transport.send(request, timeout_seconds=min(deps.timing.http_total_seconds, left))
        if not isinstance(exchange, NotSent):
            break
    return exchange
