"""The bodies and queries of sessions, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from evertoken.domain.session import Profile
from evertoken.entrypoints.body_model import Label, Model

_LINE = r"^[^\x00-\x1f\x7f]+$"
# Both stand in every token of the session, which has to stay under 4 KB however they are written.
UserId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_LINE)]
Role = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_LINE)]


class ProfileBody(Model):
    """What the tenant says of its user; it is answered beside tokens and stands in none."""

    email: Label | None = Field(default=None, repr=False)
    name: Label | None = Field(default=None, repr=False)

    def profile(self) -> Profile:
        """Return it as the domain has it."""
        return Profile(email=self.email, name=self.name)


class OpenBody(Model):
    """POST /v1/sessions."""

    user_id: UserId
    role: Role
    profile: ProfileBody = Field(default_factory=ProfileBody)


class ChangeSessionBody(Model):
    """PATCH /v1/sessions/{session_id}; what is absent stays, a profile is replaced as a whole."""

    role: Role | None = None
    profile: ProfileBody | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.role is None and self.profile is None:
            raise ValueError("name role, profile or both")
        return self


class SessionListParameters(Model):
    """The query of GET /v1/sessions; numbers arrive as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    user_id: UserId | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
