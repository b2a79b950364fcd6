"""The audit trail: who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, query_of
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, paged, route
from evertoken.client.paging import Pages
from evertoken.client.results import AuditList, AuditRecord


class AuditRoutes(Routes):
    """A tenant's own trail, or the operators'."""

    @route
    def list(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        action: str | None = None,
        connection_id: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ApiCall[AuditList]:
        """Return a page of entries, newest first."""
        return _list(
            since=since,
            until=until,
            action=action,
            connection_id=connection_id,
            limit=limit,
            cursor=cursor,
        )

    @paged
    def iterate(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        action: str | None = None,
        connection_id: str | None = None,
        limit: int | None = None,
    ) -> Pages[AuditList, AuditRecord]:
        """Go through all entries, newest first; *limit* is of a page."""
        return Pages(
            call=lambda cursor: _list(
                since=since,
                until=until,
                action=action,
                connection_id=connection_id,
                limit=limit,
                cursor=cursor,
            ),
            items=lambda page: page.entries,
            cursor=lambda page: page.cursor,
        )


class Audit(AuditRoutes, Blocking):
    """The audit trail, blocking."""


class AsyncAudit(AuditRoutes, Awaiting):
    """The audit trail, awaited."""


def _list(**query: Any) -> ApiCall[AuditList]:
    return ApiCall(
        name="audit.list",
        method="GET",
        path="/v1/audit",
        query=query_of(**query),
        decode=answers_with(AuditList),
        repeat=Repeat.ALWAYS,
    )
