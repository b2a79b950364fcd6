"""The API of one function: its routes, and what every route has in common (who is calling, the envelope, the log line).

The gateway has matched the path already and names the route in its event, so there is nothing to match again. Nothing of a request is kept
in the object: requests may be answered at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from evertoken.domain.authorization import Caller
from evertoken.domain.errors import EvertokenError
from evertoken.entrypoints.audit_log import AuditTelemetry, target_of, write_audit
from evertoken.entrypoints.bearer import TokenVerifier, get_caller, require_scope, tenant_of
from evertoken.entrypoints.http_answer import INTERNAL_MESSAGE, Answer, envelope, error_answer, write_answer
from evertoken.entrypoints.http_event import LARGEST_BODY, HttpEvent, parse_parameters, read_event
from evertoken.entrypoints.invocation import LambdaContext, invocation_of
from evertoken.entrypoints.request_log import LineLogger, log_request
from evertoken.ports import Clock
from evertoken.usecases.invocation import Invocation

if TYPE_CHECKING:
    # Every API imports this, token_reader too, which has no use for what the ports beside it speak of.
    from evertoken.control_ports import AuditTrail


class RequestTelemetry(AuditTelemetry, Protocol):
    """Where the line of a request and the metrics of an invocation go."""

    @property
    def logger(self) -> LineLogger:
        """Where the lines go."""

    def flush(self) -> None:
        """Write the metrics of this invocation."""


class Admission(Protocol):
    """Decides whether a caller whose token is good may go on."""

    def admit(self, caller: Caller) -> None:
        """Let the caller pass. Raises AuthenticationError (revoked), RateLimitedError, StoreUnavailableError."""


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


def _unchanged(answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route; *key* as template.yaml and the gateway write it. Without *scope* it is public. *action* is what the audit calls it, and is there on every
    route that changes something. *refuse* may change how a refusal looks.
    """

    key: str
    handle: Callable[[Request], Answer]
    scope: str | None = None
    or_scope: str | None = None
    action: str | None = None
    largest_body: int = LARGEST_BODY
    refuse: Callable[[Answer], Answer] = _unchanged


class Api:
    """The routes of one function, as Lambda calls them."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        *,
        verifier: TokenVerifier | None,
        public_base_url: str,
        function_timeout_seconds: float,
        clock: Clock,
        telemetry: RequestTelemetry,
        admission: Admission | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        self.routes = {route.key: route for route in routes}
        self._verifier = verifier
        self._public_base_url = public_base_url
        self._function_timeout_seconds = function_timeout_seconds
        self._clock = clock
        self._telemetry = telemetry
        self._admission = admission
        self._audit = audit

    def handle(self, raw: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one event and write its log line."""
        began = time.monotonic()
        route = self.routes.get(str(raw.get("routeKey")), _NO_ROUTE)
        event = read_event(raw, largest_body=route.largest_body)
        known: Caller | None = None
        caller: Caller | None = None
        fault: Exception | None = None
        try:
            base_url = event.base_url(self._public_base_url)
            known = self._find_caller(route, event, base_url)
            if known is not None and self._admission is not None:
                self._admission.admit(known)
            # Whoever is not let pass is named in the log alone: an audit entry for each request too many would cost what refusing them saves.
            caller = known
            if caller is not None and route.scope is not None:
                require_scope(caller, route.scope, route.or_scope)
            request = Request(
                event=event,
                path=raw.get("pathParameters") or {},
                caller=caller,
                base_url=base_url,
                invocation=invocation_of(
                    context,
                    function_timeout_seconds=self._function_timeout_seconds,
                    clock=self._clock,
                    actor="" if caller is None else caller.client_id,
                    correlation_id=event.correlation_id,
                ),
            )
            answer = route.handle(request)
        except EvertokenError as error:
            fault = error if error.code == "INTERNAL" else None
            answer = route.refuse(error_answer(error, event.correlation_id))
        except Exception as error:  # noqa: BLE001  # the one place that catches all: its text stays inside
            fault = error
            answer = route.refuse(envelope("INTERNAL", INTERNAL_MESSAGE, correlation_id=event.correlation_id))
        if self._audit is not None and caller is not None and route.action is not None:
            write_audit(
                self._audit,
                self._telemetry,
                event,
                answer,
                action=route.action,
                caller=caller,
                target=target_of(answer, raw.get("pathParameters") or {}),
                now=self._clock.now(),
            )
        log_request(
            self._telemetry.logger,
            event,
            answer,
            route=route.key,
            duration_ms=round((time.monotonic() - began) * 1000),
            tenant_id=None if known is None else known.tenant_id,
            client_id=None if known is None else known.client_id,
            connection_id=(raw.get("pathParameters") or {}).get("connection_id"),
            fault=fault,
        )
        self._telemetry.flush()
        return write_answer(answer, event.correlation_id)

    def _find_caller(self, route: Route, event: HttpEvent, issuer: str) -> Caller | None:
        """Return who is calling, verified; None on a public route alone. Whether it may go on is looked at when it is known, for the log's sake."""
        if route.scope is None:
            return None
        assert self._verifier is not None
        return get_caller(self._verifier, event, issuer=issuer)


def _no_route(request: Request) -> Answer:
    return envelope("NOT_FOUND", "There is no such route.", correlation_id=request.event.correlation_id)


_NO_ROUTE = Route(key="none", handle=_no_route)
