"""An authorization server of Authlib's on a loopback socket, for the grants and client authentications that the other servers of the tests lack.

Whatever is decided is decided by Authlib; this file only stores. Tokens live in memory for as long as the server does.
"""

import os
import secrets
import threading
import time
from dataclasses import dataclass, field

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.models import ClientMixin
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from flask import Flask
from joserfc import jwk
from werkzeug.serving import WSGIRequestHandler, make_server

METHODS = ["client_secret_basic", "client_secret_post", "client_assertion_jwt", "none"]
USERS = {"ada": "Ada"}


@dataclass
class Client(ClientMixin):
    client_id: str
    secret: str = ""
    method: str = "client_secret_basic"
    key: object = None

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return ""

    def get_allowed_scope(self, scope):
        return " ".join(one for one in (scope or "").split() if one in ("read", "write"))

    def check_redirect_uri(self, redirect_uri):
        return False

    def check_client_secret(self, client_secret):
        return bool(self.secret) and secrets.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.method

    def check_response_type(self, response_type):
        return False

    def check_grant_type(self, grant_type):
        return True


@dataclass
class Memory:
    clients: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    devices: dict = field(default_factory=dict)
    decisions: dict = field(default_factory=dict)
    used_ids: set = field(default_factory=set)
    issuer: str = ""
    slow_down: bool = False

    @property
    def audiences(self):
        return [f"{self.issuer}/token"]


class ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class AuthlibServer:
    """The running server; use it as a context manager. `memory` is its store."""

    def __init__(self):
        self.memory = Memory()

    def __enter__(self):
        # Authlib refuses plain http otherwise.
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
        self._server = make_server("127.0.0.1", 0, self._application(), threaded=True, request_handler=Quiet)
        self.memory.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def register(self, client):
        self.memory.clients[client.client_id] = client

    def _application(self):
        memory = self.memory
        server = AuthorizationServer(
            query_client=memory.clients.get,
            save_token=lambda token, request: memory.tokens.update({token["access_token"]: request.user}),
        )
        app = Flask(__name__)
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {}
        server.init_app(app)
        server.register_token_generator(
            "default", BearerTokenGenerator(lambda **_: secrets.token_urlsafe(24))
        )
        server.register_client_auth_method("client_assertion_jwt", make_client_assertion(memory)())
        server.register_grant(ClientCredentials)
        server.register_grant(make_jwt_bearer_grant(memory))
        server.register_grant(make_device_code_grant(memory))
        server.register_endpoint(make_device_endpoint(memory))
        app.post("/token", endpoint="token")(server.create_token_response)
        app.post("/device", endpoint="device")(
            lambda: server.create_endpoint_response("device_authorization")
        )
        return app


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        """Say nothing: the parameters of a request are in its line."""


def import_key(client):
    if client.key is None:
        return jwk.OctKey.import_key(client.secret)
    return jwk.import_key(client.key, "EC")


def make_client_assertion(memory):
    class ClientAssertion(JWTBearerClientAssertion):
        def get_audiences(self):
            return memory.audiences

        def resolve_client_public_key(self, client):
            return import_key(client)

        def validate_jti(self, claims, jti):
            is_new = jti not in memory.used_ids
            memory.used_ids.add(jti)
            return is_new

    return ClientAssertion


def make_jwt_bearer_grant(memory):
    class JwtBearer(JWTBearerGrant):
        def get_audiences(self):
            return memory.audiences

        def resolve_issuer_client(self, issuer):
            return memory.clients.get(issuer)

        def resolve_client_public_key(self, client):
            return import_key(client)

        def authenticate_user(self, subject):
            return USERS.get(subject)

        def has_granted_permission(self, client, user):
            return True

    return JwtBearer


def make_device_endpoint(memory):
    class DeviceEndpoint(DeviceAuthorizationEndpoint):
        CLIENT_AUTH_METHODS = METHODS
        INTERVAL = 3

        def get_verification_uri(self):
            return f"{memory.issuer}/activate"

        def save_device_credential(self, client_id, scope, data):
            memory.devices[data["device_code"]] = DeviceCredentialDict(
                client_id=client_id, scope=scope, expires_at=time.time() + data["expires_in"], **data
            )

    return DeviceEndpoint


def make_device_code_grant(memory):
    class DeviceCode(DeviceCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = METHODS

        def query_device_credential(self, device_code):
            return memory.devices.get(device_code)

        def query_user_grant(self, user_code):
            return memory.decisions.get(user_code)

        def should_slow_down(self, credential):
            return memory.slow_down

    return DeviceCode
