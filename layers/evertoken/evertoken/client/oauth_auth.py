"""OAuthAuth: an OAuth client's access token on every request of an httpx client, blocking or not, and one retry when the resource refuses it.

http = httpx.Client(auth=OAuthAuth(oauth_client))
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator

import httpx

from evertoken.client.bearer_exchange import BearerExchange, Rejects, can_be_sent_twice
from evertoken.client.errors import ConfigurationError
from evertoken.client.oauth_async_client import AsyncOAuthClient
from evertoken.client.oauth_client import OAuthClient
from evertoken.client.oauth_tokens import OAuthTokens


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
        self._bearers = _ClientBearers(client, rejects=rejects, returns_refusals=returns_refusals)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send *request*, and once more where that helps, for httpx.Client."""
        return self._bearers.run(request)

    def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send *request*, and once more where that helps, for httpx.AsyncClient."""
        return self._bearers.run_async(request)


class _ClientBearers(BearerExchange[OAuthTokens]):
    """The tokens that an OAuth client keeps."""

    def __init__(
        self, client: OAuthClient | AsyncOAuthClient, *, rejects: Rejects | None, returns_refusals: bool
    ) -> None:
        super().__init__(rejects=rejects, reads_all=False, returns_refusals=returns_refusals)
        self._client = client

    def _may_repeat(self, request: httpx.Request, refused: OAuthTokens) -> bool:
        del refused
        return self._client.config.auto_refresh and can_be_sent_twice(request)

    def _explain(self, request: httpx.Request, bearer: OAuthTokens, response: httpx.Response) -> str:
        del bearer
        return (
            f"{request.url.host} refuses the newest access token, too (its last answer: {response.status_code}). A newer one will not help: look at the "
            "scope, the audience, and what else this API wants. returns_refusals=True hands over its answer."
        )

    def _get(self) -> OAuthTokens:
        return self._blocking_client().get_tokens()

    def _replace(self, refused: OAuthTokens) -> OAuthTokens:
        return self._blocking_client().renew_refused(refused.access_token)

    async def _get_async(self) -> OAuthTokens:
        return await self._async_client().get_tokens()

    async def _replace_async(self, refused: OAuthTokens) -> OAuthTokens:
        return await self._async_client().renew_refused(refused.access_token)

    def _blocking_client(self) -> OAuthClient:
        if not isinstance(self._client, OAuthClient):
            raise ConfigurationError(
                "httpx.Client needs an OAuthAuth with an OAuthClient; AsyncOAuthClient is for httpx.AsyncClient."
            )
        return self._client

    def _async_client(self) -> AsyncOAuthClient:
        if not isinstance(self._client, AsyncOAuthClient):
            raise ConfigurationError(
                "httpx.AsyncClient needs an OAuthAuth with an AsyncOAuthClient; OAuthClient is for httpx.Client."
            )
        return self._client
