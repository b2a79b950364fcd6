"""A partition of small items that are read and written by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_values import Plain, decode_item, encode_item
from evertoken.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNAVAILABLE = "The directory did not answer in time. Try again."


class Partition:
    """The items of one kind, by name. Every method raises StoreUnavailableError."""

    def __init__(self, client: DynamoDBClient, table_name: str, *, partition: str) -> None:
        self._client = client
        self._table = table_name
        self._partition = partition

    def find(self, name: str) -> dict[str, Any] | None:
        """Return the values of an item, read consistently, or None."""
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table, Key=encode_item(self._key(name)), ConsistentRead=True
            )
        item = answer.get("Item")
        return None if item is None else decode_item(item)

    def put(self, name: str, values: Mapping[str, Plain]) -> None:
        """Create or replace an item."""
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            self._client.put_item(TableName=self._table, Item=encode_item({**values, **self._key(name)}))

    def put_if(
        self, name: str, values: Mapping[str, Plain], condition: str, compared: Mapping[str, Plain]
    ) -> bool:
        """Create or replace an item where *condition* holds of what is there; return whether it did."""
        placeholders: Any = {"ExpressionAttributeValues": encode_item(compared)} if compared else {}
        item = encode_item({**values, **self._key(name)})
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.put_item(
                    TableName=self._table, Item=item, ConditionExpression=condition, **placeholders
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def delete(self, name: str) -> bool:
        """Remove an item; return whether it was there."""
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            answer = self._client.delete_item(
                TableName=self._table, Key=encode_item(self._key(name)), ReturnValues="ALL_OLD"
            )
        return bool(answer.get("Attributes"))

    def list_all(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the values of all items, read consistently, by name; of those alone whose name begins with *prefix*."""
        names = " AND begins_with(sk, :prefix)" if prefix else ""
        values = {":partition": self._partition, **({":prefix": prefix} if prefix else {})}
        paginator = self._client.get_paginator("query")
        with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :partition" + names,
                ExpressionAttributeValues=encode_item(values),
                ConsistentRead=True,
            )
            return [decode_item(item) for page in pages for item in page["Items"]]

    def _key(self, name: str) -> dict[str, Plain]:
        return {"pk": self._partition, "sk": name}
