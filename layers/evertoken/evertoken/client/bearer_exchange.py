"""A bearer on every request of an httpx client, blocking or not, and one retry with another when it is refused: what the kinds of httpx.Auth here share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import httpx

from evertoken.client.errors import ConfigurationError, EvertokenClientError, TokenRejectedError
from evertoken.client.loopback import is_loopback
from evertoken.client.refusal import UNAUTHORIZED

Rejects = Callable[[httpx.Response], bool]


class Bearer(Protocol):
    """What is sent."""

    @property
    def authorization(self) -> str:
        """The value of the header Authorization."""


BearerT = TypeVar("BearerT", bound=Bearer)


@dataclass(frozen=True, slots=True)
class _Get:
    """A bearer is needed."""


@dataclass(frozen=True, slots=True)
class _Replace:
    """Another bearer than this one is needed."""

    refused: Any


@dataclass(frozen=True, slots=True)
class _ReadBody:
    """The answer's body is needed."""

    response: httpx.Response


_Command = _Get | _Replace | _ReadBody
_Steps = Generator[_Command | httpx.Request, Any, None]


class BearerExchange(Generic[BearerT]):
    """The steps of one request, and their two drivers; where bearers come from is its kinds' to say.

    *reads_all*: the predicate *rejects* is asked about good answers, too, whose bodies are then read.
    """

    def __init__(self, *, rejects: Rejects | None, reads_all: bool, returns_refusals: bool) -> None:
        self._rejects = rejects
        self._reads_all = reads_all
        self._returns_refusals = returns_refusals

    def run(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
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

    async def run_async(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
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

    def _get(self) -> BearerT:
        """Return a bearer. Raises: EvertokenClientError."""
        raise NotImplementedError

    async def _get_async(self) -> BearerT:
        """Return a bearer. Raises: EvertokenClientError."""
        raise NotImplementedError

    def _replace(self, refused: BearerT) -> BearerT:
        """Return another bearer than *refused*. Raises: EvertokenClientError."""
        raise NotImplementedError

    async def _replace_async(self, refused: BearerT) -> BearerT:
        """Return another bearer than *refused*. Raises: EvertokenClientError."""
        raise NotImplementedError

    def _may_repeat(self, request: httpx.Request, refused: BearerT) -> bool:
        """Return whether *request* may be sent once more; where not, take note that *refused* was."""
        raise NotImplementedError

    def _explain(self, request: httpx.Request, bearer: BearerT, response: httpx.Response) -> str:
        """Return what to say when *bearer*, got after another was refused, is refused too."""
        raise NotImplementedError

    def _steps(self, request: httpx.Request) -> _Steps:
        _refuse_plain_http(request.url)
        bearer: BearerT = yield _Get()
        request.headers["Authorization"] = bearer.authorization
        response: httpx.Response = yield request
        if not (yield from self._is_refused(response, bearer)):
            return
        # After a redirect not what was sent first: an order that was taken, and led to a page that refuses, is not sent again.
        refused = response.request
        if not self._may_repeat(refused, bearer):
            return
        try:
            bearer = yield _Replace(bearer)
        except EvertokenClientError:
            if self._returns_refusals:
                return
            raise
        refused.headers["Authorization"] = bearer.authorization
        response = yield refused
        if not self._returns_refusals and (yield from self._is_refused(response, bearer)):
            raise TokenRejectedError(self._explain(request, bearer, response))

    def _is_refused(
        self, response: httpx.Response, bearer: BearerT
    ) -> Generator[_Command | httpx.Request, Any, bool]:
        if response.request.headers.get("Authorization") != bearer.authorization:
            return False  # httpx followed a redirect to another origin, without the token
        if self._rejects is None:
            return response.status_code == UNAUTHORIZED
        if not (response.is_error or self._reads_all):
            return False
        yield _ReadBody(response)
        return self._rejects(response)

    def _perform(self, command: _Command) -> object:
        match command:
            case _ReadBody():
                return command.response.read()
            case _Get():
                return self._get()
            case _Replace():
                return self._replace(command.refused)

    async def _perform_async(self, command: _Command) -> object:
        match command:
            case _ReadBody():
                return await command.response.aread()
            case _Get():
                return await self._get_async()
            case _Replace():
                return await self._replace_async(command.refused)


def can_be_sent_twice(request: httpx.Request) -> bool:
    """Return whether the body is at hand: one from an iterator or a file is gone once it was sent."""
    return isinstance(request.stream, httpx.ByteStream)


def _refuse_plain_http(url: httpx.URL) -> None:
    if url.scheme != "https" and not is_loopback(url.host):
        raise ConfigurationError(
            f"The request to {url.host} would carry the token over {url.scheme}, where anybody on the way can read it. Use https "
            "(RFC 6750 section 5.3)."
        )
