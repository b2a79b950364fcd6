"""Jobs in memory: each method is its port's sentence made literal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from evertoken.domain.job import (
    Job,
    JobSelection,
    JobStatus,
    JobStep,
    JobTarget,
    StepStatus,
    find_surplus,
)

JobName = tuple[str, str]


class MemoryJobs:
    """`JobStore`."""

    def __init__(self) -> None:
        self.jobs: dict[JobName, Job] = {}
        self.selections: dict[JobName, JobSelection] = {}
        self.targets: dict[JobName, tuple[tuple[JobTarget, ...], bool]] = {}
        self.steps: dict[JobName, dict[int, JobStep]] = {}
        self._lock = threading.Lock()

    def create(self, job: Job, selection: JobSelection) -> None:
        with self._lock:
            if _name(job) not in self.jobs:
                self.jobs[_name(job)] = job
                self.selections[_name(job)] = selection

    def find(self, tenant_id: str, job_id: str) -> Job | None:
        return self.jobs.get((tenant_id, job_id))

    def find_selection(self, tenant_id: str, job_id: str) -> JobSelection | None:
        return self.selections.get((tenant_id, job_id))

    def list_all(self, tenant_id: str) -> tuple[Job, ...]:
        jobs = [job for job in self.jobs.values() if job.tenant_id == tenant_id]
        return tuple(sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True))

    def list_steps(self, tenant_id: str, job_id: str) -> tuple[JobStep, ...]:
        return tuple(step for _, step in sorted(self.steps.get((tenant_id, job_id), {}).items()))

    def find_step(self, tenant_id: str, job_id: str, position: int) -> JobStep | None:
        return self.steps.get((tenant_id, job_id), {}).get(position)

    def fix_targets(
        self, job: Job, targets: Sequence[JobTarget], *, is_truncated: bool
    ) -> tuple[tuple[JobTarget, ...], bool]:
        with self._lock:
            if _name(job) not in self.selections:
                return (), False
            return self.targets.setdefault(_name(job), (tuple(targets), is_truncated))

    def begin(self, job: Job, steps: Sequence[JobStep], *, is_truncated: bool, now: datetime) -> Job:
        with self._lock:
            current = self.jobs.get(_name(job))
            if current is None:
                return job
            written = self.steps.setdefault(_name(job), {})
            for step in steps:
                written.setdefault(step.position, step)
            if current.status is not JobStatus.WAITING:
                return current
            begun = replace(current, total=len(steps), is_truncated=is_truncated, status=JobStatus.ACTIVE)
            if not steps:
                begun = replace(begun, status=JobStatus.COMPLETED, finished_at=now)
            self.jobs[_name(job)] = begun
            return begun

    def count_attempt(self, step: JobStep, *, next_attempt_at: datetime) -> bool:
        with self._lock:
            stored = self._find(step)
            if stored is None or stored.status is not StepStatus.WAITING or stored.attempts != step.attempts:
                return False
            self._put(replace(stored, attempts=stored.attempts + 1, next_attempt_at=next_attempt_at))
            return True

    def finish_step(self, step: JobStep, *, now: datetime) -> Job | None:
        with self._lock:
            stored = self._find(step)
            if stored is None:
                return None
            if stored.status is StepStatus.WAITING:
                self._put(replace(step, next_attempt_at=None, finished_at=now))
            job = self.jobs.get((step.tenant_id, step.job_id))
            if job is None:
                return None
            states = [one.status for one in self.steps[_name(job)].values()]
            job = replace(
                job,
                succeeded=states.count(StepStatus.SUCCEEDED),
                failed=states.count(StepStatus.FAILED),
            )
            if job.status is JobStatus.ACTIVE and job.processed == job.total:
                status = JobStatus.FAILED if job.failed else JobStatus.COMPLETED
                job = replace(job, status=status, finished_at=now)
            self.jobs[_name(job)] = job
            return job

    def trim(self, tenant_id: str, *, completed: int, failed: int) -> None:
        with self._lock:
            for job in find_surplus(self.list_all(tenant_id), completed=completed, failed=failed):
                for kept in (self.jobs, self.selections, self.targets, self.steps):
                    kept.pop(_name(job), None)

    def _find(self, step: JobStep) -> JobStep | None:
        return self.steps.get((step.tenant_id, step.job_id), {}).get(step.position)

    def _put(self, step: JobStep) -> None:
        self.steps[step.tenant_id, step.job_id][step.position] = step


def _name(job: Job) -> JobName:
    return job.tenant_id, job.job_id
