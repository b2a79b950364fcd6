"""What DynamoDB bills for an item: sizes, write units of a table and its indexes, read units.

Rules: Amazon DynamoDB developer guide, "Item sizes and formats", "Read and write operations" and "Global secondary indexes"
(read 2026-11-21). An UpdateItem is billed by the larger of the whole item before and after; an index entry costs nothing when
nothing projected changed, one write when a projected attribute did, and two when its key moved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.contract.template_table import read_table

Item = Mapping[str, Mapping[str, Any]]
_WRITE_BYTES, _READ_BYTES = 1024, 4096
STORED_OVERHEAD_BYTES = 100
"""For each item and each index entry, in storage only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One global secondary index: its key, and every attribute that an entry carries."""

    name: str
    key: tuple[str, ...]
    carried: frozenset[str]

    def entry(self, item: Item | None) -> dict[str, Mapping[str, Any]] | None:
        """Return the entry of *item*, or None: an item without the key is not in the index."""
        if item is None or any(name not in item for name in self.key):
            return None
        return {name: value for name, value in item.items() if name in self.carried}


def read_indexes() -> tuple[Index, ...]:
    """Return the indexes that template.yaml gives the table."""
    table = read_table()
    own = [key["AttributeName"] for key in table["KeySchema"]]
    indexes = []
    for index in table["GlobalSecondaryIndexes"]:
        key = tuple(part["AttributeName"] for part in index["KeySchema"])
        carried = frozenset([*own, *key, *index["Projection"].get("NonKeyAttributes", ())])
        indexes.append(Index(name=index["IndexName"], key=key, carried=carried))
    return tuple(indexes)


def size_of(item: Item) -> int:
    """Return the billed size of *item* in bytes."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def write_units(before: Item | None, after: Item | None, indexes: tuple[Index, ...]) -> dict[str, int]:
    """Return the write units of one write, by "table" and index name."""
    units = {"table": _written(max(size_of(one) for one in (before, after) if one is not None))}
    for index in indexes:
        old, new = index.entry(before), index.entry(after)
        if old == new:
            units[index.name] = 0
        elif old is not None and new is not None and all(old[name] == new[name] for name in index.key):
            units[index.name] = _written(max(size_of(old), size_of(new)))
        else:
            units[index.name] = sum(_written(size_of(one)) for one in (old, new) if one is not None)
    return units


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read units of one read of *size* bytes."""
    return max(math.ceil(size / _READ_BYTES), 1) * (1.0 if consistent else 0.5)


def _written(size: int) -> int:
    return max(math.ceil(size / _WRITE_BYTES), 1)


def _size_of_value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            # A byte for each two significant digits, and one more.
            return math.ceil(len(content.lstrip("-").strip("0") or "0") / 2) + 1
        case "BOOL" | "NULL":
            return 1
        case _:
            raise ValueError(f"No connection has an attribute of the kind {kind}.")
