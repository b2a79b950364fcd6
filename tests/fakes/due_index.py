"""The sparse due index beside the fake store: it may lag, and it counts what reading it costs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionKey
from evertoken.domain.hint import Hint
from evertoken.domain.schedule import due_shard
from evertoken.ports import Clock, DueConnection

PAGE_BYTES = 1_048_576
"""A Query returns at most one megabyte a page (DynamoDB developer guide, read 2026-11-21)."""
ENTRY_OVERHEAD_BYTES = 100


class FakeDueIndex:
    """Entries by shard; a change is seen `lag_seconds` after it was made.

    `read_units` counts as DynamoDB bills an eventually consistent Query: half a unit for each 4 KB read, begun.
    """

    def __init__(self, clock: Clock, *, shards: int) -> None:
        self._clock = clock
        self._shards: list[dict[ConnectionKey, DueConnection]] = [{} for _ in range(shards)]
        self._on_its_way: deque[tuple[datetime, ConnectionKey, DueConnection | None]] = deque()
        self.lag_seconds = 0.0
        self.read_units = 0.0
        self.page_bytes = PAGE_BYTES

    def put(self, row: Connection, due_set_at: datetime | None) -> None:
        entry = None
        if row.due_at is not None:
            assert due_set_at is not None
            entry = DueConnection(
                hint=Hint(
                    key=row.key,
                    epoch=row.epoch,
                    generation=row.generation,
                    provider_id=row.provider_id,
                    registration_id=row.registration_id,
                    key_id=row.sealed.key_id if row.sealed else "",
                ),
                due_at=row.due_at,
                due_set_at=due_set_at,
            )
        visible_at = self._clock.now() + timedelta(seconds=self.lag_seconds)
        self._on_its_way.append((visible_at, row.key, entry))

    def query(self, shard: int, before: datetime) -> Iterator[list[DueConnection]]:
        self._arrive()
        found = sorted(
            (entry for entry in self._shards[shard].values() if entry.due_at < before),
            key=lambda one: one.due_at,
        )
        page: list[DueConnection] = []
        size = 0
        for entry in found:
            if page and size + _size(entry) > self.page_bytes:
                self._bill(size)
                yield page
                page, size = [], 0
            page.append(entry)
            size += _size(entry)
        self._bill(size)
        yield page

    def _arrive(self) -> None:
        now = self._clock.now()
        while self._on_its_way and self._on_its_way[0][0] <= now:
            _, key, entry = self._on_its_way.popleft()
            shard = self._shards[due_shard(key.connection_id, len(self._shards))]
            if entry is None:
                shard.pop(key, None)
            else:
                shard[key] = entry

    def _bill(self, size: int) -> None:
        self.read_units += max(math.ceil(size / 4096), 1) * 0.5


def _size(entry: DueConnection) -> int:
    """About what DynamoDB counts: names and values of keys and projected attributes."""
    hint = entry.hint
    texts = (hint.key.tenant_id, hint.key.connection_id, hint.provider_id, hint.registration_id, hint.key_id)
    return ENTRY_OVERHEAD_BYTES + sum(len(text.encode()) for text in texts)
