"""A connection that arrives whole: its row and its account's binding in one transaction, without a read before it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_keys import account_sort, key_of, tenant_partition
from evertoken.adapters.dynamodb_refresh import RefreshedRows
from evertoken.adapters.dynamodb_rows import UNAVAILABLE
from evertoken.adapters.dynamodb_values import encode_item, text
from evertoken.domain.connection import Connection, ConnectionKey
from evertoken.domain.errors import StoreUnavailableError

_IS_NEW = "attribute_not_exists(pk)"


class ImportedRows(RefreshedRows):
    """The part of ConnectionStore that imports use."""

    def import_connection(self, connection: Connection) -> ConnectionKey:
        c = connection
        binding = key_of(tenant_partition(c.tenant_id), account_sort(c.user_id, c.registration_id, c.account))
        bound = {**binding, **encode_item({"connection_id": c.connection_id, "user_id": c.user_id})}
        transaction: list[Any] = [
            {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": _IS_NEW}}
            for item in (to_item(c, self._shards), bound)
        ]
        with unavailable_as(StoreUnavailableError, UNAVAILABLE):
            try:
                self._client.transact_write_items(TransactItems=transaction)
            except ClientError as error:
                if error_code(error) not in ("TransactionCanceledException", "TransactionConflictException"):
                    raise
                answer = self._client.get_item(TableName=self._table, Key=binding, ConsistentRead=True)
                if "Item" not in answer:
                    # Another transaction was at this account in that moment, and has not come through (yet).
                    raise StoreUnavailableError(UNAVAILABLE) from error
                return ConnectionKey(
                    tenant_id=c.tenant_id, connection_id=text(answer["Item"], "connection_id")
                )
        return c.key
