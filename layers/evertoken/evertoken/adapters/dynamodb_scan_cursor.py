"""How far each shard of the due index was scanned: one item."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.dynamodb_keys import key_of
from evertoken.adapters.dynamodb_values import Update, instant
from evertoken.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = key_of("SCANNER", "CURSOR")
_PREFIX = "shard_"


class DynamoDBScanCursor:
    """ScanCursor as one item with an attribute for each shard."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def get(self) -> dict[int, datetime]:
        with unavailable_as(StoreUnavailableError, "The scan cursor could not be read."):
            item = self._client.get_item(TableName=self._table, Key=_KEY).get("Item", {})
        instants = {name: instant(item, name) for name in item if name.startswith(_PREFIX)}
        return {
            int(name.removeprefix(_PREFIX)): moment for name, moment in instants.items() if moment is not None
        }

    def advance(self, through: dict[int, datetime]) -> None:
        if not through:
            return
        update = Update()
        for shard, moment in through.items():
            update.set(f"{_PREFIX}{shard}", moment)
        with unavailable_as(StoreUnavailableError, "The scan cursor could not be written."):
            self._client.update_item(TableName=self._table, Key=_KEY, **update.expression())
