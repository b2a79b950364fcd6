"""The URL that a user's browser is sent to (RFC 6749 section 4.1.1), built here or, at some providers, asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from evertoken.domain.errors import InvalidInputError, ProviderRefusedError, ProviderUnavailableError
from evertoken.domain.http import HttpExchange, HttpRequest
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import HeaderCredential, Operation
from evertoken.protocol.answer_body import find_at
from evertoken.protocol.answer_failure import read_answer
from evertoken.protocol.same_site import is_same_site
from evertoken.protocol.shaped_request import build_shaped_request, fill_placeholders, fill_url

_URL = re.compile(r"[\x21-\x7e]{1,8192}")
_ANY_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_WAIT_SECONDS = 86_400
"""A date in `Retry-After` is always further away than this, counted from any instant, and says nothing here."""


def build_authorization_url(
    ready: ReadyClient,
    *,
    redirect_uri: str,
    state: str,
    challenge: str | None,
    scopes: Iterable[str],
    parameters: Mapping[str, str],
) -> str:
    """Return the authorization URL; `response_type` is always `code`.

    *challenge* is None where the provider takes no PKCE (`sends_challenge`), else made by the provider's `challenge_method`. *parameters* are the caller's
    own (a login hint, say): only those that the provider's entry admits, so that no caller can set `redirect_uri`, `request` or `response_mode`.

    Raises:
        InvalidInputError: the provider has no authorization endpoint, or a parameter is not admitted; the message names it.
    """
    endpoint = ready.provider.authorization_endpoint
    if endpoint is None:
        raise _no_endpoint(ready.provider)
    own = _own_parameters(ready, redirect_uri, state, challenge, scopes)
    query = {**_fixed_parameters(ready, parameters, own), **_named(ready.provider, own)}
    parts = urlsplit(endpoint)
    # The endpoint's own query is kept (RFC 6749 section 3.1).
    return urlunsplit(
        parts._replace(query="&".join(part for part in (parts.query, urlencode(query)) if part))
    )


def build_authorization_request(
    ready: ReadyClient,
    *,
    redirect_uri: str,
    state: str,
    challenge: str | None,
    scopes: Iterable[str],
    parameters: Mapping[str, str],
    user_token: str | None = None,
    assertion: str | None = None,
) -> HttpRequest:
    """Return the request whose answer holds the authorization URL; its parameters are those that the URL would have, in the request's own names.

    *user_token* is an access token of the user's, for the request's `Authorization` header. *assertion* is as for every request of `token_request`.

    Raises:
        InvalidInputError: the provider's URL is not asked for, or a parameter is not admitted; the message names it.
    """
    shape = ready.provider.requests.authorization
    own = _own_parameters(ready, redirect_uri, state, challenge, scopes)
    endpoint = None if shape is None else shape.url or ready.provider.authorization_endpoint
    url = None if endpoint is None else fill_url(ready, endpoint, own)
    if shape is None or url is None:
        raise _no_endpoint(ready.provider)
    tokens = {} if user_token is None else {HeaderCredential.USER_TOKEN.value: user_token}
    sent = {name: value for name, value in own.items() if name not in ready.provider.authorization.omits}
    renamed = {
        shape.names.get(name, ready.provider.authorization.names.get(name, name)): value
        for name, value in sent.items()
        if name not in shape.omits
    }
    return build_shaped_request(
        ready,
        shape,
        url,
        {**_fixed_parameters(ready, parameters, own), **renamed},
        known=own,
        tokens=tokens,
        assertion=assertion,
    )


def parse_authorization_answer(provider: Provider, exchange: HttpExchange, *, redirect_uri: str) -> str:
    """Return the URL that the answer to `build_authorization_request` holds.

    It is https, and on a site of the provider's own endpoints; or it is *redirect_uri* itself, where the provider has consented already. Nobody is sent
    anywhere else, whatever an answer says.

    Raises:
        ProviderRefusedError: the provider refused, or answered no such URL.
        ProviderUnavailableError: it did not answer, or asks to wait.
    """
    answer = read_answer(provider, Operation.CODE_EXCHANGE, exchange, _ANY_INSTANT)
    if isinstance(answer, Failure):
        raise _as_error(provider, answer)
    url = find_at(answer.document, provider.requests.authorization_url_path)
    if not isinstance(url, str) or not _may_be_sent_to(provider, url, redirect_uri):
        raise ProviderRefusedError(
            f"{provider.name} answered no authorization URL of its own. If its addresses have changed, mend requests.authorization of its entry."
        )
    return url


def _own_parameters(
    ready: ReadyClient, redirect_uri: str, state: str, challenge: str | None, scopes: Iterable[str]
) -> dict[str, str]:
    shape = ready.provider.authorization
    own = {
        "response_type": "code",
        "client_id": ready.registration.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    wanted = dict.fromkeys((*shape.always_scopes, *scopes))
    if wanted:
        own["scope"] = shape.scope_separator.join(wanted)
    if challenge is not None:
        own["code_challenge"] = challenge
        own["code_challenge_method"] = ready.provider.challenge_method.value
    return own


def _fixed_parameters(
    ready: ReadyClient, parameters: Mapping[str, str], own: Mapping[str, str]
) -> dict[str, str]:
    shape = ready.provider.authorization
    for name in parameters:
        if name not in shape.accepts:
            admitted = ", ".join(sorted(shape.accepts)) or "none"
            raise InvalidInputError(
                f"The authorization parameter {name[:64]!r} is not admitted at {ready.provider.name}. Admitted are: {admitted}."
            )
    fixed = ((name, fill_placeholders(text, own)) for name, text in shape.parameters.items())
    return {**{name: text for name, text in fixed if text is not None}, **parameters}


def _named(provider: Provider, own: Mapping[str, str]) -> dict[str, str]:
    shape = provider.authorization
    return {shape.names.get(name, name): value for name, value in own.items() if name not in shape.omits}


def _may_be_sent_to(provider: Provider, url: str, redirect_uri: str) -> bool:
    if _URL.fullmatch(url) is None:
        return False
    if url.partition("?")[0] == redirect_uri:
        return True
    endpoints = (
        provider.authorization_endpoint,
        provider.token_endpoint,
        None if provider.requests.authorization is None else provider.requests.authorization.url,
    )
    return any(endpoint is not None and is_same_site(url, endpoint) for endpoint in endpoints)


def _as_error(provider: Provider, failure: Failure) -> ProviderRefusedError | ProviderUnavailableError:
    if failure.kind in (
        FailureKind.CLIENT_MISCONFIGURED,
        FailureKind.REJECTED,
        FailureKind.USER_ACTION_REQUIRED,
    ):
        return ProviderRefusedError(
            f"{provider.name} refused to give its authorization URL ({failure.code}). Check the user_token and the client registration."
        )
    wait = failure.retry_after_seconds
    return ProviderUnavailableError(
        f"{provider.name} could not be asked for its authorization URL ({failure.code}). Try again.",
        retry_after_seconds=wait if wait is not None and wait <= _MAX_WAIT_SECONDS else None,
    )


def _no_endpoint(provider: Provider) -> InvalidInputError:
    return InvalidInputError(
        f"{provider.name} has no authorization endpoint, so nobody can be sent there to consent."
    )
