"""The API functions in this process: the handlers' own wiring, on an AWS account that moto plays, against providers that speak real HTTP."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from evertoken.adapters.idle_connections import IdleConnections
from evertoken.entrypoints.auth_api import build_auth_api
from evertoken.entrypoints.connections_api import build_connections_api
from evertoken.entrypoints.oauth_callback import build_oauth_callback
from evertoken.entrypoints.operations_api import build_operations_api
from evertoken.entrypoints.registrations_api import build_registrations_api
from evertoken.entrypoints.token_reader import build_token_reader
from tests.support.aws_account import OPERATOR_SECRET, AwsAccount, empty_account, open_aws_account

DOMAIN = "api.evertoken.example"
RETURN_URL = "https://app.example/connected?tab=1"


BUILDERS: dict[str, Any] = {
    "auth_api": build_auth_api,
    "connections_api": build_connections_api,
    "registrations_api": build_registrations_api,
    "oauth_callback": build_oauth_callback,
    "operations_api": build_operations_api,
    "token_reader": build_token_reader,
}


@dataclass(frozen=True, kw_only=True)
class HttpResult:
    """An answer as a caller sees it."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of the error envelope."""
        return self.json["error"]["code"]


class LambdaContext:
    """What the handlers use of Lambda's context."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, seconds: float = 27.9) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(self._seconds * 1000)


@dataclass(kw_only=True)
class ControlPlane:
    """The API's functions and what was made in them."""

    account: AwsAccount
    environ: dict[str, str]
    functions: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        form: str | None = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        domain: str = DOMAIN,
        seconds: float = 27.9,
        signed_by: str | None = None,
    ) -> HttpResult:
        """Send one request through the function that has the route; *signed_by* is the ARN that the gateway would name."""
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["authorization"] = f"Bearer {token}"
        raw: str | None = None
        if form is not None:
            all_headers.setdefault("content-type", "application/x-www-form-urlencoded")
            raw = form
        elif body is not None:
            all_headers.setdefault("content-type", "application/json")
            raw = body if isinstance(body, str) else json.dumps(body)
        function = self.functions[self.function_of(method, path)]
        event = make_event(method, path, headers=all_headers, query=query, body=raw, domain=domain)
        event["routeKey"], event["pathParameters"] = match_route(tuple(function.routes), method, path)
        if signed_by is not None:
            event["requestContext"]["authorizer"] = {"iam": {"accountId": "1", "userArn": signed_by}}
        answer = function.handle(event, LambdaContext(seconds))
        return HttpResult(
            status=answer["statusCode"], headers=answer["headers"], text=answer.get("body") or ""
        )

    def function_of(self, method: str, path: str) -> str:
        """Which function has the route, of several that match the one with the fewest parameters."""
        matches = {
            name: match_route(tuple(function.routes), method, path)[0]
            for name, function in self.functions.items()
        }
        found = [(key.count("{"), name) for name, key in matches.items() if key != "$default"]
        return min(found)[1] if found else "auth_api"

    def empty(self) -> None:
        """Forget all that was made, in the account and in the functions' memories."""
        empty_account()
        self.tokens.clear()
        self.restart("connections_api")
        self.restart("oauth_callback")

    def restart(self, name: str) -> None:
        """A new environment of a function: nothing in its memory is older than now."""
        self.functions[name] = BUILDERS[name](self.environ)

    def operator(self) -> str:
        """An access token of the operator."""
        if "operator" not in self.tokens:
            self.tokens["operator"] = self.token_of("operator", OPERATOR_SECRET)
        return self.tokens["operator"]

    def token_of(self, client_id: str, secret: str, **more: str) -> str:
        """An access token of a client."""
        basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        result = self.request(
            "POST",
            "/v1/auth/token",
            form="&".join(
                ["grant_type=client_credentials", *(f"{name}={value}" for name, value in more.items())]
            ),
            headers={"authorization": f"Basic {basic}"},
        )
        assert result.status == 200, result.text
        return result.json["access_token"]

    def tenant(self, tenant_id: str = "acme", *, scopes: tuple[str, ...] | None = None) -> str:
        """An access token of a client of the tenant, which is made when it does not exist."""
        name = f"{tenant_id} {scopes}"
        if name not in self.tokens:
            path = f"/v1/tenants/{tenant_id}"
            made = self.request(
                "PUT", path, token=self.operator(), body={"name": tenant_id, "return_urls": [RETURN_URL]}
            )
            assert made.status == 200, made.text
            wanted = list(scopes or ("connections:read", "connections:write", "tokens:read"))
            client = self.request(
                "POST",
                "/v1/clients",
                token=self.operator(),
                body={"tenant_id": tenant_id, "name": "backend", "scopes": wanted},
            ).json
            self.tokens[name] = self.token_of(client["client_id"], client["client_secret"])
        return self.tokens[name]

    def add_provider(self, issuer: str, provider_id: str = "scripted", **document: Any) -> None:
        """Make a provider from its issuer's metadata."""
        body = {"name": provider_id, "issuer": issuer, **document}
        made = self.request("PUT", f"/v1/providers/{provider_id}", token=self.operator(), body=body)
        assert made.status == 200, made.text

    def add_registration(self, registration_id: str = "scripted-acme", **changes: Any) -> dict[str, Any]:
        """Make a client registration."""
        body = {
            "provider": "scripted",
            "client_id": "client-1",
            "client_secret": "secret: % + & é",
            "tenants": ["acme"],
            "scopes": ["read"],
            **changes,
        }
        path = f"/v1/registrations/{registration_id}"
        made = self.request("PUT", path, token=self.operator(), body=body)
        assert made.status == 200, made.text
        return made.json

    def start(self, token: str, **changes: Any) -> HttpResult:
        """Start an authorization."""
        body = {"provider": "scripted", "user_id": "ann", "return_url": RETURN_URL, **changes}
        return self.request("POST", "/v1/connections", token=token, body=body)

    def start_client(self, token: str, **changes: Any) -> HttpResult:
        """Connect without a browser."""
        body = {"provider": "scripted", "grant": "client_credentials", **changes}
        return self.request("POST", "/v1/connections", token=token, body=body)

    def come_back(self, callback: str) -> HttpResult:
        """Follow the provider's redirect to the callback."""
        parts = urlsplit(callback)
        return self.request("GET", parts.path, query=parts.query)

    def connect(self, token: str, *, user_id: str = "ann", **changes: Any) -> HttpResult:
        """Walk the whole way: start, consent, callback, complete."""
        started = self.start(token, user_id=user_id, **changes)
        assert started.status == 201, started.text
        back = self.come_back(consent(started.json["authorization_url"]))
        assert back.status == 303, back.text
        assert result_of(back)["status"] == "returned"
        return self.complete(token, started.json["session_uri"], user_id=user_id)

    def complete(self, token: str, session_uri: str, *, user_id: str = "ann") -> HttpResult:
        """Complete an authorization."""
        body = {"session_uri": session_uri, "user_id": user_id}
        return self.request("POST", "/v1/connections/complete", token=token, body=body)


