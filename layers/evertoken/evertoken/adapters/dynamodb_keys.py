"""The keys of the table, built here and nowhere else. Partitions are what the roles in template.yaml are confined to."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evertoken.domain.connection import ConnectionKey
from evertoken.domain.instants import to_milliseconds

if TYPE_CHECKING:
    from evertoken.domain.external_identity import IamRole, OidcBinding

DUE_INDEX = "due"
TENANT_INDEX = "by_tenant"
CLIENT_BINDINGS = "CLIENT_BINDINGS"
REVOKED = "REVOKED"
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


def jobs_partition(tenant_id: str) -> str:
    """Return the partition of a tenant's jobs."""
    return f"JOBS#{tenant_id}"


def job_sort(job_id: str = "") -> str:
    """Return the sort key of a job; without an id, what all of them begin with."""
    return f"JOB#{job_id}"


def selection_sort(job_id: str) -> str:
    """Return the sort key of what a job is about."""
    return f"SELECTION#{job_id}"


def step_sort(job_id: str, position: int | None = None) -> str:
    """Return the sort key of a step of a job; without a position, what all of them begin with."""
    return f"STEP#{job_id}#" if position is None else f"STEP#{job_id}#{position:04d}"


def schedules_partition(tenant_id: str) -> str:
    """Return the partition of the schedules that a tenant made."""
    return f"SCHEDULES#{tenant_id}"


def audit_partition(tenant_id: str) -> str:
    """Return the partition of a tenant's audit entries; the operators' is the one of the empty id."""
    return f"AUDIT#{tenant_id}"


def audit_sort(at: datetime, entry_id: str) -> str:
    """Return the sort key of an audit entry: by time, two of one millisecond apart by their ids."""
    return f"{audit_sort_from(at)}#{entry_id}"


def audit_sort_from(at: datetime) -> str:
    """Return where the audit entries of *at* begin: after all earlier ones, before all of that millisecond."""
    return f"{to_milliseconds(at):015d}"


def role_binding_sort(role: IamRole) -> str:
    """Return the sort key of what binds a role to its API client."""
    return f"ROLE#{role.partition}#{role.account}#{role.name}"


def oidc_binding_sort(binding: OidcBinding) -> str:
    """Return the sort key of what binds tokens of an issuer to their API client."""
    return oidc_issuer_prefix(binding.issuer) + _digest(
        binding.audience_claim, binding.audience, *([] if binding.subject is None else [binding.subject])
    )


def oidc_issuer_prefix(issuer: str) -> str:
    """Return what the bindings of an issuer begin with."""
    return f"OIDC#{_digest(issuer)}#"


def revoked_client_sort(client_id: str) -> str:
    """Return the sort key of a revoked API client."""
    return f"CLIENT#{client_id}"


def revoked_tenant_sort(tenant_id: str) -> str:
    """Return the sort key of a revoked tenant."""
    return f"TENANT#{tenant_id}"


def session_partition(tenant_id: str) -> str:
    """Return the partition of the sessions of a tenant's users."""
    return f"SESSIONS#{tenant_id}"


def ledger_partition(key: ConnectionKey) -> str:
    """Return the partition of a connection's ledger."""
    return f"LEDGER#{key.tenant_id}#{key.connection_id}"


def ledger_sort(at: datetime, kind: str, epoch: int, generation: int) -> str:
    """Return the sort key of a ledger entry: by time, and the same for each telling."""
    return f"{to_milliseconds(at):015d}#{kind}#{epoch}#{generation}"


LEDGER_END = ":"
"""Where the entries of a ledger end: after all digits."""
LEDGER_BEGUN = "BEGUN"
"""The sort key of the note that a ledger was begun; it comes after all entries."""


def due_partition(shard: int) -> str:
    """Return the partition of the due index that holds a shard."""
    return f"{shard:04d}"


def listed_at(expires_at: datetime | None) -> str:
    """Return where a connection stands in the tenant index: by expiry, as fixed-width milliseconds."""
    return NEVER if expires_at is None else f"{max(to_milliseconds(expires_at), 0):015d}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]
