"""Tenants and the operators' own providers: small items, each kind in a partition of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evertoken.adapters.dynamodb_partition import Partition
from evertoken.adapters.dynamodb_values import Plain
from evertoken.domain.authorization import Tenant
from evertoken.domain.instants import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBTenants:
    """`TenantStore` on the table. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._items = Partition(client, table_name, partition="TENANTS")

    def find(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, read consistently, or None."""
        values = self._items.find(tenant_id)
        return None if values is None else _tenant(values)

    def put(self, tenant: Tenant, *, replacing: Tenant | None) -> bool:
        """Create a tenant, or replace the one that was read; return False, with nothing done, when it is not that one any more."""
        values: dict[str, Plain] = {
            "name": tenant.name,
            "return_urls": tenant.return_urls,
            "is_suspended": tenant.is_suspended,
            "created_at": to_milliseconds(tenant.created_at),
            "updated_at": to_milliseconds(tenant.updated_at),
        }
        if replacing is None:
            return self._items.put_if(tenant.tenant_id, values, "attribute_not_exists(pk)", {})
        was = {":was": to_milliseconds(replacing.updated_at)}
        return self._items.put_if(tenant.tenant_id, values, "updated_at = :was", was)

    def delete(self, tenant_id: str) -> bool:
        """Remove a tenant; return whether it was there."""
        return self._items.delete(tenant_id)

    def list_all(self) -> tuple[Tenant, ...]:
        """Return all tenants, by id."""
        return tuple(_tenant(values) for values in self._items.list_all())


class DynamoDBOperatorProviders:
    """`OperatorProviders` on the table: documents of the provider schema, as JSON text. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._items = Partition(client, table_name, partition="PROVIDERS")

    def find(self, provider_id: str) -> dict[str, object] | None:
        """Return the document, read consistently, or None."""
        values = self._items.find(provider_id)
        return None if values is None else json.loads(values["document"])

    def put(self, provider_id: str, document: dict[str, object], now: datetime) -> None:
        """Create or replace the document."""
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        self._items.put(provider_id, {"document": text, "updated_at": to_milliseconds(now)})

    def delete(self, provider_id: str) -> bool:
        """Remove it; return whether it was there."""
        return self._items.delete(provider_id)

    def list_ids(self) -> tuple[str, ...]:
        """Return the ids of all operators' entries, in order."""
        return tuple(values["sk"] for values in self._items.list_all())


def _tenant(values: Mapping[str, Any]) -> Tenant:
    return Tenant(
        tenant_id=values["sk"],
        name=values["name"],
        return_urls=values["return_urls"],
        is_suspended=values.get("is_suspended", False),
        created_at=from_milliseconds(values["created_at"]),
        updated_at=from_milliseconds(values["updated_at"]),
    )
