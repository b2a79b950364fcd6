"""What the standalone OAuth client must know of a provider, of our client there and of the user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self, get_args
from urllib.parse import urlsplit

from evertoken.client.errors import ConfigurationError
from evertoken.client.loopback import is_loopback
from evertoken.client.oauth_environment import read_environment
from evertoken.client.oauth_lifetime import Unit

ClientAuthenticationMethod = Literal["basic", "post", "none"]
Encoding = Literal["form", "json"]
Rotation = Literal["static", "grace", "strict", "unknown"]
StartingGrant = Literal["client_credentials", "authorization_code", "session_login"]

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")

_CHOICES: Final = {
    "client_authentication": get_args(ClientAuthenticationMethod),
    "encoding": get_args(Encoding),
    "rotation": get_args(Rotation),
    "expires_in_unit": get_args(Unit),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLogin:
    """A session that is opened with a user's name and password, for APIs that begin so, as some brokers' do.

    It is also what the client falls back to, once, when the refresh token is dead. `url` is the token URL unless given.
    """

    username: str
    password: str = field(repr=False)
    url: str = ""
    username_parameter: str = "identifier"
    password_parameter: str = "password"  # noqa: S105  # the parameter's name
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthConfig:
    """One client at one provider.

    client_authentication: `basic` or `post` (RFC 6749 section 2.3.1), or `none` for a public client.
    grant: what `initialize()` starts with; found from the other values when "": a session login, else an authorization, else client credentials.
    refresh_token, access_token: where a program already has one; with an access token alone nothing else is needed.
    issuer: the provider's name for itself; where it is given, an authorization response of another issuer is refused (RFC 9207).
    parameters, headers: sent with every token request. session_login, refresh_url, refresh_headers, refresh_grant_type ("" leaves `grant_type` out),
    encoding: for APIs whose requests are not RFC 6749's.
    user_token_parameter: the name under which `initialize(user_token)` sends that token with the client credentials.
    token_member: the member of the answer in which the tokens lie, where they may lie deeper than at the top.
    reauthorization_errors: error codes that mean that a refresh token is dead, as the whole code or as a word of it.
    trace_headers, trace_members: where the provider's answers carry the id of a request.
    rotation: what a refresh does to the refresh token. Only where an old one goes on working (`static`, `grace`) is a request whose answer was lost sent
    again by itself.
    timeout_seconds: for one request and its whole answer.

    Raises:
        ConfigurationError: a value is missing or wrong; URLs are https, http only on this machine.
    """

    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_authentication: ClientAuthenticationMethod = "basic"
    grant: StartingGrant | Literal[""] = ""
    scope: str = ""
    authorization_url: str = ""
    redirect_uri: str = ""
    issuer: str = ""
    pkce: bool = True
    userinfo_url: str = ""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    auto_refresh: bool = True
    session_login: SessionLogin | None = None
    encoding: Encoding = "form"
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    refresh_url: str = ""
    refresh_headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    refresh_grant_type: str = "refresh_token"
    user_token_parameter: str = "user_access_token"  # noqa: S105  # the parameter's name
    token_member: str = ""
    expires_in_unit: Unit = "seconds"
    reauthorization_errors: tuple[str, ...] = ("invalid_grant", "invalid_refresh_token")
    trace_headers: tuple[str, ...] = ("x-trace-id", "x-correlation-id", "x-request-id")
    trace_members: tuple[str, ...] = ("trace_id", "traceId")
    rotation: Rotation = "unknown"
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        if not self.token_url and not self.access_token:
            raise ConfigurationError(
                "token_url is missing. Give the provider's token endpoint, or an access_token that is used as it is."
            )
        if self.access_token and not _VISIBLE.fullmatch(self.access_token):
            # Written as a header it would fail, with the token in the error's text.
            raise ConfigurationError(
                "access_token must be visible ASCII characters. Look for a line break at its end, which a file leaves there."
            )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigurationError(f"{name} must be one of: {', '.join(choices)}.")
        if self.grant not in ("", *get_args(StartingGrant)):
            raise ConfigurationError(f"grant must be one of: {', '.join(get_args(StartingGrant))}.")
        if not 0 < self.timeout_seconds <= 600:  # noqa: PLR2004  # ten minutes; also refuses NaN
            raise ConfigurationError("timeout_seconds must be more than 0 and at most 600.")
        for name in ("token_url", "authorization_url", "userinfo_url", "refresh_url"):
            _check_url(name, getattr(self, name))
        if self.session_login is not None:
            _check_url("session_login.url", self.session_login.url)
        if self.token_url and self.session_login is None:
            self._check_client()

    @property
    def starting_grant(self) -> StartingGrant:
        """What `initialize()` does when there is neither a stored token set nor a refresh token."""
        if self.grant:
            return self.grant
        if self.session_login is not None:
            return "session_login"
        return "authorization_code" if self.authorization_url else "client_credentials"

    @property
    def survives_repetition(self) -> bool:
        """Whether a refresh token may be sent again after its answer was lost."""
        return self.rotation in ("static", "grace")

    @classmethod
    def from_env(cls, prefix: str = "OAUTH_") -> Self:
        """Return the configuration of the environment variables *prefix* + TOKEN_URL, CLIENT_ID, CLIENT_SECRET and so on: every field that is a text, a
        number or yes or no, in upper case.

        Raises:
            ConfigurationError: one is missing or cannot be read; the message names the variable and no value.
        """
        return read_environment(cls, prefix)

    def _check_client(self) -> None:
        if not self.client_id:
            raise ConfigurationError(
                "client_id is missing. It is the one that the provider gave your client."
            )
        if not self.client_secret and self.client_authentication != "none":
            raise ConfigurationError(
                f"client_secret is missing. Client authentication {self.client_authentication!r} needs one; "
                "a public client says client_authentication='none'."
            )


def _check_url(name: str, url: str) -> None:
    if not url:
        return
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or "@" in parts.netloc or parts.fragment or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{name} must be an absolute URL without user, password and fragment.")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return
    raise ConfigurationError(
        f"{name} must begin with https://: secrets are sent there. Only a server on this machine may be http://127.0.0.1 or http://localhost."
    )
