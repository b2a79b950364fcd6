"""OAuthAuth: an OAuth client's access token on every request of an httpx client, blocking or not, and one retry when the resource refuses it.

http = httpx.Client(auth=OAuthAuth(oauth_client))
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from evertoken.client.errors import ConfigurationError, EvertokenClientError, TokenRejectedError
from evertoken.client.loopback import is_loopback
from evertoken.client.oauth_async_client import AsyncOAuthClient
from evertoken.client.oauth_client import OAuthClient
from evertoken.client.oauth_tokens import OAuthTokens

_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class _Get:
    """Tokens are needed."""


@dataclass(frozen=True, slots=True)
class _Renew:
    """Others than these are needed."""

    refused: OAuthTokens


@dataclass(frozen=True, slots=True)
class _ReadBody:
    """The answer's body is needed."""

    response: httpx.Response


_Command = _Get | _Renew | _ReadBody
_Steps = Generator[_Command | httpx.Request, Any, None]


class OAuthAuth(httpx.Auth):
    """Sends an OAuth client's access token (RFC 6750 section 2.1), as `ConnectionAuth` does a connection's.

    A refusal is a 401; with *rejects* it is what that predicate says of an answer of 400 and above, whose body is read for it. Then another token is got and
    the request is sent once more; never a third time. When no other token can be had, or that is refused too, the client's error or TokenRejectedError is
    raised; with *returns_refusals* the resource's answer is returned instead. So it is where auto_refresh is off, and for a body that comes from an iterator
    or a file, which cannot be sent twice.

    The token is sent over https only (http on loopback). httpx takes it from a request that is redirected to another origin; what that origin answers is no
    refusal. An `AsyncOAuthClient` goes with `httpx.AsyncClient`.
    """

    def __init__(
        self,
        client: OAuthClient | AsyncOAuthClient,
        *,
        rejects: Callable[[httpx.Response], bool] | None = None,
        returns_refusals: bool = False,
    ) -> None:
        self._client = client
        self._rejects = rejects
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
        tokens: OAuthTokens = yield _Get()
        request.headers["Authorization"] = tokens.authorization
        response: httpx.Response = yield request
        if not (yield from self._is_refused(response, tokens)):
            return
        # After a redirect not what was sent first: an order that was taken, and led to a page that refuses, is not sent again.
        refused = response.request
        if not self._client.config.auto_refresh or not isinstance(refused.stream, httpx.ByteStream):
            return
        try:
            tokens = yield _Renew(tokens)
        except EvertokenClientError:
            if self._returns_refusals:
                return
            raise
        refused.headers["Authorization"] = tokens.authorization
        response = yield refused
        if not self._returns_refusals and (yield from self._is_refused(response, tokens)):
            raise TokenRejectedError(
                f"{request.url.host} refuses the newest access token, too (its last answer: {response.status_code}). A newer one will not help: look at the "
                "scope, the audience, and what else this API wants. returns_refusals=True hands over its answer."
            )

    def _is_refused(
        self, response: httpx.Response, tokens: OAuthTokens
    ) -> Generator[_Command | httpx.Request, Any, bool]:
        if response.request.headers.get("Authorization") != tokens.authorization:
            return False  # httpx followed a redirect to another origin, without the token
        if self._rejects is None:
            return response.status_code == _UNAUTHORIZED
        if not response.is_error:
            return False
        yield _ReadBody(response)
        return self._rejects(response)

    def _perform(self, command: _Command) -> object:
        if isinstance(command, _ReadBody):
            return command.response.read()
        if not isinstance(self._client, OAuthClient):
            raise ConfigurationError(
                "httpx.Client needs an OAuthAuth with an OAuthClient; AsyncOAuthClient is for httpx.AsyncClient."
            )
        if isinstance(command, _Get):
            return self._client.get_tokens()
        return self._client.renew_refused(command.refused.access_token)

    async def _perform_async(self, command: _Command) -> object:
        if isinstance(command, _ReadBody):
            return await command.response.aread()
        if not isinstance(self._client, AsyncOAuthClient):
            raise ConfigurationError(
                "httpx.AsyncClient needs an OAuthAuth with an AsyncOAuthClient; OAuthClient is for httpx.Client."
            )
        if isinstance(command, _Get):
            return await self._client.get_tokens()
        return await self._client.renew_refused(command.refused.access_token)


def _refuse_plain_http(url: httpx.URL) -> None:
    if url.scheme != "https" and not is_loopback(url.host):
        raise ConfigurationError(
            f"The request to {url.host} would carry the token over {url.scheme}, where anybody on the way can read it. Use https "
            "(RFC 6750 section 5.3)."
        )
