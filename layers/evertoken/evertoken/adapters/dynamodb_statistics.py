"""Counts of a tenant's connections: one pass over its own entries of the tenant index, which answers all counts and makes them agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evertoken.adapters.aws_errors import unavailable_as
from evertoken.adapters.dynamodb_keys import TENANT_INDEX, listed_at
from evertoken.adapters.dynamodb_listing import HIDDEN
from evertoken.adapters.dynamodb_values import Item, encode, flag, text
from evertoken.domain.connection import ConnectionStatus
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.statistics import ConnectionStatistics

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNAVAILABLE = "The statistics could not be counted in time. Try again."


class DynamoDBStatistics:
    """`StatisticsReader` on the tenant index. The total needs every entry of the tenant; counting ranges of the same entries beside it would read them again."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def count(
        self, tenant_id: str, *, needing_before: datetime, urgent_before: datetime
    ) -> ConnectionStatistics:
        """Return the counts. Raises StoreUnavailableError."""
        needing, urgent = listed_at(needing_before), listed_at(urgent_before)
        hidden = {status.value for status in HIDDEN}
        counts: Counter[str] = Counter()
        statuses: Counter[str] = Counter()
        for item in self._read(tenant_id):
            status = text(item, "status")
            if status in hidden:
                continue
            statuses[status] += 1
            is_refreshable = status == ConnectionStatus.ACTIVE and not flag(item, "on_hold")
            counts["needing"] += is_refreshable and text(item, "listed_at") < needing
            counts["urgent"] += is_refreshable and text(item, "listed_at") < urgent
            counts["with_refresh_token"] += flag(item, "has_refresh_token")
            counts["on_hold"] += flag(item, "on_hold")
        return ConnectionStatistics(
            total=statuses.total(),
            needing_refresh=counts["needing"],
            urgent=counts["urgent"],
            with_refresh_token=counts["with_refresh_token"],
            on_hold=counts["on_hold"],
            by_status={one: statuses[one] for one in ConnectionStatus if one not in HIDDEN},
        )

    def _read(self, tenant_id: str) -> Iterator[Item]:
        """Yield what the counts need of every entry of the tenant."""
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": TENANT_INDEX,
            "KeyConditionExpression": "tenant_id = :tenant",
            # Less to send and to parse; what is read, and billed, is the whole entry all the same.
            "ProjectionExpression": "#status, on_hold, has_refresh_token, listed_at",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":tenant": encode(tenant_id)},
        }
        while True:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                answer = self._client.query(**parameters)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
