"""The OAuth clients' operations with a `Result` in place of exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from evertoken.client.errors import EvertokenClientError
from evertoken.client.oauth_authorization import AuthorizationRequest
from evertoken.client.oauth_tokens import OAuthTokens
from evertoken.client.result import Result

if TYPE_CHECKING:
    from evertoken.client.oauth_async_client import AsyncOAuthClient
    from evertoken.client.oauth_client import OAuthClient

Data = TypeVar("Data")


class OAuthResults:
    """`OAuthClient`'s operations: an error of the client libraries becomes a Result, anything else is raised."""

    def __init__(self, client: OAuthClient) -> None:
        self._client = client

    def initialize(self, user_token: str | None = None) -> Result[OAuthTokens]:
        """See `OAuthClient.initialize`."""
        return _result_of(lambda: self._client.initialize(user_token))

    def get_token(self) -> Result[str]:
        """See `OAuthClient.get_token`."""
        return _result_of(self._client.get_token)

    def refresh(self, refresh_token: str | None = None) -> Result[OAuthTokens]:
        """See `OAuthClient.refresh`."""
        return _result_of(lambda: self._client.refresh(refresh_token))

    def authorization_url(
        self, *, redirect_uri: str = "", scope: str = "", **parameters: str
    ) -> Result[AuthorizationRequest]:
        """See `OAuthClient.authorization_url`."""
        return _result_of(
            lambda: self._client.authorization_url(redirect_uri=redirect_uri, scope=scope, **parameters)
        )

    def exchange_code(
        self, callback_url_or_code: str, *, authorization: AuthorizationRequest | None = None
    ) -> Result[OAuthTokens]:
        """See `OAuthClient.exchange_code`."""
        return _result_of(
            lambda: self._client.exchange_code(callback_url_or_code, authorization=authorization)
        )

    def get_current_user(self) -> Result[dict[str, Any]]:
        """See `OAuthClient.get_current_user`."""
        return _result_of(self._client.get_current_user)


class AsyncOAuthResults:
    """`AsyncOAuthClient`'s operations, likewise."""

    def __init__(self, client: AsyncOAuthClient) -> None:
        self._client = client

    async def initialize(self, user_token: str | None = None) -> Result[OAuthTokens]:
        """See `OAuthClient.initialize`."""
        return await _result_of_awaited(self._client.initialize(user_token))

    async def get_token(self) -> Result[str]:
        """See `OAuthClient.get_token`."""
        return await _result_of_awaited(self._client.get_token())

    async def refresh(self, refresh_token: str | None = None) -> Result[OAuthTokens]:
        """See `OAuthClient.refresh`."""
        return await _result_of_awaited(self._client.refresh(refresh_token))

    def authorization_url(
        self, *, redirect_uri: str = "", scope: str = "", **parameters: str
    ) -> Result[AuthorizationRequest]:
        """See `OAuthClient.authorization_url`."""
        return _result_of(
            lambda: self._client.authorization_url(redirect_uri=redirect_uri, scope=scope, **parameters)
        )

    async def exchange_code(
        self, callback_url_or_code: str, *, authorization: AuthorizationRequest | None = None
    ) -> Result[OAuthTokens]:
        """See `OAuthClient.exchange_code`."""
        return await _result_of_awaited(
            self._client.exchange_code(callback_url_or_code, authorization=authorization)
        )

    async def get_current_user(self) -> Result[dict[str, Any]]:
        """See `OAuthClient.get_current_user`."""
        return await _result_of_awaited(self._client.get_current_user())


def _result_of(operation: Callable[[], Data]) -> Result[Data]:
    try:
        return _success(operation())
    except EvertokenClientError as error:
        return Result.from_error(error)


async def _result_of_awaited(operation: Awaitable[Data]) -> Result[Data]:
    try:
        return _success(await operation)
    except EvertokenClientError as error:
        return Result.from_error(error)


def _success(data: Data) -> Result[Data]:
    return Result(success=True, data=data, trace_id=data.trace_id if isinstance(data, OAuthTokens) else "")
