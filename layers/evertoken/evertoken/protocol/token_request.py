"""Requests to token and revocation endpoints, built from a provider's entry; what the entry does not say is as RFC 6749 and RFC 7009 have it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from evertoken.domain.errors import NoRefreshTokenError
from evertoken.domain.http import HttpRequest
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.provider_shapes import RFC_REVOCATION, Encoding, RequestShape
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.client_authentication import prove_client

USER_AGENT = "evertoken"
ACCESS_TOKEN = "access_token"  # noqa: S105  # a name, no secret


def build_code_exchange(
    ready: ReadyClient, *, code: str, redirect_uri: str, verifier: str | None
) -> HttpRequest:
    """Return the request that redeems *code* (RFC 6749 section 4.1.3); *verifier* goes with it exactly when a challenge was sent."""
    parameters = {"code": code, "redirect_uri": redirect_uri}
    if verifier is not None:
        parameters["code_verifier"] = verifier
    return _build(ready, ready.provider.code_exchange, ready.provider.token_endpoint, parameters)


def build_following_exchange(ready: ReadyClient, step: int, token_set: TokenSet) -> HttpRequest | None:
    """Return the further exchange number *step* (from 0) that spends the answer before it, or None when there are no more."""
    shapes = ready.provider.following_exchanges
    if step >= len(shapes):
        return None
    return _build_with_token(ready, shapes[step], token_set.access_token)


def build_refresh(ready: ReadyClient, token_set: TokenSet) -> HttpRequest:
    """Return the request for a new access token, with the credential that the provider's entry names.

    No scope is asked for, so that the answer cannot have more than was granted (RFC 6749 section 6).

    Raises:
        NoRefreshTokenError: *token_set* holds nothing to refresh with.
    """
    match ready.provider.refresh_credential:
        case RefreshCredential.CLIENT_CREDENTIALS:
            return build_client_credentials(ready, tuple(token_set.scope.split()))
        case RefreshCredential.ACCESS_TOKEN:
            return _build_with_token(ready, ready.provider.refresh, token_set.access_token)
        case RefreshCredential.REFRESH_TOKEN if token_set.refresh_token is not None:
            return _build_with_token(ready, ready.provider.refresh, token_set.refresh_token)
        case _:
            raise NoRefreshTokenError(
                "This connection holds nothing that a new access token could be had with. Connect again."
            )


def build_client_credentials(ready: ReadyClient, scopes: Sequence[str]) -> HttpRequest:
    """Return the request for a token of the client's own (RFC 6749 section 4.4.2)."""
    separator = ready.provider.authorization.scope_separator
    parameters = {"scope": separator.join(scopes)} if scopes else {}
    return _build(ready, ready.provider.client_credentials, ready.provider.token_endpoint, parameters)


def build_revocation(ready: ReadyClient, token_set: TokenSet, hint: str | None = None) -> HttpRequest | None:
    """Return the request that tells the provider that *token_set* is over, or None where it takes none.

    *hint* is `refresh_token` or `access_token`; by default the refresh token goes where there is one, because most providers end the access tokens
    with it (RFC 7009 section 2.1), unless the entry's own way takes the access token.
    """
    provider, shape = ready.provider, ready.provider.revocation
    if provider.revocation_endpoint is None:
        return None
    if hint is None:
        takes_access_token = shape.token_parameter == ACCESS_TOKEN or token_set.refresh_token is None
        hint = ACCESS_TOKEN if takes_access_token else "refresh_token"
    token = token_set.access_token if hint == ACCESS_TOKEN else token_set.refresh_token
    if token is None:
        return None
    parameters = {shape.token_parameter or "token": token}
    if shape.token_parameter == RFC_REVOCATION.token_parameter:
        parameters["token_type_hint"] = hint
    return _build(ready, shape, provider.revocation_endpoint, parameters)


def _build_with_token(ready: ReadyClient, shape: RequestShape, token: str) -> HttpRequest:
    return _build(
        ready, shape, ready.provider.token_endpoint, {shape.token_parameter or "refresh_token": token}
    )


def _build(ready: ReadyClient, shape: RequestShape, endpoint: str, own: Mapping[str, str]) -> HttpRequest:
    client_id = ready.registration.client_id
    proof = prove_client(ready, shape)
    parameters = {"grant_type": shape.grant_type} if shape.grant_type is not None else {}
    parameters |= {**shape.parameters, **own, **proof.parameters}
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    headers |= {
        name: value.replace("{client_id}", client_id) for name, value in shape.headers.items()
    } | proof.headers
    body = b""
    query: tuple[tuple[str, str], ...] = ()
    match shape.encoding:
        case Encoding.QUERY:
            query = tuple(parameters.items())
        case Encoding.JSON:
            headers["Content-Type"] = "application/json"
            body = json.dumps(parameters, ensure_ascii=False).encode()
        case Encoding.FORM:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(parameters).encode("ascii")
    url = (shape.url or endpoint).replace("{client_id}", quote(client_id, safe=""))
    return HttpRequest(method=shape.method, url=url, headers=headers, query=query, body=body)
