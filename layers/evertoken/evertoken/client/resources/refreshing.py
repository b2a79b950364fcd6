"""Refreshes that a program asks for; due ones happen by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from evertoken.client.api_call import ApiCall, Repeat, given, segment
from evertoken.client.api_decoding import answers_with_one_of
from evertoken.client.api_route import Routes, route
from evertoken.client.results import AcceptedJob, JobProgress, RefreshAnswer

_ALL = "/v1/connections"


class RefreshingRoutes(Routes):
    """One connection now, or many as a job."""

    @route
    def refresh(
        self,
        connection_id: str,
        *,
        attempts: int | None = None,
        initial_delay_seconds: float | None = None,
        maximum_delay_seconds: float | None = None,
    ) -> ApiCall[RefreshAnswer | AcceptedJob]:
        """Refresh now and return how it ended; with several *attempts*, the job that goes on with it may be returned.

        Sent again when the service says so: it refreshes a connection once at a time.
        """
        return ApiCall(
            name="connections.refresh",
            method="POST",
            path=f"{_ALL}/{segment(connection_id)}/refresh",
            body=given(
                attempts=attempts,
                initial_delay_seconds=initial_delay_seconds,
                maximum_delay_seconds=maximum_delay_seconds,
            ),
            decode=answers_with_one_of(RefreshAnswer | AcceptedJob),
            repeat=Repeat.IF_TOLD,
        )

    @route
    def refresh_many(
        self,
        *,
        connection_ids: Sequence[str] | None = None,
        accounts: Sequence[tuple[str, str]] | None = None,
        refresh_before_minutes: int | None = None,
        attempts: int | None = None,
        initial_delay_seconds: float | None = None,
        maximum_delay_seconds: float | None = None,
        wait_seconds: float | None = None,
    ) -> ApiCall[JobProgress | AcceptedJob]:
        """Refresh those named (*accounts* are pairs of provider and account), or all that expire within *refresh_before_minutes*, as a job.

        Return its results when it ends within *wait_seconds* (20 at most), else the job. Never sent again: it would be a second job.
        """
        named = None
        if accounts is not None:
            named = [{"provider": provider, "account": account} for provider, account in accounts]
        return ApiCall(
            name="connections.refresh_many",
            method="POST",
            path=f"{_ALL}/refresh",
            body=given(
                connection_ids=connection_ids,
                accounts=named,
                refresh_before_minutes=refresh_before_minutes,
                attempts=attempts,
                initial_delay_seconds=initial_delay_seconds,
                maximum_delay_seconds=maximum_delay_seconds,
                wait_seconds=wait_seconds,
            ),
            decode=answers_with_one_of(JobProgress | AcceptedJob),
            repeat=Repeat.NEVER,
        )
