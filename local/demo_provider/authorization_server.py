"""The Authlib authorization server of the demo provider, built from its grants."""

import secrets
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc9207 import IssuerParameter

from local.demo_provider import grants
from local.demo_provider.directory import find_client
from local.demo_provider.records import StoredToken
from local.demo_provider.request_state import get_request_state


class DemoAuthorizationServer(AuthorizationServer):
    """Issues opaque tokens with the client's own lifetime and keeps them in the request's transaction."""

    def query_client(self, client_id: str) -> Any:
        return find_client(get_request_state().connection, client_id)

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        state = get_request_state()
        for kind in ("access", "refresh"):
            if f"{kind}_token" in token:
                state.grants.add_token(
                    token[f"{kind}_token"],
                    kind=kind,
                    client=request.client,
                    username=request.user.username if request.user else "",
                    family=state.family,
                    scope=token.get("scope", ""),
                    expires_in=token["expires_in"],
                )

    def create_bearer_token_generator(self, config: Any) -> BearerTokenGenerator:  # noqa: ARG002
        def get_lifetime(client: Any, grant_type: str) -> int:  # noqa: ARG001
            return int(client.access_token_seconds)

        return BearerTokenGenerator(
            access_token_generator=lambda **_: "demo_at_" + secrets.token_urlsafe(32),
            refresh_token_generator=lambda **_: "demo_rt_" + secrets.token_urlsafe(32),
            expires_generator=get_lifetime,
        )


class DemoIssuer(IssuerParameter):
    """Puts `iss` into every authorization response, errors included (RFC 9207 section 2)."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


class DemoTokenValidator(BearerTokenValidator):
    """Accepts access tokens that were issued here, have not expired and were not revoked."""

    def authenticate_token(self, token_string: str) -> StoredToken | None:
        token = get_request_state().grants.find_token(token_string)
        return token if token is not None and token.kind == "access" else None


def build_authorization_server(app: Any, issuer: DemoIssuer) -> DemoAuthorizationServer:
    """The server with the three grants, PKCE, revocation and `iss`."""
    server = DemoAuthorizationServer()
    server.init_app(app)
    server.register_grant(grants.DemoAuthorizationCodeGrant, [grants.RequiredS256(required=True)])
    server.register_grant(grants.DemoRefreshTokenGrant)
    server.register_grant(grants.DemoClientCredentialsGrant)
    server.register_endpoint(grants.DemoRevocationEndpoint)
    server.register_extension(issuer)
    return server


def build_resource_protector() -> ResourceProtector:
    """What guards the demo provider's one resource."""
    protector = ResourceProtector()
    protector.register_token_validator(DemoTokenValidator())
    return protector
