"""Jobs: refreshes of many connections, and what became of each."""

from __future__ import annotations

from evertoken.client.api_call import ApiCall, Repeat, query_of, segment
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.results import JobList, JobProgress


class JobRoutes(Routes):
    """A job comes to be by connections.refresh, connections.refresh_many, or a schedule."""

    @route
    def list(self, *, status: str | None = None) -> ApiCall[JobList]:
        """Return the jobs, newest first, and how many there are of each status; *status* narrows the list, not the counts."""
        return ApiCall(
            name="jobs.list",
            method="GET",
            path="/v1/jobs",
            query=query_of(status=status),
            decode=answers_with(JobList),
            repeat=Repeat.ALWAYS,
        )

    @route
    def get(self, job_id: str) -> ApiCall[JobProgress]:
        """Return a job and the result of each of its connections."""
        return ApiCall(
            name="jobs.get",
            method="GET",
            path=f"/v1/jobs/{segment(job_id)}",
            decode=answers_with(JobProgress),
            repeat=Repeat.ALWAYS,
        )


class Jobs(JobRoutes, Blocking):
    """Jobs, blocking."""


class AsyncJobs(JobRoutes, Awaiting):
    """Jobs, awaited."""
