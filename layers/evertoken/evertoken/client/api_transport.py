"""The API over httpx: how a request is built, what an answer is, and what it means when there is none."""

from __future__ import annotations

import httpx

from evertoken.client.api_exchange import ApiAnswer, ApiRequest
from evertoken.client.errors import ConfigurationError, OutcomeUnknownError, TransportError

CONNECT_SECONDS = 5.0
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Raised before the first byte of a request is on its way."""


def build_request(
    client: httpx.Client | httpx.AsyncClient, base_url: str, request: ApiRequest
) -> httpx.Request:
    """Return the request for *client* to send."""
    built = client.build_request(
        request.method,
        base_url + request.path,
        params=dict(request.query) or None,
        data=request.form,
        content=request.content,
        headers={"Accept": "application/json", **request.headers},
    )
    if request.bearer:
        built.headers["Authorization"] = f"Bearer {request.bearer}"
    if request.basic is not None:
        built = next(httpx.BasicAuth(*request.basic).auth_flow(built))
    return built


def answer_of(response: httpx.Response) -> ApiAnswer:
    """Return what the API answered, whatever it is."""
    return ApiAnswer(status=response.status_code, headers=dict(response.headers), body=response.content)


def unanswered(base_url: str, request: ApiRequest, error: httpx.HTTPError) -> TransportError:
    """Return what it means that *request* was not answered: an OutcomeUnknownError when it may have arrived."""
    if isinstance(error, httpx.LocalProtocolError):
        return TransportError(
            f"{request.method} {request.path} was not sent: a header's value is not one. Check new_correlation_id and the credentials."
        )
    what = type(error).__name__
    if isinstance(error, NOT_SENT):
        return TransportError(
            f"The API at {base_url} cannot be reached ({what}). Check EVERTOKEN_API and the network, and try again."
        )
    return OutcomeUnknownError(
        f"{request.method} {request.path} was sent to {base_url}, and its answer did not come ({what})."
    )


def build_limits(max_connections: int) -> httpx.Limits:
    """Return a pool of *max_connections*, all of which may be kept open. Raises: ConfigurationError."""
    if max_connections < 1:
        raise ConfigurationError(f"max_connections must be 1 or more, and it is {max_connections}.")
    return httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections)


def needs_h2() -> ConfigurationError:
    """Return what is wrong when HTTP/2 is asked for and cannot be spoken."""
    return ConfigurationError(
        'HTTP/2 needs the package h2. Install evertoken with its extra "http2", or leave http2 out.'
    )
