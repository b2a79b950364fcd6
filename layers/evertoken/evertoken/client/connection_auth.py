"""ConnectionAuth: a connection's access token on every request of an httpx client, blocking or not, and one retry when the provider refuses it.

client = httpx.Client(auth=ConnectionAuth(reader, "con_…"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator

import httpx

from evertoken.client.async_reader import AsyncTokenReader
from evertoken.client.bearer_exchange import BearerExchange, Rejects, can_be_sent_twice
from evertoken.client.errors import ConfigurationError
from evertoken.client.reader import TokenReader
from evertoken.client.token import Token


class ConnectionAuth(httpx.Auth):
    """Sends the connection's access token as a bearer (RFC 6750 section 2.1).

    A refusal is a 401; with *rejects* it is what that predicate says of an answer of 400 and above, whose body is read for it (with
    *requires_response_body*, of every answer: for providers that answer 200 to a refused token). Then the refused generation is reported, and the
    request is sent once more with a newer token (after a redirect the one that was refused, not the one before it); never a third time. When there is no newer token, or the newer one is refused too, the reader's error or
    TokenRejectedError is raised; with *returns_refusals* the provider's answer is returned instead.

    A body that comes from an iterator or a file cannot be sent twice: its refusal is reported, the answer is returned, and the next request has the
    newer token. Give such a request a body of bytes where a retry matters.

    The token is sent over https only (http on loopback), and httpx takes it from a request that is redirected to another origin; what that origin
    answers is no refusal.
    """

    def __init__(
        self,
        reader: TokenReader | AsyncTokenReader,
        connection_id: str,
        *,
        rejects: Rejects | None = None,
        requires_response_body: bool = False,
        returns_refusals: bool = False,
    ) -> None:
        if requires_response_body and rejects is None:
            raise ConfigurationError(
                "requires_response_body needs rejects: the predicate that looks at the body."
            )
        # Not httpx's attribute requires_response_body: that one reads the bodies of downloads, too.
        self._bearers = _ConnectionBearers(
            reader,
            connection_id,
            rejects=rejects,
            reads_all=requires_response_body,
            returns_refusals=returns_refusals,
        )

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send *request*, and once more where that helps, for httpx.Client."""
        return self._bearers.run(request)

    def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send *request*, and once more where that helps, for httpx.AsyncClient."""
        return self._bearers.run_async(request)


class _ConnectionBearers(BearerExchange[Token]):
    """A connection's tokens, of a reader."""

    def __init__(
        self,
        reader: TokenReader | AsyncTokenReader,
        connection_id: str,
        *,
        rejects: Rejects | None,
        reads_all: bool,
        returns_refusals: bool,
    ) -> None:
        super().__init__(rejects=rejects, reads_all=reads_all, returns_refusals=returns_refusals)
        self._reader = reader
        self._connection_id = connection_id

    def _may_repeat(self, request: httpx.Request, refused: Token) -> bool:
        if can_be_sent_twice(request):
            return True
        self._reader.note_refused(self._connection_id, refused.generation)
        return False

    def _explain(self, request: httpx.Request, bearer: Token, response: httpx.Response) -> str:
        return (
            f"{request.url.host} refused generation {bearer.generation} of {self._connection_id}, which was read a moment ago because the one before "
            f"was refused too (the last answer: {response.status_code}). A newer token will not help: look at the scope, the account, and what "
            "else this provider wants (an API key, an address). returns_refusals=True hands over the provider's answer."
        )

    def _get(self) -> Token:
        return self._blocking_reader().get(self._connection_id)

    def _replace(self, refused: Token) -> Token:
        return self._blocking_reader().reject(self._connection_id, refused.generation)

    async def _get_async(self) -> Token:
        if isinstance(self._reader, TokenReader):
            return await asyncio.to_thread(self._get)  # it may block on the network
        return await self._reader.get(self._connection_id)

    async def _replace_async(self, refused: Token) -> Token:
        if isinstance(self._reader, TokenReader):
            return await asyncio.to_thread(self._replace, refused)
        return await self._reader.reject(self._connection_id, refused.generation)

    def _blocking_reader(self) -> TokenReader:
        if not isinstance(self._reader, TokenReader):
            raise ConfigurationError(
                "httpx.Client needs a ConnectionAuth with a TokenReader; AsyncTokenReader is for httpx.AsyncClient."
            )
        return self._reader
