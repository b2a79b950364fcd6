"""A schedule that a tenant made: one delayed refresh of a connection, or a recurring one of all that is due (FEATURES D4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evertoken.domain.job import JobSelection, RetrySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSchedule:
    """A schedule as it is kept: `interval_minutes` of a recurring one, else `fires_at` of one that fires once.

    The item is the truth, the entry in EventBridge Scheduler only wakes it: a tick without an item does nothing, and neither does a step of a job
    whose schedule is gone.
    """

    tenant_id: str
    schedule_id: str
    selection: JobSelection
    retries: RetrySettings
    interval_minutes: int | None
    fires_at: datetime | None
    actor: str
    correlation_id: str
    created_at: datetime
