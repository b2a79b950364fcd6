"""Refreshes that somebody asks for: one connection, a batch, and the jobs that do what takes longer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evertoken.domain.job import CANCELLED, JobKind, JobStatus, StepStatus
from evertoken.entrypoints.openapi.connections import RefreshAnswer
from evertoken.entrypoints.openapi.operation import Operation
from evertoken.entrypoints.openapi.schemas import AnswerModel, ErrorCode, Timestamp
from evertoken.entrypoints.refresh_bodies import BatchBody, JobParameters, RefreshBody

TAG = "Refreshes and jobs"
Count = Annotated[int, Field(ge=0)]
Kind = Literal["refresh", "batch", "scheduled"]
Status = Literal["waiting", "active", "completed", "failed"]


class JobView(AnswerModel):
    """A job: `waiting` until its connections are known, `active` until the last has its result, then `completed`, or `failed` when any failed."""

    job_id: Annotated[str, Field(pattern=r"^job_[a-z2-7]{26}$", examples=["job_fjyyqoxq2mxmjklhf2gpwdqvha"])]
    kind: Kind
    status: Status
    total: Annotated[int, Field(ge=0, description="How many connections it is about; 0 while it waits.")]
    processed: Count
    succeeded: Count
    failed: Count
    is_truncated: Annotated[bool, Field(description="More were meant than the 1,000 that one job takes.")]
    attempts: Annotated[int, Field(ge=1, le=10)]
    initial_delay_seconds: Annotated[float, Field(ge=0)]
    maximum_delay_seconds: Annotated[float, Field(ge=0)]
    schedule_id: Annotated[str | None, Field(description="The schedule whose time had come.")]
    client_id: Annotated[str, Field(description="The API client that asked.")]
    correlation_id: str
    created_at: Timestamp
    finished_at: Timestamp | None


class RefreshResult(AnswerModel):
    """What became of one connection of a job."""

    connection_id: Annotated[
        str | None, Field(description="As it was named; null for an account that nobody has.")
    ]
    provider: Annotated[str | None, Field(description="Null until the connection was looked at.")]
    account: str | None
    status: Literal["waiting", "succeeded", "failed"]
    outcome: Annotated[
        Literal["refreshed", "not_needed"] | None,
        Field(description="`not_needed`: the token is new enough, or somebody else has just refreshed it."),
    ]
    code: Annotated[
        ErrorCode | Literal["CANCELLED"] | None,
        Field(description="Why it failed; `CANCELLED` when its schedule was."),
    ]
    message: str | None
    attempts: Annotated[int, Field(ge=0, description="How many were made so far.")]
    next_attempt_at: Timestamp | None
    expires_at: Timestamp | None
    finished_at: Timestamp | None


class AcceptedJob(AnswerModel):
    """The job that goes on with what was asked for."""

    job: JobView


class JobProgress(AnswerModel):
    """A job and a result for each of its connections, in the order in which they were named."""

    job: JobView
    results: list[RefreshResult]


class JobCounts(AnswerModel):
    """How many of the tenant's jobs have each status."""

    waiting: Count
    active: Count
    completed: Count
    failed: Count


class JobList(AnswerModel):
    """The tenant's jobs, newest first; the counts are of all, whatever the list is narrowed to."""

    jobs: list[JobView]
    counts: JobCounts


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        key="POST /v1/connections/{connection_id}/refresh",
        tag=TAG,
        summary="Refresh a connection now",
        description=(
            "The body may be left out: one attempt. Between attempts the wait is what was asked for, and never less than the provider's cool-down. What does "
            "not fit into the request becomes a job (202). A refusal that somebody has to act on is final at once."
        ),
        path={"connection_id": "The connection's id, `con_` and 26 letters and digits."},
        body=RefreshBody,
        body_may_be_absent=True,
        answers={200: RefreshAnswer, 202: AcceptedJob},
        errors=(
            "ACCOUNT_NOT_FOUND",
            "BAD_REQUEST",
            "CLIENT_CHANGED",
            "DISCONNECTED",
            "NO_REFRESH_TOKEN",
            "ON_HOLD",
            "PROVIDER_UNAVAILABLE",
            "REAUTH_REQUIRED",
            "REGISTRATION_PAUSED",
            "TOKEN_EXPIRED",
            "TOKEN_REFRESH_ERROR",
            "UNKNOWN_PROVIDER",
            "UNKNOWN_REGISTRATION",
            "VAULT_SEALED",
        ),
    ),
    Operation(
        key="POST /v1/connections/refresh",
        tag=TAG,
        summary="Refresh many connections",
        description=(
            "Name up to 1,000 connections by `connection_ids` or `accounts`, or leave both out for those that expire within `refresh_before_minutes` "
            "(60 when that is left out too). Every connection has a result of its own; what does not exist in the tenant is one of them. With `wait_seconds` "
            "the answer is 200 with the results when the job ends in time."
        ),
        body=BatchBody,
        answers={200: JobProgress, 202: AcceptedJob},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="GET /v1/jobs",
        tag=TAG,
        summary="List jobs",
        description="The last 10 that completed and the last 50 that failed are kept, and none for longer than 30 days.",
        parameters=JobParameters,
        answers={200: JobList},
        errors=("BAD_REQUEST",),
    ),
    Operation(
        key="GET /v1/jobs/{job_id}",
        tag=TAG,
        summary="Inspect a job",
        path={"job_id": "The job's id, `job_` and 26 letters and digits."},
        answers={200: JobProgress},
        errors=("NOT_FOUND",),
    ),
)
assert set(JobKind) == set(Kind.__args__)  # type: ignore[attr-defined]
assert set(JobStatus) == set(Status.__args__)  # type: ignore[attr-defined]
assert {one.value for one in StepStatus} == {"waiting", "succeeded", "failed"}
assert CANCELLED == "CANCELLED"
