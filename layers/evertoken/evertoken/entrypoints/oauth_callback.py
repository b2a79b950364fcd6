"""The public route to which providers send browsers back. It shows nothing of what they brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from evertoken import bootstrap_api
from evertoken.domain.errors import InvalidStateError
from evertoken.entrypoints.api import Api, Request, Route
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.json_body import get_text
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import OAuthCallbackSettings
from evertoken.usecases.receive_callback import CallbackDependencies, receive_callback

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Please start again</title></head>
<body><h1>Please start again</h1>
<p>This sign-in cannot be continued: it was used already, it took too long, or it was not started here.</p>
<p>Close this page and start again from where you came.</p></body></html>
"""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every branch says: no copy, no referrer with a code in it, no content of others, no frame (RFC 9700 sections 4.2.4 and 4.16)."""


def callback_routes(deps: CallbackDependencies) -> tuple[Route, ...]:
    """Return the callback's routes: some providers send the browser with GET, some make it POST a form."""

    def receive(request: Request) -> Answer:
        if request.event.method == "POST":
            if request.event.content_type() != "application/x-www-form-urlencoded" or request.event.raw_query:
                raise InvalidStateError("This is not a form that a provider posts here.")
            raw = get_text(request.event)
        else:
            raw = request.event.raw_query
        received = receive_callback(deps, registration_id=request.path["registration_id"], raw_parameters=raw)
        return Answer(
            status=303,
            headers={**HEADERS, "Location": received.location},
            logged={"outcome": received.status.value, "callback_tenant": received.tenant_id},
        )

    rule = "/v1/oauth/callback/{registration_id}"
    return tuple(Route(key=f"{method} {rule}", handle=receive, refuse=_refuse) for method in ("GET", "POST"))


def _refuse(answer: Answer) -> Answer:
    """Return the refusal as a page that is always the same: whoever reads it is a browser's user."""
    is_ours = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    status = answer.status if is_ours else HTTPStatus.BAD_REQUEST.value
    return replace(answer, status=status, body=None, html=PAGE, headers={**answer.headers, **HEADERS})


def build_oauth_callback(environ: Mapping[str, str]) -> Api:
    """Return the callback for this environment. Raises ConfigurationError."""
    settings = OAuthCallbackSettings.from_env(environ)
    dependencies = bootstrap_api.build_callback(settings)
    return Api(
        callback_routes(dependencies),
        verifier=None,
        public_base_url=settings.public_base_url,
        function_timeout_seconds=settings.function_timeout_seconds,
        clock=dependencies.clock,
        telemetry=Telemetry(stage=settings.stage, service="oauth_callback"),
    )
