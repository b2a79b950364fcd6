"""The way through the browser: where to send the user, and what he comes back with (RFC 6749 section 4.1, RFC 7636, RFC 9207)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from evertoken.client.errors import ConfigurationError, ConnectionNeedsUserError, RequestRefusedError
from evertoken.client.oauth_config import OAuthConfig

PENDING_SECONDS: Final = 600
_MAX_PENDING: Final = 1000
_MAX_CALLBACK_CHARACTERS: Final = 16_384
_ERRORS: Final = (
    "access_denied",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
    "login_required",
    "consent_required",
    "interaction_required",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A user's way to the provider: send the browser to `url`.

    `state` and `verifier` are for this one way. A program whose callback runs in another process keeps the whole value in the user's session and gives it
    to `exchange_code`; otherwise the client remembers it for ten minutes.
    """

    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


class PendingAuthorizations:
    """The ways that are begun and not ended; each state is good for one callback. Safe under threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._begun: dict[str, tuple[datetime, AuthorizationRequest]] = {}
        self._spent: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def add(self, request: AuthorizationRequest) -> None:
        """Remember *request*; the oldest are forgotten when there are more than 1,000."""
        with self._lock:
            _forget(self._begun, _MAX_PENDING - 1)
            self._begun[request.state] = (self._clock() + timedelta(seconds=PENDING_SECONDS), request)

    def take(self, state: str, given: AuthorizationRequest | None) -> AuthorizationRequest:
        """Return the request that *state* began, and spend the state.

        Raises:
            RequestRefusedError: it began none here, it is older than ten minutes, or it was brought before.
        """
        with self._lock:
            ends_at, begun = self._begun.pop(state, (None, None))
            if state in self._spent:
                raise RequestRefusedError(
                    "This authorization was completed before: a state is good for one callback. Start again with authorization_url()."
                )
            _forget(self._spent, _MAX_PENDING - 1)
            self._spent[state] = self._clock()
        if given is not None:
            if not hmac.compare_digest(given.state.encode(), state.encode()):
                raise _foreign_state()
            return given
        if begun is None or ends_at is None or ends_at < self._clock():
            raise _foreign_state()
        return begun


def begin_authorization(
    config: OAuthConfig,
    *,
    redirect_uri: str,
    scope: str,
    parameters: Mapping[str, str],
    token_urlsafe: Callable[[int], str],
) -> AuthorizationRequest:
    """Return a new way to the provider, with PKCE's S256 unless the configuration turns it off.

    *parameters* are the provider's own (a prompt, a tenant).

    Raises:
        ConfigurationError: there is no authorization_url or redirect_uri.
    """
    if not config.authorization_url:
        raise ConfigurationError(
            "authorization_url is missing. Give OAuthConfig the provider's authorization endpoint."
        )
    target = redirect_uri or config.redirect_uri
    if not target:
        raise ConfigurationError("redirect_uri is missing. Give the one that is registered at the provider.")
    state, verifier = token_urlsafe(32), token_urlsafe(48) if config.pkce else ""
    query = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": target,
        "scope": scope or config.scope,
        **parameters,
        "state": state,
    }
    if verifier:
        query |= {"code_challenge": _challenge_of(verifier), "code_challenge_method": "S256"}
    joint = "&" if urlsplit(config.authorization_url).query else "?"
    sent = urlencode({name: value for name, value in query.items() if value})
    return AuthorizationRequest(
        url=f"{config.authorization_url}{joint}{sent}", state=state, verifier=verifier, redirect_uri=target
    )


def read_callback(
    config: OAuthConfig,
    pending: PendingAuthorizations,
    callback_url_or_code: str,
    given: AuthorizationRequest | None,
) -> tuple[str, AuthorizationRequest]:
    """Return the code and the request that it answers; the state is spent, whatever comes next.

    A bare code needs the request beside it: who has only the code cannot know whose callback it was, and has compared the state himself.

    Raises:
        ConfigurationError: a bare code came alone.
        RequestRefusedError: the callback is not the answer to a request of this client, or of another issuer.
        ConnectionNeedsUserError: the user, or the provider for him, said no.
    """
    if "?" not in callback_url_or_code and "=" not in callback_url_or_code.rstrip("="):
        if given is None:
            raise ConfigurationError(
                "A code alone does not say whose callback it came with. Give exchange_code() the whole URL of the callback, or the request that "
                "authorization_url() returned as authorization=, after comparing its state."
            )
        return callback_url_or_code, pending.take(given.state, given)
    values = _read_query(callback_url_or_code)
    request = pending.take(values.get("state", ""), given)
    issuer = values.get("iss")
    if config.issuer and issuer is not None and issuer != config.issuer:
        raise RequestRefusedError(
            "The callback comes from another issuer than OAuthConfig names (RFC 9207). Its code was sent nowhere; start again with authorization_url()."
        )
    error, code = values.get("error", ""), values.get("code", "")
    if error:
        shown = error if error in _ERRORS else "an error of its own"
        raise ConnectionNeedsUserError(
            f"The provider answers {shown} in place of a code. Start again with authorization_url()."
        )
    if not code:
        raise RequestRefusedError(
            "The callback carries no code. Give exchange_code() the whole URL to which the provider sent the browser."
        )
    return code, request


def _read_query(callback_url: str) -> dict[str, str]:
    query = callback_url.partition("?")[2].partition("#")[0] if "?" in callback_url else callback_url
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        pairs = []
    values = dict(pairs)
    # A parameter that comes twice is refused (RFC 6749 section 3.1): two readers could choose differently.
    if not pairs or len(values) != len(pairs) or len(callback_url) > _MAX_CALLBACK_CHARACTERS:
        raise RequestRefusedError(
            "This is not the URL of an authorization response. Give exchange_code() the whole URL to which the provider sent the browser."
        )
    return values


def _challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _foreign_state() -> RequestRefusedError:
    return RequestRefusedError(
        "The callback's state is of no request of this client, or older than ten minutes. Its code was sent nowhere; start again with authorization_url(), "
        "and if the callback runs in another process, give it the request that was kept in the user's session."
    )


def _forget(
    entries: dict[str, object] | dict[str, datetime] | dict[str, tuple[datetime, AuthorizationRequest]],
    kept: int,
) -> None:
    while len(entries) > kept:
        del entries[next(iter(entries))]
