"""How a connection is shown: everything that helps, and never a token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evertoken.domain.connection import Connection, FailureRecord, PublicationMode
from evertoken.domain.instants import to_iso


def view_connection(connection: Connection, *, secret_prefix: str, now: datetime) -> dict[str, Any]:
    """Return the JSON form of *connection*; `minutes_left` is whole minutes, 0 once it has expired, None when it does not expire."""
    c = connection
    return {
        "connection_id": c.connection_id,
        "provider": c.provider_id,
        "registration": c.registration_id,
        "user_id": c.user_id,
        "account": c.account,
        "name": c.name,
        "display_name": c.display_name,
        "status": c.status.value,
        "on_hold": c.on_hold,
        "policy": c.policy.value,
        "publication": c.publication.value,
        "secret_name": _secret_name(c, secret_prefix),
        "epoch": c.epoch,
        "generation": c.generation,
        "scope": c.scope,
        "missing_scope": c.missing_scope,
        "expires_at": _iso(c.expires_at),
        "minutes_left": None if c.expires_at is None else max(0, int(c.lives_for(now) // 60)),
        "has_refresh_token": c.has_refresh_token,
        "refresh_token_expires_at": _iso(c.refresh_token_expires_at),
        "refresh_at": _iso(c.refresh_at),
        "attempted_at": _iso(c.attempted_at),
        "failure": None if c.failure is None else _view_failure(c.failure),
        "created_at": to_iso(c.created_at),
        "updated_at": to_iso(c.updated_at),
    }


_SUMMARY = (
    "connection_id",
    "provider",
    "registration",
    "user_id",
    "account",
    "name",
    "display_name",
    "status",
    "on_hold",
    "policy",
    "publication",
    "secret_name",
    "generation",
    "expires_at",
    "minutes_left",
    "has_refresh_token",
    "refresh_at",
    "created_at",
    "updated_at",
)
"""What a list shows: no more than the tenant index holds, so that a list never shows a default for a fact."""


def view_summary(connection: Connection, *, secret_prefix: str, now: datetime) -> dict[str, Any]:
    """Return the JSON form of *connection* in a list; its failure without the count of tries."""
    whole = view_connection(connection, secret_prefix=secret_prefix, now=now)
    failure = whole["failure"]
    if failure is not None:
        failure = {name: failure[name] for name in ("cause", "code", "failed_at")}
    return {**{name: whole[name] for name in _SUMMARY}, "failure": failure}


def _secret_name(connection: Connection, prefix: str) -> str | None:
    if connection.publication is not PublicationMode.SECRETS_MANAGER:
        return None
    return f"{prefix}/tokens/{connection.tenant_id}/{connection.connection_id}"


def _view_failure(failure: FailureRecord) -> dict[str, Any]:
    return {
        "cause": failure.cause,
        "code": failure.code,
        "count": failure.count,
        "failed_at": to_iso(failure.failed_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)
