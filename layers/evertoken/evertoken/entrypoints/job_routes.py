"""The routes of jobs: a batch of refreshes, and how jobs stand."""

from __future__ import annotations

import re

from evertoken.domain.access_token import CONNECTIONS_READ, CONNECTIONS_WRITE
from evertoken.domain.errors import NotFoundError
from evertoken.domain.job import JobKind
from evertoken.entrypoints.api import Request, Route
from evertoken.entrypoints.body_model import parse_model
from evertoken.entrypoints.http_answer import Answer
from evertoken.entrypoints.job_view import accepted, view_list, view_progress
from evertoken.entrypoints.json_body import get_json_object
from evertoken.entrypoints.refresh_bodies import LARGEST_BATCH_BODY, BatchBody, JobParameters
from evertoken.usecases.create_job import JobDependencies, create_job
from evertoken.usecases.follow_jobs import get_job, list_jobs, wait_for_job

_JOB_ID = re.compile(r"job_[a-z2-7]{26}")


def job_routes(deps: JobDependencies) -> tuple[Route, ...]:
    """Return the routes of jobs."""
    routes = _Routes(deps)
    return (
        Route(
            key="POST /v1/connections/refresh",
            handle=routes.refresh,
            scope=CONNECTIONS_WRITE,
            action="connections.refresh",
            largest_body=LARGEST_BATCH_BODY,
        ),
        Route(key="GET /v1/jobs", handle=routes.list, scope=CONNECTIONS_READ),
        Route(key="GET /v1/jobs/{job_id}", handle=routes.inspect, scope=CONNECTIONS_READ),
    )


class _Routes:
    def __init__(self, deps: JobDependencies) -> None:
        self._deps = deps

    def refresh(self, request: Request) -> Answer:
        document = get_json_object(request.event, largest_body=LARGEST_BATCH_BODY)
        tenant_id, body = request.tenant_id, parse_model(BatchBody, document)
        job = create_job(
            self._deps,
            tenant_id=tenant_id,
            kind=JobKind.BATCH,
            selection=body.selection(),
            retries=body.retries(),
            actor=request.invocation.actor,
            correlation_id=request.invocation.correlation_id,
        )
        ended = wait_for_job(self._deps.jobs, self._deps.clock, job, seconds=body.wait_seconds)
        if ended is None:
            return accepted(job)
        return Answer(body=view_progress(ended), logged={"job": job.job_id})

    def list(self, request: Request) -> Answer:
        parameters = parse_model(JobParameters, request.query())
        return Answer(body=view_list(list_jobs(self._deps.jobs, request.tenant_id, status=parameters.status)))

    def inspect(self, request: Request) -> Answer:
        job_id = request.path["job_id"]
        if _JOB_ID.fullmatch(job_id) is None:
            raise NotFoundError("No job of this tenant has that id. List them with GET /v1/jobs.")
        return Answer(body=view_progress(get_job(self._deps.jobs, request.tenant_id, job_id)))
