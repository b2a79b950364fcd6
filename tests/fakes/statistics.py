"""Statistics counted from rows in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.statistics import ConnectionStatistics
from tests.fakes.connection_list import HIDDEN


@dataclass
class MemoryStatistics:
    """`StatisticsReader` on whatever *rows* returns."""

    rows: Callable[[], Iterable[Connection]]

    def count(
        self, tenant_id: str, *, needing_before: datetime, urgent_before: datetime
    ) -> ConnectionStatistics:
        rows = [row for row in self.rows() if row.tenant_id == tenant_id and row.status not in HIDDEN]
        ends = [row.expires_at for row in rows if row.is_refreshable and row.expires_at is not None]
        return ConnectionStatistics(
            total=len(rows),
            needing_refresh=sum(end < needing_before for end in ends),
            urgent=sum(end < urgent_before for end in ends),
            with_refresh_token=sum(row.has_refresh_token for row in rows),
            on_hold=sum(row.on_hold for row in rows),
            by_status={
                status: sum(row.status is status for row in rows)
                for status in ConnectionStatus
                if status not in HIDDEN
            },
        )
