"""RequestsAuth: ConnectionAuth's rules for the library requests, which is not imported here.

session.auth = RequestsAuth(reader, "con_…")
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from evertoken.client.errors import ConfigurationError, EvertokenClientError, TokenRejectedError
from evertoken.client.loopback import is_loopback
from evertoken.client.reader import TokenReader
from evertoken.client.refusal import UNAUTHORIZED
from evertoken.client.token import Token

if TYPE_CHECKING:
    from requests import PreparedRequest, Response


class RequestsAuth:
    """Sends the connection's access token as a bearer, and once more with a newer one when the provider refuses it.

    What ConnectionAuth promises holds here: one retry, https only, no token to another host, *rejects* (asked of answers of 400 and
    above), *returns_refusals*, and no retry for a body that cannot be sent twice.
    """

    def __init__(
        self,
        reader: TokenReader,
        connection_id: str,
        *,
        rejects: Callable[[Response], bool] | None = None,
        returns_refusals: bool = False,
    ) -> None:
        self._reader = reader
        self._connection_id = connection_id
        self._rejects = rejects
        self._returns_refusals = returns_refusals

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        parts = urlsplit(request.url or "")
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ConfigurationError(
                f"The request to {parts.hostname} would carry the token over {parts.scheme}, where anybody on the way can read it. Use https."
            )
        token = self._reader.get(self._connection_id)
        request.headers["Authorization"] = token.authorization
        request.register_hook("response", partial(self._answered, token))
        return request

    def _answered(self, token: Token, response: Response, **sending: Any) -> Response:
        if not self._is_refused(response, token):
            return response
        body = response.request.body
        if not (body is None or isinstance(body, str | bytes)):
            self._reader.note_refused(self._connection_id, token.generation)
            return response
        try:
            newer = self._reader.reject(self._connection_id, token.generation)
        except EvertokenClientError:
            if self._returns_refusals:
                return response
            response.close()
            raise
        again = response.request.copy()
        again.headers["Authorization"] = newer.authorization
        # As requests' own HTTPDigestAuth does it: the connection goes back to the pool, and the adapter that sent the first sends the second.
        _ = response.content
        response.close()
        connection: Any = response.connection
        second: Response = connection.send(again, **sending)
        second.history.append(response)
        second.request = again
        if self._is_refused(second, newer) and not self._returns_refusals:
            second.close()
            raise TokenRejectedError(
                f"The provider refused generation {newer.generation} of {self._connection_id}, which was read a moment ago because the one before was "
                f"refused too (the last answer: {second.status_code}). A newer token will not help: look at the scope, the account, and what else this "
                "provider wants. returns_refusals=True hands over the provider's answer."
            )
        return second

    def _is_refused(self, response: Response, token: Token) -> bool:
        if response.request.headers.get("Authorization") != token.authorization:
            return False  # requests followed a redirect to another host, without the token
        if self._rejects is None:
            return response.status_code == UNAUTHORIZED
        return not response.ok and self._rejects(response)
