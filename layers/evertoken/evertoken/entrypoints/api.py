"""The API of one function: routes, and what every route has in common (who is calling, the envelope, the log line).

Powertools matches the path; all else is ours, so that the reader of tokens, which cannot afford Powertools, answers alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from evertoken.domain.authorization import Caller
from evertoken.domain.errors import EvertokenError
from evertoken.entrypoints.bearer import TokenVerifier, get_caller, tenant_of
from evertoken.entrypoints.http_answer import INTERNAL_MESSAGE, Answer, envelope, error_answer, write_answer
from evertoken.entrypoints.http_event import HttpEvent, parse_parameters, read_event
from evertoken.entrypoints.request_log import LineLogger, log_request
from evertoken.ports import Clock
from evertoken.usecases.invocation import Invocation


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the platform lets this invocation live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a route is given; *caller* is None on public routes alone."""

    event: HttpEvent
    path: Mapping[str, str]
    caller: Caller | None
    base_url: str
    invocation: Invocation

    @property
    def tenant_id(self) -> str:
        """The caller's tenant. Raises AuthorizationError: the caller has none."""
        return tenant_of(self.caller)

    def query(self) -> dict[str, str]:
        """Return the query's parameters. Raises InvalidInputError."""
        return parse_parameters(self.event.raw_query)


Handle = Callable[[Request], Answer]
Refuse = Callable[[Answer], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route; *rule* as OpenAPI writes it. A route without *scope* is public. *refuse* may change how a refusal looks."""

    method: str
    rule: str
    handle: Handle
    scope: str | None = None
    refuse: Refuse = field(default=lambda answer: answer)


class Api:
    """A Lambda handler for an HTTP API: call it with event and context."""

    def __init__(
        self, routes: tuple[Route, ...], *, verifier: TokenVerifier | None, public_base_url: str, clock: Clock, logger: LineLogger
    ) -> None:
        self._verifier = verifier
        self._public_base_url = public_base_url
        self._clock = clock
        self._logger = logger
        self._resolver = APIGatewayHttpResolver()
        self._resolver.not_found(lambda _: self._answer(_NO_ROUTE, {}))
        for route in routes:
            self._add(route)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one event."""
        self._resolver.append_context(event=read_event(event), context=context)
        return self._resolver.resolve(event, context)

    def _add(self, route: Route) -> None:
        def handle(**path: str) -> Response[str]:
            return self._answer(route, path)

        rule = route.rule.replace("{", "<").replace("}", ">")
        self._resolver.route(rule, method=route.method)(handle)

    def _answer(self, route: Route, path: Mapping[str, str]) -> Response[str]:
        began = time.monotonic()
        event: HttpEvent = self._resolver.context["event"]
        caller: Caller | None = None
        fault: Exception | None = None
        try:
            base_url = event.base_url(self._public_base_url)
            if route.scope is not None:
                assert self._verifier is not None
                caller = get_caller(self._verifier, event, issuer=base_url, scope=route.scope)
            request = Request(event=event, path=path, caller=caller, base_url=base_url, invocation=self._invocation())
            answer = route.handle(request)
        except EvertokenError as error:
            fault = error if error.code == "INTERNAL" else None
            answer = route.refuse(error_answer(error, event.correlation_id))
        except Exception as error:
            # The one place that catches everything: whatever it was, its text stays inside.
            fault = error
            answer = route.refuse(envelope("INTERNAL", INTERNAL_MESSAGE, correlation_id=event.correlation_id))
        log_request(
            self._logger,
            event,
            answer,
            route=f"{route.method} {route.rule}",
            duration_ms=round((time.monotonic() - began) * 1000),
            tenant_id=None if caller is None else caller.tenant_id,
            client_id=None if caller is None else caller.client_id,
            fault=fault,
        )
        written = write_answer(answer, event.correlation_id)
        return Response(status_code=written["statusCode"], headers=written["headers"], body=written["body"])

    def _invocation(self) -> Invocation:
        context: LambdaContext = self._resolver.context["context"]
        left = context.get_remaining_time_in_millis() / 1000
        return Invocation(started_at=self._clock.now(), ends_at=self._clock.monotonic() + left)


def _no_route(request: Request) -> Answer:
    return envelope("NOT_FOUND", "There is no such route.", correlation_id=request.event.correlation_id)


_NO_ROUTE = Route(method="*", rule="*", handle=_no_route)
