"""What is not OAuth: metadata, health, the ledger and the registration of clients for the demo."""

import secrets
from typing import Any

from flask import Blueprint, current_app, jsonify, request

from local.demo_provider.directory import add_redirect_uris, find_client, put_client
from local.demo_provider.ledger import find_entries, get_counters, get_last_number
from local.demo_provider.records import Client
from local.demo_provider.request_state import begin_request
from local.demo_provider.seeds import SCOPES

service = Blueprint("service", __name__)
_MOST_ENTRIES = 5_000


@service.get("/.well-known/openid-configuration")
@service.get("/.well-known/oauth-authorization-server")
def show_metadata() -> Any:
    """RFC 8414 section 2, with the parameter of RFC 9207 section 3."""
    issuer = current_app.extensions["issuer"].get_issuer()
    methods = ["client_secret_basic", "client_secret_post"]
    return jsonify(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        revocation_endpoint=f"{issuer}/revoke",
        userinfo_endpoint=f"{issuer}/userinfo",
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported=methods,
        revocation_endpoint_auth_methods_supported=methods,
        code_challenge_methods_supported=["S256"],
        authorization_response_iss_parameter_supported=True,
        scopes_supported=list(SCOPES),
    )


@service.get("/health")
def show_health() -> Any:
    """Answers once the state can be read."""
    with begin_request() as state:
        last = get_last_number(state.connection)
    return jsonify(status="ok", last=last)


@service.get("/ledger")
def show_ledger() -> Any:
    """`?since=N` gives the entries numbered above N, at most 5,000; `last` is the number to go on from."""
    since = request.args.get("since", default=0, type=int)
    with begin_request() as state:
        return jsonify(
            entries=find_entries(state.connection, since=since, limit=_MOST_ENTRIES),
            counters=get_counters(state.connection),
            last=get_last_number(state.connection),
        )


@service.post("/clients")
def register_client() -> Any:
    """Create a client, or give a known one more redirect URIs; open, as this server listens on loopback only.

    JSON members: `client_id`, `redirect_uris`, and for a new client optionally `client_secret`, `name`,
    `access_token_seconds` and `grant_types`. A browser page of another origin cannot send this content type
    unasked.
    """
    asked = request.get_json(silent=True)
    problem = _find_problem(asked)
    if asked is None or problem:
        return jsonify(error="invalid_client_metadata", error_description=problem), 400
    with begin_request() as state:
        client = find_client(state.connection, asked["client_id"])
        created = client is None
        if client is None:
            client = _new_client(asked)
            put_client(state.connection, client)
        client = add_redirect_uris(state.connection, client, asked.get("redirect_uris", []))
    answer = jsonify(
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uris=client.redirect_uris,
        access_token_seconds=client.access_token_seconds,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer, 201 if created else 200


def _find_problem(asked: Any) -> str:
    """What is wrong with a registration, in words; empty when nothing is."""
    if not isinstance(asked, dict) or not isinstance(asked.get("client_id"), str) or not asked["client_id"]:
        return "send a JSON object with client_id"
    uris = asked.get("redirect_uris", [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) and "://" in uri for uri in uris):
        return "redirect_uris must be a list of absolute URIs"
    lifetime = asked.get("access_token_seconds", 120)
    if not isinstance(lifetime, int) or lifetime < 1:
        return "access_token_seconds must be a positive whole number"
    return ""


def _new_client(asked: dict[str, Any]) -> Client:
    return Client(
        client_id=asked["client_id"],
        client_secret=asked.get("client_secret") or secrets.token_urlsafe(24),
        name=asked.get("name") or asked["client_id"],
        grant_types=tuple(asked.get("grant_types") or ("authorization_code", "refresh_token")),
        access_token_seconds=asked.get("access_token_seconds", 120),
        scopes=SCOPES,
        redirect_uris=(),
    )