def match_route(keys: tuple[str, ...], method: str, path: str) -> tuple[str, dict[str, str]]:
    """The route key and path parameters that the gateway would find: routes without parameters come first."""
    for key in sorted(keys, key=lambda key: key.count("{")):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(key))
        match = re.fullmatch(pattern, f"{method} {path}")
        if match is not None:
            return key, match.groupdict()
    return "$default", {}


def make_event(
    method: str, path: str, *, headers: Mapping[str, str], query: str, body: str | None, domain: str
) -> dict[str, Any]:
    """An event as an HTTP API makes it; forms come encoded, as API Gateway has it."""
    is_form = headers.get("content-type", "").startswith("application/x-www-form")
    if body is not None and is_form:
        body = base64.b64encode(body.encode()).decode()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "forged.example", **headers},
        "requestContext": {
            "apiId": "a1",
            "domainName": domain,
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "t",
            },
            "requestId": "r1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795262400000,
        },
        "body": body,
        "isBase64Encoded": body is not None and is_form,
    }


def consent(authorization_url: str) -> str:
    """Ask the provider as a browser does, and return where it sends the browser."""
    answer = httpx.get(authorization_url, follow_redirects=False, trust_env=False)
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"]


def result_of(answer: HttpResult) -> dict[str, str]:
    """The parameters that a return URL was given."""
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


@contextmanager
def closing_idle_connections() -> Iterator[None]:
    """Close at the end what functions keep open to providers, those that were restarted too: on Lambda their process would have ended."""
    begun: list[IdleConnections] = []
    begin = IdleConnections.__init__

    def begin_and_note(self: IdleConnections) -> None:
        begin(self)
        begun.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IdleConnections, "__init__", begin_and_note)
        yield
    for connections in begun:
        connections.close()


@contextmanager
def open_control_plane(*, signing_keys: int = 1, **environ: str) -> Iterator[ControlPlane]:
    """Wire the functions as their handlers do."""
    with open_aws_account(signing_keys=signing_keys) as account, closing_idle_connections():
        plane = ControlPlane(account=account, environ=account.environ(**environ))
        for name in BUILDERS:
            plane.restart(name)
        yield plane
