"""What the demo provider remembers, in the shapes that Authlib asks for."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin, ClientMixin, TokenMixin


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A resource owner; `username` is the stable subject."""

    username: str
    password: str = field(repr=False)
    name: str


@dataclass(frozen=True, kw_only=True)
class Client(ClientMixin):
    """A confidential client; its access tokens live `access_token_seconds`."""

    client_id: str
    client_secret: str = field(repr=False)
    name: str
    grant_types: tuple[str, ...]
    access_token_seconds: int
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else ""

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        asked = scope.split() if isinstance(scope, str) else list(scope or ())
        return " ".join(one for one in asked or self.scopes if one in self.scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


@dataclass(frozen=True, kw_only=True)
class AuthorizationCode(AuthorizationCodeMixin):
    """A code that a user's consent has bought; `family` names the grant that its tokens will belong to."""

    code_hash: str
    client_id: str
    username: str
    family: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, kw_only=True)
class StoredToken(TokenMixin):
    """An access or refresh token as the store knows it; `live` was decided when it was read."""

    token_hash: str
    kind: str
    client_id: str
    username: str
    family: str
    scope: str
    expires_in: int
    expired: bool
    revoked: bool

    def check_client(self, client: ClientMixin) -> bool:
        return isinstance(client, Client) and client.client_id == self.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return self.expires_in

    def is_expired(self) -> bool:
        return self.expired

    def is_revoked(self) -> bool:
        return self.revoked
