"""What the API says while an account is being connected."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evertoken.client.results.api_result import ApiResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedAuthorization(ApiResult):
    """Where the browser has to go."""

    connection_id: str
    authorization_url: str = field(repr=False)
    session_uri: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedDevice(ApiResult):
    """What to show the user of a device (RFC 8628 section 3.2)."""

    connection_id: str
    session_uri: str = field(repr=False)
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str | None = field(repr=False)
    """Only where the provider gives one."""
    expires_at: datetime
    interval_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDevice(ApiResult):
    """The user of the device has not decided yet."""

    status: str
    retry_after: int
    """Seconds until the provider may be asked again."""
