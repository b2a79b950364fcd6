"""Ready clients and answers for the tests of the protocol."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from evertoken.catalogue.loader import get_shipped_provider, parse_provider
from evertoken.domain.assertion import SigningKey
from evertoken.domain.http import HttpAnswer, HttpRequest
from evertoken.domain.outcome import Outcome
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from evertoken.domain.request_shape import RequestShapes
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.token_answer import Operation, parse_token_answer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PLAIN_ENDPOINTS = {
    "authorization": "https://login.example.com/authorize",
    "token": "https://login.example.com/token",
    "revocation": "https://login.example.com/revoke",
}


def make_provider(**sections: Any) -> Provider:
    """Return the provider of a document that extends oauth2 and has *sections* of its own."""
    document = {"extends": "oauth2", "endpoints": PLAIN_ENDPOINTS, **sections}
    return parse_provider(document, provider_id="plain")


def shape_provider(**facts: Any) -> Provider:
    """Return the plain provider with these facts, in the domain's own words."""
    return replace(make_provider(), **facts)


def shape_requests(**shapes: Any) -> Provider:
    """Return the plain provider with these requests."""
    return shape_provider(requests=RequestShapes(**shapes))


def make_ready(
    provider: Provider | str | None = None,
    *,
    secret: str | None = "s3cret",
    client_id: str = "client-1",
    method: str | None = None,
    signing_key: SigningKey | None = None,
    private_key: str | None = None,
) -> ReadyClient:
    """Return a ready client of a provider (a shipped one by its id; by default a plain one)."""
    known = get_shipped_provider(provider) if isinstance(provider, str) else provider or make_provider()
    registration = ClientRegistration(
        registration_id="reg-1",
        provider_id=known.provider_id,
        client_id=client_id,
        tenants=("*",),
        client_authentication=method,
        signing_key=signing_key,
        has_secret=secret is not None,
        has_private_key=private_key is not None,
        created_at=NOW,
        updated_at=NOW,
    )
    return ReadyClient(
        provider=known, registration=registration, client_secret=secret, private_key=private_key
    )


def make_token_set(**members: Any) -> TokenSet:
    """Return a token set."""
    return replace(TokenSet(access_token="at-1", issued_at=NOW, refresh_token="rt-1", scope="a b"), **members)


def form_of(request: HttpRequest) -> dict[str, str]:
    """Return the form parameters of a request, each once."""
    values = parse_qs(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert all(len(each) == 1 for each in values.values())
    return {name: each[0] for name, each in values.items()}


def basic_of(request: HttpRequest) -> str:
    """Return the decoded credentials of HTTP Basic."""
    scheme, _, credentials = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(credentials, validate=True).decode()


def json_answer(document: Any, status: int = 200, **headers: str) -> HttpAnswer:
    """Return an answer with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(
        status=status,
        headers={"content-type": "application/json", **named},
        body=json.dumps(document).encode(),
    )


def parse(
    exchange: Any,
    provider: Provider | str | None = None,
    operation: Operation = Operation.REFRESH,
    requested_scopes: tuple[str, ...] = (),
) -> Outcome:
    """Return the outcome of an exchange sent at NOW."""
    ready = make_ready(provider)
    return parse_token_answer(
        ready.provider, operation, exchange, sent_at=NOW, requested_scopes=requested_scopes
    )
