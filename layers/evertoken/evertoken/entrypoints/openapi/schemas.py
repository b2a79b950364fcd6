"""What answers of several routes have in common, as models: exact, so that an answer with one field more or less is none."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from evertoken.entrypoints.http_answer import STATUS_OF_CODE


class AnswerModel(BaseModel):
    """The base of all answers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Timestamp = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        json_schema_extra={"format": "date-time"},
        examples=["2026-11-21T12:00:00.000Z"],
    ),
]
"""An instant as `domain.instants.to_iso` writes it."""
ConnectionId = Annotated[
    str, Field(pattern=r"^con_[a-z2-7]{26}$", examples=["con_fjyyqoxq2mxmjklhf2gpwdqvha"])
]
ErrorCode = Annotated[str, Field(json_schema_extra={"enum": [*STATUS_OF_CODE]})]
"""The closed list, from the one place that has it."""


class ErrorDetail(AnswerModel):
    """What is wrong: programs decide by `code`, people read `message`, and `correlation_id` finds the request in the logs."""

    code: ErrorCode
    message: str
    correlation_id: str
    retryable: bool
    retry_after: Annotated[int, Field(ge=0, description="Seconds, where the wait is known.")] = Field(
        default_factory=int
    )


class Error(AnswerModel):
    """The one form of every error."""

    error: ErrorDetail


class GatewayError(AnswerModel):
    """What API Gateway says itself, before or instead of us: its throttle, or a function that did not answer."""

    message: str | None
