"""Statistics of a tenant's connections, counted from its own entries of the tenant index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from evertoken.control_ports import StatisticsReader
from evertoken.domain.statistics import ConnectionStatistics
from evertoken.ports import Clock

URGENT_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsDependencies:
    """What statistics need."""

    reader: StatisticsReader
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsAsOf:
    """Statistics, and when they were counted. The index is a moment behind the rows."""

    statistics: ConnectionStatistics
    refresh_before_minutes: int
    as_of: datetime


def read_statistics(
    deps: StatisticsDependencies, tenant_id: str, *, refresh_before_minutes: int
) -> StatisticsAsOf:
    """Return the tenant's statistics now. Raises StoreUnavailableError."""
    now = deps.clock.now()
    statistics = deps.reader.count(
        tenant_id,
        needing_before=now + timedelta(minutes=refresh_before_minutes),
        urgent_before=now + timedelta(minutes=URGENT_MINUTES),
    )
    return StatisticsAsOf(statistics=statistics, refresh_before_minutes=refresh_before_minutes, as_of=now)
