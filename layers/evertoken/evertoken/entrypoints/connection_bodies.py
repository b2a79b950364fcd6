"""The bodies and the query of the connection routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from evertoken.domain.connection import ConnectionStatus, PublicationMode, RefreshPolicy
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.grant import Grant
from evertoken.entrypoints.body_model import Label, Model, ResourceId, Scope, parse_model
from evertoken.usecases.connect_directly import DirectGrant
from evertoken.usecases.connection_wish import ConnectionWish

Policy = Literal["scheduled", "lazy"]
Publication = Literal["secrets_manager", "api_only"]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
ParameterValue = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Token = Annotated[str, Field(min_length=1, max_length=8192, pattern=r"^[\x21-\x7e]+$")]
"""A token of somebody else's, as RFC 6750 section 2.1 has it and a little more."""
TokenType = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")]
"""A URI that says what kind of token it is (RFC 8693 section 3)."""


class _ChoiceBody(Model):
    policy: Policy | None = None
    publication: Publication | None = None

    def chosen_policy(self) -> RefreshPolicy | None:
        """Return the policy that was asked for."""
        return None if self.policy is None else RefreshPolicy(self.policy)

    def chosen_publication(self) -> PublicationMode | None:
        """Return the publication that was asked for."""
        return None if self.publication is None else PublicationMode(self.publication)


class _WishBody(_ChoiceBody):
    provider: ResourceId
    registration: ResourceId | None = None
    account: Label | None = None
    name: Name = ""
    display_name: Name = ""
    user_id: Label
    scopes: Annotated[list[Scope], Field(max_length=100)] | None = None
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=20)] = Field(
        default_factory=dict
    )

    def wish(self, tenant_id: str) -> ConnectionWish:
        """Return what was asked for, in the name of *tenant_id*."""
        return ConnectionWish(
            tenant_id=tenant_id,
            provider_id=self.provider,
            registration_id=self.registration,
            user_id=self.user_id,
            account=self.account,
            name=self.name,
            display_name=self.display_name,
            scopes=None if self.scopes is None else tuple(self.scopes),
            policy=self.chosen_policy(),
            publication=self.chosen_publication(),
            parameters=self.parameters,
        )


class StartBody(_WishBody):
    """POST /v1/connections, with a browser."""

    grant: Literal["authorization_code"] = "authorization_code"
    return_url: Annotated[str, Field(max_length=1024)]
    user_token: Token | None = Field(default=None, repr=False)


class DeviceBody(_WishBody):
    """POST /v1/connections, for a device without a browser of its own."""

    grant: Literal["device_code"]


class DirectBody(_WishBody):
    """POST /v1/connections, without a browser."""

    def direct(self) -> DirectGrant:
        """Return the grant and what it is run with."""
        raise NotImplementedError


class ClientCredentialsBody(DirectBody):
    """The client itself is the resource owner."""

    grant: Literal["client_credentials"]
    user_id: Label = "application"

    def direct(self) -> DirectGrant:
        """Return the grant; nothing but the client goes with it."""
        return DirectGrant(grant=Grant.CLIENT_CREDENTIALS)


class UserTokenBody(DirectBody):
    """The client acts in the name of the user whose access token this is."""

    grant: Literal["user_token"]
    user_token: Token = Field(repr=False)

    def direct(self) -> DirectGrant:
        """Return the grant with the user's token."""
        return DirectGrant(grant=Grant.USER_TOKEN, given={"user_token": self.user_token})


class LoginCredentials(Model):
    """What a user logs in with."""

    username: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        repr=False
    )
    password: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        repr=False
    )


class SessionLoginBody(DirectBody):
    """A provider's documented login."""

    grant: Literal["session_login"]
    credentials: LoginCredentials = Field(repr=False)

    def direct(self) -> DirectGrant:
        """Return the grant with the credentials."""
        return DirectGrant(
            grant=Grant.SESSION_LOGIN,
            given={"username": self.credentials.username, "password": self.credentials.password},
        )


class TokenExchangeBody(DirectBody):
    """A token is exchanged for another (RFC 8693)."""

    grant: Literal["token_exchange"]
    subject_token: Token = Field(repr=False)
    subject_token_type: TokenType = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a type, no token

    def direct(self) -> DirectGrant:
        """Return the grant with the subject's token."""
        return DirectGrant(
            grant=Grant.TOKEN_EXCHANGE,
            given={"subject_token": self.subject_token, "subject_token_type": self.subject_token_type},
        )


class JwtBearerBody(DirectBody):
    """The client asserts the subject in whose name it acts (RFC 7523)."""

    grant: Literal["jwt_bearer"]
    subject: Label = Field(repr=False)

    def direct(self) -> DirectGrant:
        """Return the grant with its subject."""
        return DirectGrant(grant=Grant.JWT_BEARER, given={"subject": self.subject})


_BODIES: Mapping[str, type[StartBody | DeviceBody | DirectBody]] = {
    "authorization_code": StartBody,
    "client_credentials": ClientCredentialsBody,
    "user_token": UserTokenBody,
    "session_login": SessionLoginBody,
    "token_exchange": TokenExchangeBody,
    "device_code": DeviceBody,
    "jwt_bearer": JwtBearerBody,
}


def parse_connection_body(document: Mapping[str, Any]) -> StartBody | DeviceBody | DirectBody:
    """Return the body of POST /v1/connections in the form of its grant. Raises InvalidInputError, which names the fields."""
    grant = document.get("grant", "authorization_code")
    body = _BODIES.get(grant) if isinstance(grant, str) else None
    if body is None:
        raise InvalidInputError(f"grant: it must be one of {', '.join(_BODIES)}.")
    return parse_model(body, document)


class CompleteBody(Model):
    """POST /v1/connections/complete."""

    session_uri: Annotated[str, Field(min_length=1, max_length=128)]
    user_id: Label


class ChangeBody(_ChoiceBody):
    """PATCH /v1/connections/{connection_id}; what is absent stays."""

    name: Name | None = None
    display_name: Name | None = None
    on_hold: bool | None = None


class ListParameters(Model):
    """The query of GET /v1/connections; numbers arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    user_id: Label | None = None
    provider: ResourceId | None = None
    account: Label | None = None
    status: ConnectionStatus | None = None
    refresh_before_minutes: Annotated[int, Field(ge=0, le=525_600)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
