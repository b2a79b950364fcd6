"""Client registrations, without their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey(ApiResult):
    """The key that signs a client's assertions, without its private half."""

    algorithm: str
    key_id: str | None
    kms_key_id: str | None
    certificate_thumbprint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration(ApiResult):
    """A client registration; its secrets go in and never come out."""

    registration_id: str
    provider: str
    client_id: str
    has_secret: bool
    tenants: tuple[str, ...]
    scopes: tuple[str, ...]
    has_private_key: bool
    client_authentication: str | None
    signing_key: SigningKey | None
    parameters: Mapping[str, str]
    redirect_uri: str
    """Register this at the provider."""
    paused_until: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationList(ApiResult):
    """All client registrations, by id."""

    registrations: tuple[Registration, ...]
