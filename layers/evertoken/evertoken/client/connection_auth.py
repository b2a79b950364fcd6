"""ConnectionAuth: a connection's access token on every request of an httpx client, blocking or not, and one retry when the provider refuses it.

client = httpx.Client(auth=ConnectionAuth(reader, "con_…"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any

import httpx

from evertoken.client.async_reader import AsyncTokenReader
from evertoken.client.errors import ConfigurationError, EvertokenClientError, TokenRejectedError
from evertoken.client.loopback import is_loopback
from evertoken.client.reader import TokenReader
from evertoken.client.refusal import UNAUTHORIZED
from evertoken.client.token import Token

Rejects = Callable[[httpx.Response], bool]


@dataclass(frozen=True, slots=True)
class _Get:
    """A token is needed."""


@dataclass(frozen=True, slots=True)
class _Reject:
    """A newer token than that of this generation is needed."""

    generation: int


@dataclass(frozen=True, slots=True)
class _ReadBody:
    """The answer's body is needed."""

    response: httpx.Response


_Command = _Get | _Reject | _ReadBody
_Steps = Generator[_Command | httpx.Request, Any, None]


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
        self._reader = reader
        self._connection_id = connection_id
        self._rejects = rejects
        # Not httpx's attribute of this name: that one reads the bodies of downloads, too.
        self._reads_all = requires_response_body
        self._returns_refusals = returns_refusals

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Drive the steps for httpx.Client."""
        steps = self._steps(request)
        try:
            command = next(steps)
            while True:
                if isinstance(command, httpx.Request):
                    response = yield command
                    command = steps.send(response)
                    continue
                try:
                    answer = self._perform(command)
                except EvertokenClientError as error:
                    command = steps.throw(error)
                else:
                    command = steps.send(answer)
        except StopIteration:
            return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Drive the steps for httpx.AsyncClient."""
        steps = self._steps(request)
        try:
            command = next(steps)
            while True:
                if isinstance(command, httpx.Request):
                    response = yield command
                    command = steps.send(response)
                    continue
                try:
                    answer = await self._perform_async(command)
                except EvertokenClientError as error:
                    command = steps.throw(error)
                else:
                    command = steps.send(answer)
        except StopIteration:
            return

    def _steps(self, request: httpx.Request) -> _Steps:
        _refuse_plain_http(request.url)
        token: Token = yield _Get()
        request.headers["Authorization"] = token.authorization
        response: httpx.Response = yield request
        if not (yield from self._is_refused(response, token)):
            return
        # After a redirect not what was sent first: an order that was taken, and led to a page that refuses, is not sent again.
        refused = response.request
        if not isinstance(refused.stream, httpx.ByteStream):
            self._reader.note_refused(self._connection_id, token.generation)
            return
        try:
            token = yield _Reject(token.generation)
        except EvertokenClientError:
            if self._returns_refusals:
                return
            raise
        refused.headers["Authorization"] = token.authorization
        response = yield refused
        if (yield from self._is_refused(response, token)) and not self._returns_refusals:
            raise TokenRejectedError(
                f"{request.url.host} refused generation {token.generation} of {self._connection_id}, which was read a moment ago because the one before "
                f"was refused too (the last answer: {response.status_code}). A newer token will not help: look at the scope, the account, and what "
                "else this provider wants (an API key, an address). returns_refusals=True hands over the provider's answer."
            )

    def _is_refused(
        self, response: httpx.Response, token: Token
    ) -> Generator[_Command | httpx.Request, Any, bool]:
        if response.request.headers.get("Authorization") != token.authorization:
            return False  # httpx followed a redirect to another origin, without the token
        if self._rejects is None:
            return response.status_code == UNAUTHORIZED
        if not (response.is_error or self._reads_all):
            return False
        yield _ReadBody(response)
        return self._rejects(response)

    def _perform(self, command: _Command) -> object:
        if isinstance(command, _ReadBody):
            return command.response.read()
        if not isinstance(self._reader, TokenReader):
            raise ConfigurationError(
                "httpx.Client needs a ConnectionAuth with a TokenReader; AsyncTokenReader is for httpx.AsyncClient."
            )
        if isinstance(command, _Get):
            return self._reader.get(self._connection_id)
        return self._reader.reject(self._connection_id, command.generation)

    async def _perform_async(self, command: _Command) -> object:
        if isinstance(command, _ReadBody):
            return await command.response.aread()
        if isinstance(self._reader, TokenReader):
            # It may block on the network.
            return await asyncio.to_thread(self._perform, command)
        if isinstance(command, _Get):
            return await self._reader.get(self._connection_id)
        return await self._reader.reject(self._connection_id, command.generation)


def _refuse_plain_http(url: httpx.URL) -> None:
    if url.scheme != "https" and not is_loopback(url.host):
        raise ConfigurationError(
            f"The request to {url.host} would carry the token over {url.scheme}, where anybody on the way can read it. Use https "
            "(RFC 6750 section 5.3)."
        )
