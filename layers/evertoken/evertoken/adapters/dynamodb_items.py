"""A connection as an item and back: pure, and each the other's inverse."""

from __future__ import annotations

from typing import Any

from evertoken.adapters.dynamodb_keys import connection_key, due_partition, listed_at
from evertoken.adapters.dynamodb_values import Item, blob, encode_item, flag, instant, number, text
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    FailureRecord,
    Lease,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    Sealed,
)
from evertoken.domain.hint import Hint
from evertoken.domain.origin import Origin, Trigger
from evertoken.domain.schedule import due_shard
from evertoken.ports import DueConnection

SCHEMA = 1
"""The version of this form: a reader ignores attributes that it does not know and refuses a higher version (security facts X7)."""


def to_item(connection: Connection, shards: int) -> dict[str, dict[str, Any]]:
    """Return the item of *connection*."""
    c = connection
    due = None if c.due_at is None else due_partition(due_shard(c.connection_id, shards))
    attributes = encode_item(
        {
            "schema": SCHEMA,
            "tenant_id": c.tenant_id,
            "provider_id": c.provider_id,
            "registration_id": c.registration_id,
            "binding": c.binding,
            "user_id": c.user_id,
            "account": c.account,
            "name": c.name,
            "display_name": c.display_name,
            "status": c.status.value,
            "on_hold": True if c.on_hold else None,
            "policy": c.policy.value,
            "publication": c.publication.value,
            "epoch": c.epoch,
            "generation": c.generation,
            "sealed": c.sealed.ciphertext if c.sealed else None,
            "key_id": c.sealed.key_id if c.sealed else None,
            "scope": c.scope,
            "missing_scope": c.missing_scope,
            "issued_at": c.issued_at,
            "expires_at": c.expires_at,
            "refresh_token_expires_at": c.refresh_token_expires_at,
            "has_refresh_token": c.has_refresh_token,
            "refresh_at": c.refresh_at,
            "due_at": c.due_at,
            "due_shard": due,
            "due_set_at": None if c.due_at is None else c.updated_at,
            "listed_at": listed_at(c.expires_at),
            "publication_number": c.publication_number,
            "published_number": c.published_number,
            "publication_step": 1 if c.publication is PublicationMode.SECRETS_MANAGER else 0,
            "lease_owner": c.lease.owner if c.lease else None,
            "lease_until": c.lease.until if c.lease else None,
            "commit_id": c.commit_id,
            "attempted_at": c.attempted_at,
            "open_attempts": c.open_attempts,
            "cooldown_until": c.cooldown_until,
            "failure_cause": c.failure.cause if c.failure else None,
            "failure_code": c.failure.code if c.failure else None,
            "failure_count": c.failure.count if c.failure else None,
            "failed_at": c.failure.failed_at if c.failure else None,
            "revocation_sealed": c.revocation.sealed.ciphertext if c.revocation else None,
            "revocation_key_id": c.revocation.sealed.key_id if c.revocation else None,
            "revocation_epoch": c.revocation.epoch if c.revocation else None,
            "revocation_generation": c.revocation.generation if c.revocation else None,
            "revocation_attempts": c.revocation.attempts if c.revocation else None,
            "disconnected_at": c.disconnected_at,
            "consent_ends_at": c.consent_ends_at,
            "consent_notice_at": c.consent_notice_at,
            "consent_noticed_at": c.consent_noticed_at,
            "origin": encode_origin(c.origin) if c.origin else None,
            "created_at": c.created_at,
            "updated_at": c.updated_at,
        }
    )
    return {**connection_key(c.key), **attributes}


def is_newer(item: Item) -> bool:
    """Return whether a newer version of this product wrote *item*."""
    return number(item, "schema", SCHEMA) > SCHEMA


