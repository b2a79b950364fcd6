"""Ledgers in memory."""

from __future__ import annotations

from evertoken.control_ports import LedgerPage
from evertoken.domain.connection import ConnectionKey
from evertoken.domain.ledger import BEGINNINGS, LedgerEntry

Place = tuple[int, str, str, str]


class MemoryLedger:
    """Ledger."""

    def __init__(self) -> None:
        self.entries: dict[ConnectionKey, dict[Place, LedgerEntry]] = {}
        self._begun: set[ConnectionKey] = set()

    def write(self, entry: LedgerEntry) -> None:
        place = (
            round(entry.at.timestamp() * 1000),
            entry.type.value,
            str(entry.epoch),
            str(entry.generation),
        )
        self.entries.setdefault(entry.key, {})[place] = entry
        if entry.type in BEGINNINGS:
            self._begun.add(entry.key)

    def list(self, key: ConnectionKey, *, limit: int, position: str | None) -> LedgerPage:
        newest_first = self.all(key)[::-1]
        start = int(position or 0)
        page = newest_first[start : start + limit]
        end = start + limit
        return LedgerPage(
            entries=tuple(page),
            position=str(end) if len(page) == limit and end <= len(newest_first) else None,
        )

    def knows(self, key: ConnectionKey) -> bool:
        return key in self._begun

    def all(self, key: ConnectionKey) -> list[LedgerEntry]:
        """All entries of a connection, oldest first."""
        return [entry for _, entry in sorted(self.entries.get(key, {}).items())]

    def forget_entries(self, key: ConnectionKey) -> None:
        """Time has taken all entries, and left what has no end."""
        self.entries.pop(key, None)
