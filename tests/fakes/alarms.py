"""Alarms in memory, and what they would send at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from evertoken.domain.job import ScheduleTick
from evertoken.domain.refresh_schedule import RefreshSchedule


@dataclass
class MemoryAlarms:
    """`Alarms`. `fail_with` is raised by the next `set`, before or after it took effect."""

    entries: dict[str, RefreshSchedule] = field(default_factory=dict)
    fail_with: Exception | None = None
    fails_late: bool = False

    def set(self, schedule: RefreshSchedule) -> None:
        if self.fail_with is None or self.fails_late:
            self.entries[schedule.schedule_id] = schedule
        if self.fail_with is not None:
            raise self.fail_with

    def cancel(self, schedule_id: str) -> None:
        self.entries.pop(schedule_id, None)

    def tick(self, schedule_id: str, at: datetime) -> ScheduleTick:
        """The message that the entry sends at *at*."""
        entry = self.entries[schedule_id]
        if entry.interval_minutes is None:
            del self.entries[schedule_id]
        return ScheduleTick(tenant_id=entry.tenant_id, schedule_id=schedule_id, scheduled_time=at.isoformat())
