"""The pages that a person sees: login and consent."""

import hmac
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, current_app, redirect, render_template, request, session
from werkzeug.wrappers import Response

from local.demo_provider.authorization_server import DemoAuthorizationServer, DemoIssuer
from local.demo_provider.directory import find_user, verify_password
from local.demo_provider.request_state import RequestState, begin_request

pages = Blueprint("pages", __name__)


@pages.after_request
def harden(response: Any) -> Any:
    """No cache, no frame, no referrer: the URLs of these pages carry codes."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response


@pages.get("/login")
def show_login() -> str:
    """The login page."""
    return _render_login(request.args.get("next", ""), failed=False)


@pages.post("/login")
def log_in() -> Response | tuple[str, int]:
    """Check the password and go on with the authorization request that asked for the login."""
    target = request.form.get("next", "")
    if not _is_own_form():
        return "This form has expired. Go back and try again.", 400
    with begin_request() as state:
        accepted = verify_password(
            state.connection, request.form.get("username", ""), request.form.get("password", "")
        )
    if not accepted:
        return _render_login(target, failed=True), 401
    session["username"] = request.form["username"]
    # Only our own authorization endpoint: this page must not forward a person anywhere else.
    parts = urlsplit(target)
    safe = not parts.scheme and not parts.netloc and parts.path == "/authorize"
    return redirect(target if safe else "/authorize", code=303)


@pages.get("/authorize")
def show_consent() -> Any:
    """Refuse what is wrong with the request before anything else, then ask for login, then for consent."""
    with begin_request() as state:
        user = find_user(state.connection, session.get("username", ""))
        try:
            grant = _get_server().get_consent_grant(end_user=user)  # type: ignore[no-untyped-call]
        except OAuth2Error as error:
            return _refuse(error)
        if user is None:
            return redirect(_login_url(), code=303)
        return render_template(
            "consent.html",
            client=grant.request.client,
            user=user,
            scopes=grant.request.client.get_allowed_scope(grant.request.payload.scope or "").split(),
            form_key=_get_form_key(),
        )


@pages.post("/authorize")
def decide() -> Any:
    """The person's decision; the code is durable before the redirect leaves."""
    if not _is_own_form():
        return "This form has expired. Go back and try again.", 400
    with begin_request() as state:
        return _decide(state)


def _decide(state: RequestState) -> Any:
    user = find_user(state.connection, session.get("username", ""))
    if user is None:
        return redirect(_login_url(), code=303)
    server = _get_server()
    try:
        grant = server.get_consent_grant(end_user=user)  # type: ignore[no-untyped-call]
    except OAuth2Error as error:
        return _refuse(error)
    allowed = request.form.get("decision") == "allow"
    return server.create_authorization_response(grant=grant, grant_user=user if allowed else None)


def _refuse(error: OAuth2Error) -> Any:
    """Back to the client where its redirect URI was verified, else a plain page."""
    server = _get_server()
    response = server.handle_error_response(server.create_oauth2_request(request), error)
    issuer: DemoIssuer = current_app.extensions["issuer"]
    issuer.add_issuer_parameter(server, response)
    return response


def _get_server() -> DemoAuthorizationServer:
    server: DemoAuthorizationServer = current_app.extensions["authorization_server"]
    return server


def _login_url() -> str:
    return "/login?" + urlencode({"next": request.full_path})


def _render_login(target: str, *, failed: bool) -> str:
    return render_template("login.html", target=target, failed=failed, form_key=_get_form_key())


def _get_form_key() -> str:
    """A value that only pages of this session know, so that no other site can post our forms."""
    return str(session.setdefault("form_key", secrets.token_urlsafe(16)))


def _is_own_form() -> bool:
    return hmac.compare_digest(request.form.get("form_key", "").encode(), _get_form_key().encode())
