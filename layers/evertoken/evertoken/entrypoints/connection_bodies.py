"""The bodies and the query of the connection routes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from evertoken.domain.connection import ConnectionStatus, PublicationMode, RefreshPolicy
from evertoken.entrypoints.body_model import Label, Model, ResourceId, Scope

Policy = Literal["scheduled", "lazy"]
Publication = Literal["secrets_manager", "api_only"]
ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
ParameterValue = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


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
    scopes: Annotated[list[Scope], Field(max_length=100)] | None = None


class StartBody(_WishBody):
    """POST /v1/connections, with a browser."""

    grant: Literal["authorization_code"] = "authorization_code"
    user_id: Label
    return_url: Annotated[str, Field(max_length=1024)]
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=20)] = Field(
        default_factory=dict
    )


class ClientCredentialsBody(_WishBody):
    """POST /v1/connections, without a browser: the client itself is the resource owner."""

    grant: Literal["client_credentials"]
    user_id: Label = "application"


class CompleteBody(Model):
    """POST /v1/connections/complete."""

    session_uri: Annotated[str, Field(min_length=1, max_length=128)]
    user_id: Label


class ChangeBody(_ChoiceBody):
    """PATCH /v1/connections/{connection_id}; what is absent stays."""

    name: Name | None = None
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
