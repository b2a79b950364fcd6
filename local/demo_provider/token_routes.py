"""The endpoints that clients call: token, revocation and one resource."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, current_app, jsonify, request

from local.demo_provider.authorization_server import DemoAuthorizationServer
from local.demo_provider.directory import find_client, find_user
from local.demo_provider.ledger import Entry, add_entry, get_fingerprint
from local.demo_provider.request_state import RequestState, begin_request

endpoints = Blueprint("endpoints", __name__)


@endpoints.post("/token")
def issue_token() -> Any:
    """RFC 6749 section 3.2; rotation and ledger entry are one transaction, durable before the answer."""
    server: DemoAuthorizationServer = current_app.extensions["authorization_server"]
    with begin_request() as state:
        if request.args:
            # RFC 6749 section 2.3.1: credentials never travel in the URI, so nothing does.
            response: Any = jsonify(
                error="invalid_request", error_description="parameters belong into the body"
            )
            response.status_code = 400
        else:
            response = server.create_token_response()
        _record("token", state, response)
    return response


@endpoints.post("/revoke")
def revoke_token() -> Any:
    """RFC 7009; an unknown token is a success."""
    server: DemoAuthorizationServer = current_app.extensions["authorization_server"]
    with begin_request() as state:
        response = server.create_endpoint_response("revocation")  # type: ignore[no-untyped-call]
        _record("revoke", state, response)
    return response


@endpoints.get("/userinfo")
def show_user() -> Any:
    """The demo's resource: who the access token speaks for; 401 for any token that is not live."""
    with begin_request() as state, current_app.extensions["protector"].acquire() as token:
        user = find_user(state.connection, token.username)
        client = find_client(state.connection, token.client_id)
    if user is not None:
        response = jsonify(sub=user.username, name=user.name)
    else:
        response = jsonify(sub=token.client_id, name=client.name if client else token.client_id)
    response.headers["Cache-Control"] = "no-store"
    return response


def _record(endpoint: str, state: RequestState, response: Any) -> None:
    answer = response.get_json(silent=True) or {}
    form = request.form
    presented = form.get("refresh_token") or form.get("code") or form.get("token") or ""
    entry = Entry(
        endpoint=endpoint,
        client_id=_claimed_client_id(),
        grant_type=form.get("grant_type", "")[:100],
        outcome=str(answer.get("error", "ok")),
        detail=state.detail,
        username=state.username,
        family=state.family,
        presented=get_fingerprint(presented),
        issued_access=get_fingerprint(answer.get("access_token", "")),
        issued_refresh=get_fingerprint(answer.get("refresh_token", "")),
    )
    add_entry(state.connection, entry, state.now)


def _claimed_client_id() -> str:
    """The client that the request claims to come from; not authenticated, so for the ledger only."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return request.form.get("client_id", "")[:100]
    try:
        return unquote(base64.b64decode(value, validate=True).decode().partition(":")[0])[:100]
    except (binascii.Error, UnicodeDecodeError):
        return ""
