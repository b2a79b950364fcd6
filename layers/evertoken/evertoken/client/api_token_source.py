"""The two questions that a reader asks the API: for a connection's token, and which connection is meant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol, TypeVar

from evertoken.client.api_call import ApiCall, Repeat, query_of, segment
from evertoken.client.api_errors import error_of
from evertoken.client.api_exchange import ApiAnswer
from evertoken.client.connection_lookup import ConnectionMatch, Wanted
from evertoken.client.errors import SecretShapeError
from evertoken.client.http_date import parse_http_date
from evertoken.client.reader_commands import AskApi, Delivery
from evertoken.client.token import decode_token

Answer = TypeVar("Answer")
MOST_MATCHES = 100
_OK = 200


class TokenApi(Protocol):
    """What a TokenReader needs of the API; EvertokenClient is one."""

    def run(self, call: ApiCall[Answer]) -> Answer:
        """Make *call* and return what its answer becomes. Raises: EvertokenClientError."""
        ...


class AsyncTokenApi(Protocol):
    """What an AsyncTokenReader needs of the API; AsyncEvertokenClient is one."""

    async def run(self, call: ApiCall[Answer]) -> Answer:
        """Make *call* and return what its answer becomes. Raises: EvertokenClientError."""
        ...


def token_call(question: AskApi) -> ApiCall[Delivery]:
    """Return the call for a connection's token, with the clock of who answers beside it."""
    return ApiCall(
        name="connections.token",
        method="GET",
        path=f"/v1/connections/{segment(question.connection_id)}/token",
        query=query_of(
            min_ttl=question.min_ttl_seconds or None, rejected_generation=question.rejected_generation
        ),
        decode=_delivery_of,
        repeat=Repeat.ALWAYS,
    )


def find_call(wanted: Wanted) -> ApiCall[Sequence[ConnectionMatch]]:
    """Return the call for a user's connections at a provider, of one account or of all."""
    user_id, provider, account = wanted
    return ApiCall(
        name="connections.list",
        method="GET",
        path="/v1/connections",
        query=query_of(user_id=user_id, provider=provider, account=account, limit=MOST_MATCHES),
        decode=_matches_of,
        repeat=Repeat.ALWAYS,
    )


def _delivery_of(answer: ApiAnswer) -> Delivery:
    if answer.status != _OK:
        # A redirect, say, of what stands before the API.
        raise error_of(answer.status, answer.headers, answer.body)
    token = decode_token(answer.body.decode(errors="replace"), where="The API's answer")
    if token is None:
        # The API says in an error that there is no token; a 200 without one is somebody else's.
        raise SecretShapeError(
            "The API's answer holds no token. Check that EVERTOKEN_API is the stack's Output ApiUrl, and what stands before it."
        )
    return Delivery(
        token=token,
        where="the API",
        answered_at=parse_http_date(answer.headers.get("date")),
    )


def _matches_of(answer: ApiAnswer) -> Sequence[ConnectionMatch]:
    try:
        return tuple(
            ConnectionMatch(
                connection_id=str(row["connection_id"]),
                account=str(row["account"]),
                status=str(row["status"]),
            )
            for row in json.loads(answer.body)["connections"]
        )
    except (ValueError, KeyError, TypeError):
        # Without the cause: it carries the answer.
        raise SecretShapeError(
            "GET /v1/connections did not answer with a list of connections. Check that EVERTOKEN_API is the stack's Output ApiUrl."
        ) from None
