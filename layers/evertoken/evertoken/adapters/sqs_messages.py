"""The queues' message bodies: identifiers and sealed answers only, versioned, and parsed totally."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from evertoken.domain.connection import ConnectionKey, PublicationMode, Sealed
from evertoken.domain.consent import Consent
from evertoken.domain.hint import Hint
from evertoken.domain.instants import from_milliseconds, to_milliseconds
from evertoken.ports import RescuedAnswer, TokenSetCommit

VERSION = 1


def encode_hint(hint: Hint) -> str:
    """Return the body of a hint."""
    return _dump(
        {
            "version": VERSION,
            "tenant_id": hint.key.tenant_id,
            "connection_id": hint.key.connection_id,
            "epoch": hint.epoch,
            "generation": hint.generation,
            "provider_id": hint.provider_id,
            "registration_id": hint.registration_id,
            "key_id": hint.key_id,
            "asked": hint.asked,
            "correlation_id": hint.correlation_id,
        }
    )


def parse_hint(body: str) -> Hint | None:
    """Return the hint of *body*, or None when it is not one that this version understands."""
    document = _load(body)
    if document is None:
        return None
    try:
        return Hint(
            key=_key(document),
            epoch=_integer(document["epoch"]),
            generation=_integer(document["generation"]),
            provider_id=_string(document["provider_id"]),
            registration_id=_string(document["registration_id"]),
            key_id=_string(document["key_id"]),
            asked=document.get("asked") is True,
            correlation_id=_string(document.get("correlation_id", "")),
        )
    except (KeyError, TypeError):
        return None


def encode_rescued(rescued: RescuedAnswer) -> str:
    """Return the body of a rescued answer; the token set in it is sealed."""
    commit = rescued.commit
    return _dump(
        {
            "version": VERSION,
            "tenant_id": rescued.key.tenant_id,
            "connection_id": rescued.key.connection_id,
            "epoch": commit.epoch,
            "generation": commit.generation,
            "commit_id": commit.commit_id,
            "owner": commit.owner,
            "key_id": commit.sealed.key_id,
            "sealed": base64.b64encode(commit.sealed.ciphertext).decode(),
            "issued_at": to_milliseconds(commit.issued_at),
            "expires_at": _milliseconds(commit.expires_at),
            "scope": commit.scope,
            "missing_scope": commit.missing_scope,
            "has_refresh_token": commit.has_refresh_token,
            "refresh_token_expires_at": _milliseconds(commit.refresh_token_expires_at),
            "refresh_at": _milliseconds(commit.refresh_at),
            "consent_ends_at": None if commit.consent is None else to_milliseconds(commit.consent.ends_at),
            "consent_notice_at": None if commit.consent is None else _milliseconds(commit.consent.notice_at),
            "due_at": _milliseconds(commit.due_at),
            "publication": commit.publication.value,
            "now": to_milliseconds(commit.now),
        }
    )


def parse_rescued(body: str) -> RescuedAnswer | None:
    """Return the rescued answer of *body*, or None when it is not one that this version understands."""
    document = _load(body)
    if document is None:
        return None
    try:
        commit = TokenSetCommit(
            epoch=_integer(document["epoch"]),
            generation=_integer(document["generation"]),
            commit_id=_string(document["commit_id"]),
            owner=_string(document["owner"]),
            sealed=Sealed(
                key_id=_string(document["key_id"]), ciphertext=base64.b64decode(_string(document["sealed"]))
            ),
            issued_at=from_milliseconds(_integer(document["issued_at"])),
            expires_at=_instant(document["expires_at"]),
            scope=_string(document["scope"]),
            missing_scope=_string(document["missing_scope"]),
            has_refresh_token=document["has_refresh_token"] is True,
            refresh_token_expires_at=_instant(document["refresh_token_expires_at"]),
            refresh_at=_instant(document["refresh_at"]),
            consent=_consent(document),
            due_at=_instant(document.get("due_at", document["refresh_at"])),
            publication=PublicationMode(document["publication"]),
            now=from_milliseconds(_integer(document["now"])),
        )
        return RescuedAnswer(key=_key(document), commit=commit)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _dump(document: dict[str, object]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _load(body: str) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and document.get("version") == VERSION else None


def _key(document: dict[str, Any]) -> ConnectionKey:
    return ConnectionKey(
        tenant_id=_string(document["tenant_id"]), connection_id=_string(document["connection_id"])
    )


def _consent(document: dict[str, Any]) -> Consent | None:
    ends_at = _instant(document.get("consent_ends_at"))
    return (
        None
        if ends_at is None
        else Consent(ends_at=ends_at, notice_at=_instant(document.get("consent_notice_at")))
    )


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_milliseconds(moment)


def _instant(value: object) -> datetime | None:
    return None if value is None else from_milliseconds(_integer(value))
