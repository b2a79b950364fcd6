"""The bodies and queries of refreshes on demand and of jobs."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from evertoken.domain.job import MOST_STEPS, JobSelection, JobStatus, RetrySettings
from evertoken.entrypoints.body_model import Label, Model, ResourceId

LARGEST_BATCH_BODY = 131_072
"""A thousand connection ids, or a thousand accounts of some length."""
LONGEST_WAIT_SECONDS = 20
"""How long a batch may be waited for: what comes after has to end inside API Gateway's 30 s."""
Delay = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
NamedId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")]
"""An id as a caller names it; whether there is such a connection is said of each by itself."""


class RetryBody(Model):
    """How often a failed refresh is tried, and how long it waits between."""

    initial_delay_seconds: Delay = 1.0
    maximum_delay_seconds: Delay = 60.0

    @model_validator(mode="after")
    def _delays_are_in_order(self) -> RetryBody:
        if self.initial_delay_seconds > self.maximum_delay_seconds:
            raise ValueError("initial_delay_seconds must not be more than maximum_delay_seconds")
        return self

    def _settings(self, attempts: int) -> RetrySettings:
        return RetrySettings(
            attempts=attempts,
            initial_delay_seconds=self.initial_delay_seconds,
            maximum_delay_seconds=self.maximum_delay_seconds,
        )


class RefreshBody(RetryBody):
    """POST /v1/connections/{connection_id}/refresh; it may be left out."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 1

    def retries(self) -> RetrySettings:
        """Return the retry settings."""
        return self._settings(self.attempts)


class NamedAccount(Model):
    """A connection by what its account is called at its provider."""

    provider: ResourceId
    account: Label


class BatchBody(RetryBody):
    """POST /v1/connections/refresh."""

    connection_ids: Annotated[list[NamedId], Field(min_length=1, max_length=MOST_STEPS)] | None = None
    accounts: Annotated[list[NamedAccount], Field(min_length=1, max_length=MOST_STEPS)] | None = None
    refresh_before_minutes: Annotated[int, Field(ge=0, le=525_600)] | None = None
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False)] = 0

    @model_validator(mode="after")
    def _selects_in_one_way(self) -> BatchBody:
        named = len(self.connection_ids or ()) + len(self.accounts or ())
        if named > MOST_STEPS:
            raise ValueError(f"connection_ids and accounts together name more than {MOST_STEPS}")
        if named and self.refresh_before_minutes is not None:
            raise ValueError(
                "refresh_before_minutes selects by itself: leave out connection_ids and accounts"
            )
        return self

    def retries(self) -> RetrySettings:
        """Return the retry settings."""
        return self._settings(self.attempts)

    def selection(self) -> JobSelection:
        """Return which connections are meant."""
        return JobSelection(
            connection_ids=tuple(self.connection_ids or ()),
            accounts=tuple((one.provider, one.account) for one in self.accounts or ()),
            refresh_before_minutes=self.refresh_before_minutes,
        )


class JobParameters(Model):
    """The query of GET /v1/jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    status: JobStatus | None = None
