"""The ledger: what happened to a connection, and why it is as it is."""

from __future__ import annotations

from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, query_of, segment
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Routes, paged, route
from evertoken.client.paging import Pages
from evertoken.client.results import Ledger, LedgerEntry


class LedgerRoutes(Routes):
    """The history of one connection."""

    @route
    def ledger(
        self, connection_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> ApiCall[Ledger]:
        """Return why the connection is as it is, and a page of what happened to it, newest first."""
        return _ledger(connection_id, limit=limit, cursor=cursor)

    @paged
    def iterate_ledger(self, connection_id: str, *, limit: int | None = None) -> Pages[Ledger, LedgerEntry]:
        """Go through all that happened to the connection, newest first; *limit* is of a page."""
        return Pages(
            call=lambda cursor: _ledger(connection_id, limit=limit, cursor=cursor),
            items=lambda page: page.entries,
            cursor=lambda page: page.cursor,
        )


def _ledger(connection_id: str, **query: Any) -> ApiCall[Ledger]:
    return ApiCall(
        name="connections.ledger",
        method="GET",
        path=f"/v1/connections/{segment(connection_id)}/ledger",
        query=query_of(**query),
        decode=answers_with(Ledger),
        repeat=Repeat.ALWAYS,
    )
