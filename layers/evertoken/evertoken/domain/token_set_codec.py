"""The token set as bytes for the journal, and the name of what a ciphertext is bound to."""

from __future__ import annotations

import json
from typing import Any

from evertoken.domain.grant import UNKNOWN_CONTEXT, Grant, GrantContext
from evertoken.domain.instants import from_milliseconds, to_milliseconds
from evertoken.domain.token_set import TokenSet


def token_set_purpose(connection_id: str, epoch: int, generation: int) -> str:
    """Return what a sealed token set is bound to besides its tenant: moved or replayed ciphertexts do not open."""
    return f"token-set|{connection_id}|{epoch}|{generation}"


def encode_token_set(token_set: TokenSet) -> bytes:
    """Return the journal's form of *token_set*; `decode_token_set` is its inverse."""
    document: dict[str, Any] = {
        "access_token": token_set.access_token,
        "token_type": token_set.token_type,
        "expires_at": None if token_set.expires_at is None else to_milliseconds(token_set.expires_at),
        "issued_at": to_milliseconds(token_set.issued_at),
        "scope": token_set.scope,
        "refresh_token": token_set.refresh_token,
        "refresh_token_expires_at": None
        if token_set.refresh_token_expires_at is None
        else to_milliseconds(token_set.refresh_token_expires_at),
        "subject": token_set.id_token_subject,
        "extra": dict(token_set.extra),
    }
    if token_set.context != UNKNOWN_CONTEXT:
        document["context"] = _encode_context(token_set.context)
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def decode_token_set(encoded: bytes) -> TokenSet:
    """Return the token set that `encode_token_set` wrote, in this version or before `context` was kept."""
    document = json.loads(encoded)
    expires_at, renewable_until = document["expires_at"], document["refresh_token_expires_at"]
    return TokenSet(
        access_token=document["access_token"],
        token_type=document["token_type"],
        expires_at=None if expires_at is None else from_milliseconds(expires_at),
        issued_at=from_milliseconds(document["issued_at"]),
        scope=document["scope"],
        refresh_token=document["refresh_token"],
        refresh_token_expires_at=None if renewable_until is None else from_milliseconds(renewable_until),
        id_token_subject=document["subject"],
        extra=document["extra"],
        context=_decode_context(document["context"]) if "context" in document else UNKNOWN_CONTEXT,
    )


def _encode_context(context: GrantContext) -> dict[str, Any]:
    return {
        "grant": context.grant.value,
        "granted_at": None if context.granted_at is None else to_milliseconds(context.granted_at),
        "parameters": dict(context.parameters),
        "redirect_uri": context.redirect_uri,
        "credentials": dict(context.credentials),
        "scopes": None if context.scopes is None else list(context.scopes),
    }


def _decode_context(document: dict[str, Any]) -> GrantContext:
    granted_at, scopes = document["granted_at"], document.get("scopes")
    return GrantContext(
        grant=Grant(document["grant"]),
        granted_at=None if granted_at is None else from_milliseconds(granted_at),
        parameters=document["parameters"],
        redirect_uri=document["redirect_uri"],
        credentials=document["credentials"],
        scopes=None if scopes is None else tuple(scopes),
    )
