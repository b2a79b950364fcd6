"""Requests to token and revocation endpoints, one builder a grant; what a provider's entry does not say is as the RFCs have it.

Every builder takes a client whose provider has nothing left to fill, and the signed `assertion` exactly where `client_authentication.signs` says that
the request carries one; otherwise it raises ValueError. InvalidInputError means that the registration cannot prove itself or lacks an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evertoken.domain.errors import InvalidInputError, NoRefreshTokenError
from evertoken.domain.http import HttpRequest
from evertoken.domain.provider import RefreshCredential
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import RFC_REVOCATION, HeaderCredential, RequestShape
from evertoken.domain.token_set import TokenSet
from evertoken.protocol.shaped_request import build_shaped_request, fill_url

_NOTHING: Mapping[str, str] = {}
_ACCESS_TOKEN = HeaderCredential.ACCESS_TOKEN.value
_REFRESH_TOKEN = HeaderCredential.REFRESH_TOKEN.value


def build_code_exchange(
    ready: ReadyClient,
    *,
    code: str,
    redirect_uri: str,
    verifier: str | None,
    state: str | None = None,
    values: Mapping[str, str] = _NOTHING,
    assertion: str | None = None,
) -> HttpRequest:
    """Return the request that redeems *code* (RFC 6749 section 4.1.3); *verifier* goes with it exactly when a challenge was sent.

    *state* and *values* (what the callback said, and the grant's parameters) only fill placeholders.
    """
    own = {"code": code, "redirect_uri": redirect_uri}
    if verifier is not None:
        own["code_verifier"] = verifier
    known = {**values, "redirect_uri": redirect_uri, "state": state or ""}
    return _build(ready, ready.provider.requests.code_exchange, own, known=known, assertion=assertion)


def build_following_exchange(
    ready: ReadyClient, step: int, token_set: TokenSet, *, assertion: str | None = None
) -> HttpRequest | None:
    """Return the further exchange number *step* (from 0) that spends the access token before it, or None when there are no more."""
    shapes = ready.provider.requests.following_exchanges
    if step >= len(shapes):
        return None
    own = _spend(shapes[step], token_set.access_token, otherwise=_ACCESS_TOKEN)
    known, tokens = _known_of(ready, token_set), _tokens_of(token_set)
    return _build(ready, shapes[step], own, known=known, tokens=tokens, assertion=assertion)


def build_refresh(
    ready: ReadyClient, token_set: TokenSet, *, assertion: str | None = None, randomness_token: str = ""
) -> HttpRequest:
    """Return the request for a new access token that spends the refresh token, or the access token where the provider's entry says so.

    No scope is asked for unless the entry wants it repeated, and then the one that was granted, so that the answer cannot have more (RFC 6749
    section 6). *randomness_token* fills `{random}`.

    Raises:
        NoRefreshTokenError: *token_set* holds nothing to refresh with; grants that can run again have their own builders.
    """
    provider = ready.provider
    shape = provider.requests.refresh
    token = None
    if provider.refresh_credential is RefreshCredential.ACCESS_TOKEN:
        token = token_set.access_token
    elif provider.refresh_credential is RefreshCredential.REFRESH_TOKEN:
        token = token_set.refresh_token
    url: str | None = shape.url or provider.token_endpoint
    known, tokens = _NOTHING, _NOTHING
    if shape.url is not None or shape.parameters or shape.headers or shape.authorization_header is not None:
        known, tokens = _known_of(ready, token_set, randomness_token), _tokens_of(token_set)
        url = fill_url(ready, url or "", {**known, **tokens})
    if token is None or url is None:
        raise NoRefreshTokenError(
            "This connection holds nothing that a new access token could be had with. Connect again."
        )
    own = _spend(shape, token, otherwise=_REFRESH_TOKEN)
    return build_shaped_request(ready, shape, url, own, known=known, tokens=tokens, assertion=assertion)


def build_client_credentials(
    ready: ReadyClient, scopes: Sequence[str], *, assertion: str | None = None
) -> HttpRequest:
    """Return the request for a token of the client's own (RFC 6749 section 4.4.2)."""
    own = _scope_of(ready, scopes)
    return _build(ready, ready.provider.requests.client_credentials, own, known=own, assertion=assertion)


def build_user_token(
    ready: ReadyClient, user_token: str, scopes: Sequence[str], *, assertion: str | None = None
) -> HttpRequest:
    """Return the request for a token of the client's own in the name of the user whose access token *user_token* is."""
    shape = ready.provider.requests.user_token
    scope = _scope_of(ready, scopes)
    own = {**scope, **_spend(shape, user_token, otherwise="user_access_token")}
    tokens = {HeaderCredential.USER_TOKEN.value: user_token}
    return _build(ready, shape, own, known=scope, tokens=tokens, assertion=assertion)


def build_session_login(
    ready: ReadyClient, credentials: Mapping[str, str], *, assertion: str | None = None
) -> HttpRequest:
    """Return the request that logs in with the `username` and `password` of *credentials*, as the provider documents it."""
    own = {"username": credentials["username"], "password": credentials["password"]}
    return _build(ready, ready.provider.requests.session_login, own, assertion=assertion)


def build_token_exchange(
    ready: ReadyClient,
    *,
    subject_token: str,
    subject_token_type: str,
    scopes: Sequence[str],
    assertion: str | None = None,
) -> HttpRequest:
    """Return the request that exchanges *subject_token* (RFC 8693 section 2.1)."""
    shape = ready.provider.requests.token_exchange
    scope = _scope_of(ready, scopes)
    own = {**scope, **_spend(shape, subject_token, otherwise="subject_token")}
    own["subject_token_type"] = subject_token_type
    return _build(ready, shape, own, known=scope, assertion=assertion)


def build_device_authorization(
    ready: ReadyClient, scopes: Sequence[str], *, assertion: str | None = None
) -> HttpRequest:
    """Return the request for a device code and a user code (RFC 8628 section 3.1). Raises InvalidInputError where the provider has no endpoint for it."""
    shape, endpoint = (
        ready.provider.requests.device_authorization,
        ready.provider.device_authorization_endpoint,
    )
    if endpoint is None and shape.url is None:
        raise InvalidInputError(
            f"{ready.provider.name} has no device authorization endpoint. Use another grant."
        )
    own = _scope_of(ready, scopes)
    return _build(ready, shape, own, endpoint=endpoint, known=own, assertion=assertion)


def build_device_code(ready: ReadyClient, device_code: str, *, assertion: str | None = None) -> HttpRequest:
    """Return the request that asks whether the user of *device_code* has consented (RFC 8628 section 3.4)."""
    own = {"device_code": device_code}
    return _build(ready, ready.provider.requests.device_code, own, assertion=assertion)


def build_jwt_bearer(
    ready: ReadyClient, scopes: Sequence[str], *, grant_assertion: str, assertion: str | None = None
) -> HttpRequest:
    """Return the request for a token in the name of the subject of *grant_assertion* (RFC 7523 section 2.1)."""
    scope = _scope_of(ready, scopes)
    own = {**scope, "assertion": grant_assertion}
    return _build(ready, ready.provider.requests.jwt_bearer, own, known=scope, assertion=assertion)


def build_revocation(
    ready: ReadyClient, token_set: TokenSet, hint: str | None = None, *, assertion: str | None = None
) -> HttpRequest | None:
    """Return the request that tells the provider that *token_set* is over, or None where it takes none or the set lacks what it takes.

    *hint* is `refresh_token` or `access_token`; by default the refresh token goes where there is one, because most providers end the access tokens
    with it (RFC 7009 section 2.1), unless the provider takes the access token.
    """
    provider, shape = ready.provider, ready.provider.requests.revocation
    if hint is None:
        takes_access_token = provider.revokes_access_token or shape.token_parameter == _ACCESS_TOKEN
        hint = _ACCESS_TOKEN if takes_access_token or token_set.refresh_token is None else _REFRESH_TOKEN
    token = token_set.access_token if hint == _ACCESS_TOKEN else token_set.refresh_token
    known, tokens = _known_of(ready, token_set), _tokens_of(token_set)
    endpoint = shape.url or provider.revocation_endpoint
    url = None if endpoint is None else fill_url(ready, endpoint, {**known, **tokens})
    if url is None or token is None:
        return None
    own = _spend(shape, token, otherwise="token")
    if shape.token_parameter == RFC_REVOCATION.token_parameter:
        own["token_type_hint"] = hint
    return build_shaped_request(ready, shape, url, own, known=known, tokens=tokens, assertion=assertion)


def _spend(shape: RequestShape, token: str, *, otherwise: str) -> dict[str, str]:
    """Return the parameter that carries *token*; an empty name means that only the header or the path does."""
    name = otherwise if shape.token_parameter is None else shape.token_parameter
    return {name: token} if name else {}


def _scope_of(ready: ReadyClient, scopes: Sequence[str]) -> dict[str, str]:
    return {"scope": ready.provider.authorization.scope_separator.join(scopes)} if scopes else {}


def _known_of(ready: ReadyClient, token_set: TokenSet, randomness_token: str = "") -> dict[str, str]:
    return {
        **token_set.context.parameters,
        **token_set.extra,
        **_scope_of(ready, token_set.scope.split()),
        "redirect_uri": token_set.context.redirect_uri or "",
        "random": randomness_token,
    }


def _tokens_of(token_set: TokenSet) -> dict[str, str]:
    tokens = {_ACCESS_TOKEN: token_set.access_token}
    if token_set.refresh_token is not None:
        tokens[_REFRESH_TOKEN] = token_set.refresh_token
    return tokens


def _build(
    ready: ReadyClient,
    shape: RequestShape,
    own: Mapping[str, str],
    *,
    endpoint: str | None = None,
    known: Mapping[str, str] = _NOTHING,
    tokens: Mapping[str, str] = _NOTHING,
    assertion: str | None = None,
) -> HttpRequest:
    url = fill_url(ready, shape.url or endpoint or ready.provider.token_endpoint, {**known, **tokens})
    if url is None:
        raise InvalidInputError(
            f"The address of a request to {ready.provider.name} has a placeholder that this grant does not fill. Connect again, or mend the entry."
        )
    return build_shaped_request(ready, shape, url, own, known=known, tokens=tokens, assertion=assertion)
