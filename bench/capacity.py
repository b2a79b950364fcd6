"""What lists and statistics read: as much as they return of the caller's own, however many rows others have.

Counted as AWS bills: the bytes of the index entries and items that each query met, in half units of 4 KB, because emulators ignore sizes on reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.billing import Item, read_indexes, read_units, size_of
from bench.report import Figure, Report
from bench.sample import SHARDS, Sample, connection_id_of
from evertoken.adapters.dynamodb_connections import DynamoDBConnections
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_keys import TENANT_INDEX, account_sort, key_of, tenant_partition
from evertoken.adapters.dynamodb_statistics import DynamoDBStatistics
from evertoken.domain.connection import Connection
from evertoken.ports import ConnectionFilter

SMALL, LARGE = 1_000, 20_000
OWN, NEEDING, OF_USER = 200, 30, 5
PAGE = 50
BUDGET = 1.1
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TENANT, STRANGER, USER = "acme", "stranger", "ann"
_QUERY_BYTES = 1024 * 1024


class BilledTable:
    """A table of connections that answers the queries of lists and statistics, and adds up what DynamoDB would bill for them.

    What a query meets follows from its key condition, its limit and the megabyte at which DynamoDB ends one; filters and projections save nothing.
    """

    def __init__(self, rows: Iterator[Connection]) -> None:
        index = next(one for one in read_indexes() if one.name == TENANT_INDEX)
        self._items: dict[tuple[str, str], Item] = {}
        self._entries: dict[str, list[Item]] = {}
        self.units = 0.0
        self.met = 0
        for row in rows:
            item = to_item(row, SHARDS)
            self._put(item)
            self._entries.setdefault(row.tenant_id, []).append(index.entry(item) or {})
            if row.user_id == USER:
                sort = account_sort(row.user_id, row.registration_id, row.account)
                binding = key_of(tenant_partition(row.tenant_id), sort)
                self._put({**binding, "connection_id": {"S": row.connection_id}})
        for entries in self._entries.values():
            entries.sort(key=lambda entry: entry["listed_at"]["S"])

    def query(self, **parameters: Any) -> dict[str, Any]:
        """Answer one Query."""
        values = {name: value["S"] for name, value in parameters["ExpressionAttributeValues"].items()}
        start = int(parameters.get("ExclusiveStartKey", {}).get("place", {}).get("N", 0))
        met: list[Item] = []
        size = 0
        matching = self._matching(parameters["KeyConditionExpression"], values)
        for item in matching[start : start + parameters.get("Limit", len(matching))]:
            size += size_of(item)
            if size > _QUERY_BYTES:
                break
            met.append(item)
        self.units += read_units(sum(map(size_of, met)), consistent=False)
        self.met += len(met)
        end = start + len(met)
        answer: dict[str, Any] = {"Items": met}
        return answer if end >= len(matching) else {**answer, "LastEvaluatedKey": {"place": {"N": str(end)}}}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803  # as boto3 calls it
        """Answer one BatchGetItem: each item is rounded up by itself."""
        (table,) = RequestItems
        items = [self._items[key["pk"]["S"], key["sk"]["S"]] for key in RequestItems[table]["Keys"]]
        self.units += sum(read_units(size_of(item), consistent=False) for item in items)
        return {"Responses": {table: items}}

    def _put(self, item: Item) -> None:
        self._items[item["pk"]["S"], item["sk"]["S"]] = item

    def _matching(self, condition: str, values: dict[str, str]) -> list[Item]:
        match condition:
            case "tenant_id = :tenant":
                return self._entries[values[":tenant"]]
            case "tenant_id = :tenant AND listed_at < :before":
                mine = self._entries[values[":tenant"]]
                return [entry for entry in mine if entry["listed_at"]["S"] < values[":before"]]
            case "pk = :tenant AND begins_with(sk, :user)":
                found = ((key, item) for key, item in self._items.items() if key[0] == values[":tenant"])
                return [item for key, item in found if key[1].startswith(values[":user"])]
            case _:
                raise ValueError(f"This bench does not know the condition {condition}.")


def measure() -> Report:
    """Read the same in tables of different sizes, first with the tenant's rows fixed, then with all of them the tenant's."""
    fixed = {rows: _measure_table(rows, own=OWN) for rows in (SMALL, LARGE)}
    grown = {rows: _measure_table(rows, own=rows) for rows in (SMALL, LARGE)}
    figures = [
        Figure(
            name=f"read units of {what}: {LARGE:,} beside {SMALL:,} rows in the table, {OWN} of them the tenant's",
            value=fixed[LARGE][what][1] / fixed[SMALL][what][1],
            unit="x",
            budget=BUDGET,
        )
        for what in _READINGS
    ]
    for title, found in ((f"in the table, {OWN} of them the tenant's", fixed), ("of the tenant", grown)):
        figures += [
            Figure(name=f"{what}, {rows:,} rows {title}: {met:,} entries met", value=units, unit="RRU")
            for rows, readings in found.items()
            for what, (met, units) in readings.items()
        ]
    return Report(
        name="capacity",
        title="what lists and statistics read",
        figures=figures,
        notes=[
            "RRU: read request units, eventually consistent; a query is billed half a unit at least",
            f"what needs a refresh: {NEEDING} connections; by user: {OF_USER} of them, whose rows are read whole",
        ],
    )


def _measure_table(rows: int, *, own: int) -> dict[str, tuple[int, float]]:
    """Return how many entries each reading met in a table of *rows* connections, *own* of them the tenant's, and what it is billed."""
    table, found = BilledTable(_rows(rows, own)), {}
    for what, reading in _READINGS.items():
        table.units, table.met = 0.0, 0
        reading(table)
        found[what] = (table.met, table.units)
    return found


