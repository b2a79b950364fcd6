"""One frozen class of settings for each function, read from the environment once, with every problem named together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_type_hints

from evertoken.domain.errors import ConfigurationError

SettingValue = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every function is told. A field's environment variable is its name in upper case."""

    stage: str
    table_name: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings that *environ* holds.

        Raises:
            ConfigurationError: names every variable that is missing or malformed, never a value.
        """
        problems: list[str] = []
        values: dict[str, Any] = {}
        hints = get_type_hints(cls)
        for field in fields(cls):
            variable = field.name.upper()
            if variable not in environ:
                problems.append(f"{variable} is missing")
                continue
            try:
                values[field.name] = _parse(environ[variable], hints[field.name])
            except ValueError:
                problems.append(f"{variable} is not a valid {_kind_name(hints[field.name])}")
        if problems:
            raise ConfigurationError(
                "The function's environment is wrong: " + ", ".join(problems) + ". Deploy the template again."
            )
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerSettings(Settings):
    """What the scanner is told."""

    hint_queue_url: str
    due_shards: int
    function_timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSettings(Settings):
    """What every function that talks to token endpoints is told."""

    data_key_id: str
    secret_prefix: str
    rescue_queue_url: str
    due_shards: int
    function_timeout_seconds: int
    consent_notice_days: int
    allow_loopback_providers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefresherSettings(RefreshSettings):
    """What the refresher is told."""

    job_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReaderSettings(RefreshSettings):
    """What the token reader is told."""

    hint_queue_url: str
    signing_key_ids: tuple[str, ...]
    public_base_url: str
    access_token_lifetime_seconds: int
    client_requests_per_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsApiSettings(RefreshSettings):
    """What the connections API is told."""

    signing_key_ids: tuple[str, ...]
    public_base_url: str
    access_token_lifetime_seconds: int
    client_requests_per_second: int
    audit_retention_days: int
    job_queue_url: str
    minimum_published_lifetime_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthCallbackSettings(Settings):
    """What the callback is told."""

    data_key_id: str
    secret_prefix: str
    public_base_url: str
    allow_loopback_providers: bool
    function_timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationsApiSettings(Settings):
    """What the registrations API is told."""

    function_timeout_seconds: int
    secret_prefix: str
    signing_key_ids: tuple[str, ...]
    public_base_url: str
    access_token_lifetime_seconds: int
    client_requests_per_second: int
    audit_retention_days: int
    allow_loopback_providers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthApiSettings(Settings):
    """What the auth API is told."""

    function_timeout_seconds: int
    signing_key_ids: tuple[str, ...]
    operator_secret_name: str
    public_base_url: str
    access_token_lifetime_seconds: int
    client_requests_per_second: int
    audit_retention_days: int
    session_token_lifetime_seconds: int
    session_grace_seconds: int
    session_lifetime_seconds: int
    data_key_id: str
    allow_loopback_providers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsApiSettings(Settings):
    """What the operations API is told."""

    function_timeout_seconds: int
    job_queue_url: str
    job_queue_arn: str
    schedule_dead_letter_arn: str
    schedule_group: str
    schedule_role_arn: str
    data_key_id: str
    due_shards: int
    secret_prefix: str
    signing_key_ids: tuple[str, ...]
    public_base_url: str
    access_token_lifetime_seconds: int
    client_requests_per_second: int
    audit_retention_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRelaySettings(Settings):
    """What the event relay is told."""

    event_bus_name: str
    public_base_url: str
    ledger_retention_days: int
    function_timeout_seconds: int


def _parse(raw: str, kind: Any) -> SettingValue:
    if kind is int:
        return int(raw)
    if kind is bool:
        if raw not in ("true", "false"):
            raise ValueError
        return raw == "true"
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    return raw


def _kind_name(kind: Any) -> str:
    return {int: "whole number", bool: "true or false"}.get(kind, "value")
