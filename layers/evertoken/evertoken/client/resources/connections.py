"""Connections: list, inspect, read the token, change, disconnect, take over; connecting, refreshing and the ledger are beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, given, query_of, segment
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.api_route import Awaiting, Blocking, paged, route
from evertoken.client.errors import SecretShapeError
from evertoken.client.paging import Pages
from evertoken.client.resources.connecting import ConnectingRoutes
from evertoken.client.resources.ledger import LedgerRoutes
from evertoken.client.resources.refreshing import RefreshingRoutes
from evertoken.client.results import (
    Connection,
    ConnectionList,
    ImportAnswer,
    ListedConnection,
)
from evertoken.client.token import Token, decode_token

_ALL = "/v1/connections"


class ConnectionRoutes(ConnectingRoutes, RefreshingRoutes, LedgerRoutes):
    """What concerns one tenant's connections."""

    @route
    def list(
        self,
        *,
        user_id: str | None = None,
        provider: str | None = None,
        account: str | None = None,
        status: str | None = None,
        refresh_before_minutes: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ApiCall[ConnectionList]:
        """Return a page of connections, narrowed by what is given; *refresh_before_minutes* is of what expires within that time."""
        return _list(
            user_id=user_id,
            provider=provider,
            account=account,
            status=status,
            refresh_before_minutes=refresh_before_minutes,
            limit=limit,
            cursor=cursor,
        )

    @paged
    def iterate(
        self,
        *,
        user_id: str | None = None,
        provider: str | None = None,
        account: str | None = None,
        status: str | None = None,
        refresh_before_minutes: int | None = None,
        limit: int | None = None,
    ) -> Pages[ConnectionList, ListedConnection]:
        """Go through all connections, narrowed by what is given; *limit* is of a page."""
        return Pages(
            call=lambda cursor: _list(
                user_id=user_id,
                provider=provider,
                account=account,
                status=status,
                refresh_before_minutes=refresh_before_minutes,
                limit=limit,
                cursor=cursor,
            ),
            items=lambda page: page.connections,
            cursor=lambda page: page.cursor,
        )

    @route
    def get(self, connection_id: str) -> ApiCall[Connection]:
        """Return one connection."""
        return _one("get", "GET", connection_id, answers_with(Connection))

    @route
    def token(
        self,
        connection_id: str,
        *,
        min_ttl_seconds: int | None = None,
        rejected_generation: int | None = None,
    ) -> ApiCall[Token]:
        """Return an access token that is good now, and for *min_ttl_seconds* more.

        With *rejected_generation*, one newer than that which the provider refused. For many reads use a TokenReader, which caches.
        """
        return _one(
            "token",
            "GET",
            connection_id,
            _token_of,
            below="/token",
            query=query_of(min_ttl=min_ttl_seconds, rejected_generation=rejected_generation),
        )

    @route
    def change(
        self,
        connection_id: str,
        *,
        name: str | None = None,
        display_name: str | None = None,
        policy: str | None = None,
        publication: str | None = None,
        on_hold: bool | None = None,
    ) -> ApiCall[Connection]:
        """Change what is given and return the connection. Sent again when the service says so."""
        return ApiCall(
            name="connections.change",
            method="PATCH",
            path=f"{_ALL}/{segment(connection_id)}",
            body=given(
                name=name,
                display_name=display_name,
                policy=policy,
                publication=publication,
                on_hold=on_hold,
            ),
            decode=answers_with(Connection),
            repeat=Repeat.IF_TOLD,
        )

    @route
    def disconnect(self, connection_id: str) -> ApiCall[Connection]:
        """Disconnect: readers lose the token, the provider is told. Return the connection as it is then."""
        return _one("disconnect", "DELETE", connection_id, answers_with(Connection))

    @route
    def import_many(self, rows: Sequence[Mapping[str, Any]]) -> ApiCall[ImportAnswer]:
        """Take over token sets from elsewhere, 1,000 at most; the members of a row are those of docs/importing.md, instants may be datetimes.

        Sent again when the service says so: a row whose account has a connection is answered `exists`.
        """
        return ApiCall(
            name="connections.import_many",
            method="POST",
            path=f"{_ALL}/import",
            body=given(connections=rows),
            decode=answers_with(ImportAnswer),
            repeat=Repeat.IF_TOLD,
        )


class Connections(ConnectionRoutes, Blocking):
    """Connections, blocking."""


class AsyncConnections(ConnectionRoutes, Awaiting):
    """Connections, awaited."""


def _list(**query: Any) -> ApiCall[ConnectionList]:
    return ApiCall(
        name="connections.list",
        method="GET",
        path=_ALL,
        query=query_of(**query),
        decode=answers_with(ConnectionList),
        repeat=Repeat.ALWAYS,
    )


def _one(
    name: str,
    method: str,
    connection_id: str,
    decode: Any,
    *,
    below: str = "",
    query: Mapping[str, str] | None = None,
) -> ApiCall[Any]:
    return ApiCall(
        name=f"connections.{name}",
        method=method,
        path=f"{_ALL}/{segment(connection_id)}{below}",
        query=query or {},
        decode=decode,
        repeat=Repeat.ALWAYS,
    )


def _token_of(answer: ApiAnswer) -> Token:
    token = decode_token(answer.body.decode(errors="replace"), where="The API's answer")
    if token is None:
        raise SecretShapeError(
            "The API answered without an access token. Check that EVERTOKEN_API is the stack's Output ApiUrl."
        )
    return token
