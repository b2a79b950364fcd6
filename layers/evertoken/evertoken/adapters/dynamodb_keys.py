"""The keys of the table, built here and nowhere else. Partitions are what the roles in template.yaml are confined to."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.instants import to_milliseconds

DUE_INDEX = "due"
TENANT_INDEX = "by_tenant"
NEVER = "9" * 15
"""Where connections without an expiry stand in the tenant index: after all others."""

Key = dict[str, dict[str, Any]]


def key_of(partition: str, sort: str) -> Key:
    """Return a primary key."""
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def tenant_partition(tenant_id: str) -> str:
    """Return the partition of all that is a tenant's own."""
    return f"TENANT#{tenant_id}"


def connection_key(key: ConnectionKey) -> Key:
    """Return the primary key of a connection."""
    return key_of(tenant_partition(key.tenant_id), f"CONNECTION#{key.connection_id}")


def account_sort(user_id: str, registration_id: str, account: str) -> str:
    """Return the sort key of an account binding: listing by user is a query on its prefix, foreign characters cannot break it."""
    return f"{user_prefix(user_id)}{_digest(registration_id, account)}"


def user_prefix(user_id: str) -> str:
    """Return what the account bindings of a user begin with."""
    return f"ACCOUNT#{_digest(user_id)}#"


def data_key_sort(month: str) -> str:
    """Return the sort key of a tenant's data key of a month."""
    return f"DATAKEY#{month}"


def due_partition(shard: int) -> str:
    """Return the partition of the due index that holds a shard."""
    return f"{shard:04d}"


def listed_at(expires_at: datetime | None) -> str:
    """Return where a connection stands in the tenant index: by expiry, as fixed-width milliseconds."""
    return NEVER if expires_at is None else f"{max(to_milliseconds(expires_at), 0):015d}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