def from_item(item: Item) -> Connection:
    """Return the connection of *item*; an entry of the tenant index gives a summary, whose other fields have their defaults.

    Raises:
        ValueError: the item was written by a newer version of this product.
    """
    if is_newer(item):
        raise ValueError("This row was written by a newer version of Evertoken: finish the upgrade.")
    key = _key(item)
    created_at, updated_at = instant(item, "created_at"), instant(item, "updated_at")
    assert created_at is not None
    return Connection(
        tenant_id=key.tenant_id,
        connection_id=key.connection_id,
        provider_id=text(item, "provider_id"),
        registration_id=text(item, "registration_id"),
        binding=text(item, "binding"),
        user_id=text(item, "user_id"),
        account=text(item, "account"),
        name=text(item, "name"),
        display_name=text(item, "display_name"),
        status=ConnectionStatus(text(item, "status")),
        on_hold=flag(item, "on_hold"),
        policy=RefreshPolicy(text(item, "policy")),
        publication=PublicationMode(text(item, "publication")),
        epoch=number(item, "epoch"),
        generation=number(item, "generation"),
        sealed=_sealed(item, "sealed", "key_id"),
        scope=text(item, "scope"),
        missing_scope=text(item, "missing_scope"),
        issued_at=instant(item, "issued_at"),
        expires_at=instant(item, "expires_at"),
        refresh_token_expires_at=instant(item, "refresh_token_expires_at"),
        has_refresh_token=flag(item, "has_refresh_token"),
        refresh_at=instant(item, "refresh_at"),
        due_at=instant(item, "due_at"),
        publication_number=number(item, "publication_number"),
        published_number=number(item, "published_number"),
        lease=_lease(item),
        commit_id=text(item, "commit_id") or None,
        attempted_at=instant(item, "attempted_at"),
        open_attempts=number(item, "open_attempts"),
        cooldown_until=instant(item, "cooldown_until"),
        failure=_failure(item),
        revocation=_revocation(item),
        disconnected_at=instant(item, "disconnected_at"),
        consent_ends_at=instant(item, "consent_ends_at"),
        consent_notice_at=instant(item, "consent_notice_at"),
        consent_noticed_at=instant(item, "consent_noticed_at"),
        origin=_origin(item),
        created_at=created_at,
        updated_at=updated_at or created_at,
    )


def due_from_item(item: Item) -> DueConnection:
    """Return an entry of the due index; its primary key names tenant and connection."""
    due_at = instant(item, "due_at")
    assert due_at is not None
    hint = Hint(
        key=_key(item),
        epoch=number(item, "epoch"),
        generation=number(item, "generation"),
        provider_id=text(item, "provider_id"),
        registration_id=text(item, "registration_id"),
        key_id=text(item, "key_id"),
    )
    return DueConnection(hint=hint, due_at=due_at, due_set_at=instant(item, "due_set_at"))


def _key(item: Item) -> ConnectionKey:
    """Return the identity that the primary key names; every index carries it."""
    return ConnectionKey(
        tenant_id=text(item, "pk").removeprefix("TENANT#"),
        connection_id=text(item, "sk").removeprefix("CONNECTION#"),
    )


def _sealed(item: Item, ciphertext: str, key_id: str) -> Sealed | None:
    if ciphertext not in item:
        return None
    return Sealed(key_id=text(item, key_id), ciphertext=blob(item, ciphertext))


def _lease(item: Item) -> Lease | None:
    until = instant(item, "lease_until")
    return None if until is None else Lease(owner=text(item, "lease_owner"), until=until)


def encode_origin(origin: Origin) -> str:
    """Return the one attribute that an origin is: every lease writes it, and each attribute of an update costs."""
    return f"{origin.trigger.value}\t{origin.actor}\t{origin.correlation_id}"


def _origin(item: Item) -> Origin | None:
    if "origin" not in item:
        return None
    trigger, actor, correlation_id = text(item, "origin").split("\t")
    return Origin(trigger=Trigger(trigger), actor=actor, correlation_id=correlation_id)


def _failure(item: Item) -> FailureRecord | None:
    failed_at = instant(item, "failed_at")
    if failed_at is None:
        return None
    return FailureRecord(
        cause=text(item, "failure_cause"),
        code=text(item, "failure_code"),
        count=number(item, "failure_count"),
        failed_at=failed_at,
    )


def _revocation(item: Item) -> PendingRevocation | None:
    sealed = _sealed(item, "revocation_sealed", "revocation_key_id")
    if sealed is None:
        return None
    return PendingRevocation(
        sealed=sealed,
        epoch=number(item, "revocation_epoch"),
        generation=number(item, "revocation_generation"),
        attempts=number(item, "revocation_attempts"),
    )
