"""Puts the demo provider together."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from flask import Flask

from local.demo_provider import directory
from local.demo_provider.authorization_server import (
    DemoIssuer,
    build_authorization_server,
    build_resource_protector,
)
from local.demo_provider.database import Database
from local.demo_provider.seeds import DEMO_CLIENTS
from local.demo_provider.service_routes import service
from local.demo_provider.sign_in_routes import pages
from local.demo_provider.token_routes import endpoints

MAXIMUM_BODY_BYTES = 64 * 1024


def build_application(
    *, issuer: str, state_dir: Path, redirect_uris: Iterable[str] = (), clock: Callable[[], float] = time.time
) -> Flask:
    """The WSGI application of one demo provider.

    `redirect_uris` are registered for every demo client that uses the authorization code grant.
    """
    # Authlib refuses plain http otherwise; this server is reachable over loopback only.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    database = Database(state_dir)
    with database.transaction() as connection:
        directory.seed(connection)
        cookie_key = directory.get_cookie_key(connection)
        for demo_client in DEMO_CLIENTS:
            client = directory.find_client(connection, demo_client.client_id)
            if client is not None and "authorization_code" in client.grant_types:
                directory.add_redirect_uris(connection, client, redirect_uris)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=cookie_key,
        # Cookies of 127.0.0.1 are shared by all ports, so the name must be this server's own.
        SESSION_COOKIE_NAME="demo_provider_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAXIMUM_BODY_BYTES,
    )
    issuer_parameter = DemoIssuer(issuer)
    app.extensions["database"] = database
    app.extensions["clock"] = clock
    app.extensions["issuer"] = issuer_parameter
    app.extensions["authorization_server"] = build_authorization_server(app, issuer_parameter)
    app.extensions["protector"] = build_resource_protector()
    for blueprint in (pages, endpoints, service):
        app.register_blueprint(blueprint)
    return app
