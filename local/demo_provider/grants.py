"""The grants that the demo provider offers: Authlib's, joined to our store."""

import secrets
from typing import Any

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from local.demo_provider.directory import find_user
from local.demo_provider.grant_store import hash_secret
from local.demo_provider.records import AuthorizationCode, StoredToken, User
from local.demo_provider.request_state import get_request_state

_CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post"]


class DemoAuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """A code lives 60 seconds and buys one token set; spending it again kills what it bought."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION

    def save_authorization_code(self, code: str, request: Any) -> None:
        record = AuthorizationCode(
            code_hash=hash_secret(code),
            client_id=request.client.client_id,
            username=request.user.username,
            family=secrets.token_hex(8),
            redirect_uri=request.payload.redirect_uri or request.client.get_default_redirect_uri(),
            scope=request.client.get_allowed_scope(request.payload.scope or ""),
            code_challenge=request.payload.data["code_challenge"],
            code_challenge_method=request.payload.data["code_challenge_method"],
        )
        get_request_state().grants.add_code(code, record)

    def query_authorization_code(self, code: str, client: Any) -> AuthorizationCode | None:
        state = get_request_state()
        record = state.grants.find_code(code, client.client_id)
        if record is not None:
            state.family, state.username = record.family, record.username
        return record

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        get_request_state().grants.spend_code(authorization_code)

    def authenticate_user(self, authorization_code: AuthorizationCode) -> User | None:
        return find_user(get_request_state().connection, authorization_code.username)


class DemoRefreshTokenGrant(grants.RefreshTokenGrant):
    """Every refresh token works once (RFC 9700 section 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        state = get_request_state()
        presented = state.grants.find_token(refresh_token)
        if presented is not None:
            state.family, state.username = presented.family, presented.username
        token, reused = state.grants.find_refreshable(refresh_token)
        state.detail = "refresh_token_reused" if reused else ""
        return token

    def authenticate_user(self, refresh_token: StoredToken) -> User | None:
        return find_user(get_request_state().connection, refresh_token.username)

    def revoke_old_credential(self, refresh_token: Any) -> None:
        get_request_state().grants.spend_refresh_token(refresh_token)


class DemoClientCredentialsGrant(grants.ClientCredentialsGrant):
    """An access token of the client itself."""

    TOKEN_ENDPOINT_AUTH_METHODS = _CLIENT_AUTHENTICATION


class RequiredS256(CodeChallenge):
    """PKCE with S256 for every client; Authlib requires it of public clients only, and knows `plain`."""

    # Authlib declares an instance variable, so it cannot be a ClassVar here.
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse an authorization request without an S256 challenge (RFC 9700 section 2.1.1).

        Raises:
            InvalidRequestError: the challenge or its method is missing or another one.
        """
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError(
                "PKCE with code_challenge_method=S256 is required", redirect_uri=redirect_uri
            )
        super().validate_code_challenge(grant, redirect_uri)


class DemoRevocationEndpoint(RevocationEndpoint):
    """RFC 7009: a refresh token takes its family with it, an access token goes alone."""

    CLIENT_AUTH_METHODS = _CLIENT_AUTHENTICATION

    def query_token(self, token_string: str, token_type_hint: str | None) -> StoredToken | None:  # noqa: ARG002
        state = get_request_state()
        token = state.grants.find_token(token_string)
        if token is not None:
            state.family, state.username = token.family, token.username
        return token

    def revoke_token(self, token: StoredToken, request: Any) -> None:  # noqa: ARG002
        get_request_state().grants.revoke_token(token, "revoked_by_client")
