"""Audit entries: one item each, in a partition a tenant, in the order of time; DynamoDB removes them when their time is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.dynamodb_keys import audit_partition, audit_sort, audit_sort_from
from evertoken.adapters.dynamodb_values import decode_item, encode, encode_item
from evertoken.control_ports import AuditFilter, AuditPage
from evertoken.domain.audit import AuditEntry
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.instants import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNAVAILABLE = "The audit trail did not answer in time. Try again."
_END_OF_TIME = "9" * 15
_QUERY_LIMIT = 1000
"""Entries that one query of a narrowed list looks at: less than the megabyte at which DynamoDB ends a query by itself."""
_MOST_QUERIES = 5
"""Queries that one page may take: a rare action in a long trail makes short pages, not a slow answer."""


class DynamoDBAuditTrail:
    """`AuditTrail` on the table; entries live for *retention_days*. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str, *, retention_days: int) -> None:
        self._client = client
        self._table = table_name
        self._retention = timedelta(days=retention_days)

    def write(self, entry: AuditEntry) -> None:
        """Keep an entry."""
        item = encode_item(
            {
                "pk": audit_partition(entry.tenant_id),
                "sk": audit_sort(entry.at, entry.entry_id),
                "at": to_milliseconds(entry.at),
                "action": entry.action,
                "actor": entry.actor,
                "target": entry.target,
                "status": entry.status,
                "code": entry.code,
                "source_ip": entry.source_ip,
                "user_agent": entry.user_agent,
                "correlation_id": entry.correlation_id,
                "ttl": int((entry.at + self._retention).timestamp()),
            }
        )
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=item)

    def list(self, tenant_id: str, *, only: AuditFilter, limit: int, position: str | None) -> AuditPage:
        """Return a page of a tenant's entries, newest first; a narrowed page may be short, or even empty, although more follow."""
        lowest = "0" if only.since is None else audit_sort_from(only.since)
        highest = _END_OF_TIME if only.until is None else audit_sort_from(only.until)
        if position is not None:
            highest = min(highest, position)
        found: list[AuditEntry] = []
        for _ in range(_MOST_QUERIES):
            items, is_end = self._read(tenant_id, lowest, highest, limit - len(found), only)
            for item in items:
                if item["sk"] == position:
                    continue
                highest = item["sk"]
                if _passes(item, only):
                    found.append(_entry(tenant_id, item))
                if len(found) == limit:
                    return AuditPage(entries=tuple(found), position=highest)
            if is_end:
                return AuditPage(entries=tuple(found), position=None)
            position = highest
        return AuditPage(entries=tuple(found), position=highest)

    def _read(
        self, tenant_id: str, lowest: str, highest: str, wanted: int, only: AuditFilter
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """Return the items from *highest* down to *lowest*, both included, and whether there are no more."""
        if lowest > highest:
            return [], True
        is_narrowed = only.action is not None or only.target is not None
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :partition AND sk BETWEEN :lowest AND :highest",
                ExpressionAttributeValues={
                    ":partition": encode(audit_partition(tenant_id)),
                    ":lowest": encode(lowest),
                    ":highest": encode(highest),
                },
                ScanIndexForward=False,
                # One more: where a page goes on, its last entry comes again.
                Limit=_QUERY_LIMIT if is_narrowed else wanted + 1,
            )
        return [decode_item(item) for item in answer["Items"]], "LastEvaluatedKey" not in answer


def _passes(item: Mapping[str, Any], only: AuditFilter) -> bool:
    return only.action in (None, item["action"]) and only.target in (None, item["target"])


def _entry(tenant_id: str, item: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        tenant_id=tenant_id,
        entry_id=item["sk"].partition("#")[2],
        at=from_milliseconds(item["at"]),
        action=item["action"],
        actor=item["actor"],
        target=item["target"],
        status=item["status"],
        code=item["code"],
        source_ip=item["source_ip"],
        user_agent=item["user_agent"],
        correlation_id=item["correlation_id"],
    )
