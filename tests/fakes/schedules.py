"""Schedules in memory; a cancelled one is remembered, as in the store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from evertoken.domain.refresh_schedule import RefreshSchedule


@dataclass
class MemorySchedules:
    """`ScheduleStore`."""

    kept: dict[tuple[str, str], RefreshSchedule] = field(default_factory=dict)
    cancelled: set[tuple[str, str]] = field(default_factory=set)

    def find(self, tenant_id: str, schedule_id: str) -> RefreshSchedule | None:
        key = (tenant_id, schedule_id)
        return None if key in self.cancelled else self.kept.get(key)

    def list_all(self, tenant_id: str) -> tuple[RefreshSchedule, ...]:
        keys = sorted(key for key in self.kept.keys() - self.cancelled if key[0] == tenant_id)
        return tuple(self.kept[key] for key in keys)

    def create(self, schedule: RefreshSchedule) -> None:
        self.kept[schedule.tenant_id, schedule.schedule_id] = schedule

    def record_tick(
        self, tenant_id: str, schedule_id: str, *, job_id: str, now: datetime
    ) -> RefreshSchedule | None:
        known = self.find(tenant_id, schedule_id)
        if known is None or (known.is_spent and known.last_job_id != job_id):
            return None
        fired = replace(known, last_fired_at=now, last_job_id=job_id)
        self.kept[tenant_id, schedule_id] = fired
        return fired

    def forget_spent(self, tenant_id: str, schedule_id: str, *, job_id: str) -> None:
        known = self.find(tenant_id, schedule_id)
        if known is not None and known.is_spent and known.last_job_id == job_id:
            del self.kept[tenant_id, schedule_id]

    def cancel(self, tenant_id: str, schedule_id: str, *, now: datetime) -> bool:
        del now
        key = (tenant_id, schedule_id)
        self.cancelled |= {key} & self.kept.keys()
        return key in self.kept