def _list_page(table: BilledTable) -> None:
    assert _list(table, ConnectionFilter()) == PAGE


def _list_needing(table: BilledTable) -> None:
    only = ConnectionFilter(expires_before=NOW + timedelta(minutes=60), is_refreshable=True)
    assert _list(table, only) == NEEDING


def _list_by_user(table: BilledTable) -> None:
    assert _list(table, ConnectionFilter(user_id=USER)) == OF_USER


def _list(table: BilledTable, only: ConnectionFilter) -> int:
    store = DynamoDBConnections(table, "capacity", shards=SHARDS)  # type: ignore[arg-type]  # of a client it has what is used
    return len(store.list_by_tenant(TENANT, only=only, limit=PAGE, position=None).connections)


def _count(table: BilledTable) -> None:
    reader = DynamoDBStatistics(table, "capacity")  # type: ignore[arg-type]  # of a client it has what is used
    within_the_hour = NOW + timedelta(minutes=60)
    found = reader.count(TENANT, needing_before=within_the_hour, urgent_before=within_the_hour)
    assert found.needing_refresh == NEEDING


_READINGS: dict[str, Callable[[BilledTable], None]] = {
    f"a page of {PAGE} of the list": _list_page,
    "what needs a refresh": _list_needing,
    "by user": _list_by_user,
    "statistics": _count,
}


def _rows(rows: int, own: int) -> Iterator[Connection]:
    """Yield the connections: of the tenant's, the first few need a refresh within the hour, and the first fewer are one user's."""
    pattern = Sample(token_endpoint="http://127.0.0.1:9/token", now=NOW).connection(0, "refresh-token")
    for number in range(rows):
        later = timedelta(minutes=30 if number < NEEDING else 120 + number % 600)
        yield replace(
            pattern,
            tenant_id=TENANT if number < own else STRANGER,
            connection_id=connection_id_of(number),
            user_id=USER if number < OF_USER else f"user-{number}",
            account=f"account-{number}",
            expires_at=NOW + later,
        )
