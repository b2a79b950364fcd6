"""Tenants, API clients and the operators' own providers: small items, each kind in a partition of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_values import Plain, decode_item, encode_item
from evertoken.domain.authorization import ApiClient, Tenant
from evertoken.domain.errors import ConflictError, StoreUnavailableError
from evertoken.domain.instants import from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNAVAILABLE = "The directory did not answer in time. Try again."


class _Partition:
    """The items of one kind, by name."""

    def __init__(self, client: DynamoDBClient, table_name: str, *, partition: str) -> None:
        self._client = client
        self._table = table_name
        self._partition = partition

    def find(self, name: str) -> dict[str, Any] | None:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=encode_item(self._key(name)), ConsistentRead=True
            )
        item = answer.get("Item")
        return None if item is None else decode_item(item)

    def put(self, name: str, values: Mapping[str, Plain], *, only_new: bool = False) -> bool:
        item = encode_item({**values, **self._key(name)})
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                if only_new:
                    self._client.put_item(
                        TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
                    )
                else:
                    self._client.put_item(TableName=self._table, Item=item)
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def delete(self, name: str) -> bool:
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.delete_item(
                TableName=self._table, Key=encode_item(self._key(name)), ReturnValues="ALL_OLD"
            )
        return bool(answer.get("Attributes"))

    def list_all(self) -> list[dict[str, Any]]:
        paginator = self._client.get_paginator("query")
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :partition",
                ExpressionAttributeValues=encode_item({":partition": self._partition}),
                ConsistentRead=True,
            )
            return [decode_item(item) for page in pages for item in page["Items"]]

    def _key(self, name: str) -> dict[str, Plain]:
        return {"pk": self._partition, "sk": name}


class DynamoDBTenants:
    """`TenantStore` on the table. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._items = _Partition(client, table_name, partition="TENANTS")

    def find(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, read consistently, or None."""
        values = self._items.find(tenant_id)
        return None if values is None else _tenant(values)

    def put(self, tenant: Tenant) -> None:
        """Create or replace a tenant."""
        values: dict[str, Plain] = {
            "name": tenant.name,
            "return_urls": tenant.return_urls,
            "created_at": to_milliseconds(tenant.created_at),
            "updated_at": to_milliseconds(tenant.updated_at),
        }
        self._items.put(tenant.tenant_id, values)

    def delete(self, tenant_id: str) -> bool:
        """Remove a tenant; return whether it was there."""
        return self._items.delete(tenant_id)

    def list_all(self) -> tuple[Tenant, ...]:
        """Return all tenants, by id."""
        return tuple(_tenant(values) for values in self._items.list_all())


class DynamoDBApiClients:
    """`ApiClientStore` on the table; of a secret only its hash is stored. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._items = _Partition(client, table_name, partition="CLIENTS")

    def find(self, client_id: str) -> ApiClient | None:
        """Return an API client, read consistently, or None."""
        values = self._items.find(client_id)
        return None if values is None else _api_client(values)

    def put(self, client: ApiClient) -> None:
        """Create an API client. Raises ConflictError when the id is taken."""
        values: dict[str, Plain] = {
            "client_of_tenant": client.tenant_id,
            "name": client.name,
            "scopes": client.scopes,
            "secret_hash": client.secret_hash,
            "created_at": to_milliseconds(client.created_at),
        }
        if not self._items.put(client.client_id, values, only_new=True):
            raise ConflictError("An API client with this id exists. Create another.")

    def delete(self, client_id: str) -> bool:
        """Remove an API client; return whether it was there."""
        return self._items.delete(client_id)

    def list_all(self, tenant_id: str | None) -> tuple[ApiClient, ...]:
        """Return the API clients of a tenant, or all, by id."""
        clients = (_api_client(values) for values in self._items.list_all())
        return tuple(client for client in clients if tenant_id is None or client.tenant_id == tenant_id)


class DynamoDBOperatorProviders:
    """`OperatorProviders` on the table: documents of the provider schema, as JSON text. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._items = _Partition(client, table_name, partition="PROVIDERS")

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
        created_at=from_milliseconds(values["created_at"]),
        updated_at=from_milliseconds(values["updated_at"]),
    )


def _api_client(values: Mapping[str, Any]) -> ApiClient:
    return ApiClient(
        client_id=values["sk"],
        tenant_id=values.get("client_of_tenant"),
        name=values["name"],
        scopes=values["scopes"],
        secret_hash=values["secret_hash"],
        created_at=from_milliseconds(values["created_at"]),
    )
