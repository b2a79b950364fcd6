"""The requests to a token endpoint, built without sending anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from evertoken.client.errors import ConfigurationError
from evertoken.client.oauth_config import OAuthConfig
from evertoken.client.oauth_tokens import Grant, OAuthTokens

Purpose = Literal["client_credentials", "user_token", "code_exchange", "refresh", "session_login", "userinfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One request. `grant` is what its tokens will be of, `scope` theirs unless the answer says otherwise. `is_repeatable`: nothing is lost when it is sent twice."""

    purpose: Purpose
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    grant: Grant
    is_repeatable: bool
    method: Literal["GET", "POST"] = "POST"
    scope: str = ""


def build_client_credentials(config: OAuthConfig, user_token: str | None = None) -> TokenRequest:
    """Return the request of RFC 6749 section 4.4.2, with the user's token beside it when there is one."""
    parameters = {"grant_type": "client_credentials", "scope": config.scope}
    if user_token is None:
        return _build(config, "client_credentials", "client_credentials", parameters)
    parameters[config.user_token_parameter] = user_token
    return _build(config, "user_token", "user_token", parameters)


def build_code_exchange(config: OAuthConfig, *, code: str, redirect_uri: str, verifier: str) -> TokenRequest:
    """Return the request of RFC 6749 section 4.1.3 with RFC 7636's verifier ("" for none)."""
    parameters = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    return _build(config, "code_exchange", "authorization_code", parameters)


def build_refresh(config: OAuthConfig, refresh_token: str, held: OAuthTokens | None) -> TokenRequest:
    """Return the request of RFC 6749 section 6. The scope is left out: the new token gets what the old one, of *held*, had."""
    parameters = {"grant_type": config.refresh_grant_type, "refresh_token": refresh_token}
    return _build(
        config,
        "refresh",
        held.grant if held is not None else "refresh_token",
        parameters,
        url=config.refresh_url,
        headers=config.refresh_headers,
        scope=held.scope if held is not None else config.scope,
    )


def build_session_login(config: OAuthConfig) -> TokenRequest:
    """Return the request that opens a session.

    Raises:
        ConfigurationError: the configuration has no session_login.
    """
    login = config.session_login
    if login is None:
        raise ConfigurationError("There is no session to open. Give OAuthConfig a session_login.")
    parameters = {login.username_parameter: login.username, login.password_parameter: login.password}
    return _build(config, "session_login", "session_login", parameters, url=login.url, headers=login.headers)


def build_userinfo(config: OAuthConfig, tokens: OAuthTokens) -> TokenRequest:
    """Return the request for the user's own data (OpenID Connect Core 1.0 section 5.3.1).

    Raises:
        ConfigurationError: the configuration has no userinfo_url.
    """
    if not config.userinfo_url:
        raise ConfigurationError(
            "userinfo_url is missing. Give OAuthConfig the address that says who the user is."
        )
    return TokenRequest(
        purpose="userinfo",
        url=config.userinfo_url,
        headers={"Accept": "application/json", **config.headers, "Authorization": tokens.authorization},
        body=b"",
        grant=tokens.grant,
        is_repeatable=True,
        method="GET",
    )


def _build(
    config: OAuthConfig,
    purpose: Purpose,
    grant: Grant,
    parameters: dict[str, str],
    *,
    url: str = "",
    headers: Mapping[str, str] | None = None,
    scope: str | None = None,
) -> TokenRequest:
    target = url or config.token_url
    if not target:
        raise ConfigurationError(
            "This client was given an access token alone and cannot get another. Give OAuthConfig a token_url and the client's credentials."
        )
    proof_headers, proof = (
        ({}, {}) if config.session_login is not None and not config.client_id else _prove(config)
    )
    # An empty parameter is to be left out (RFC 6749 section 3.2).
    sent = {name: value for name, value in {**config.parameters, **parameters, **proof}.items() if value}
    is_form = config.encoding == "form"
    content_type = "application/x-www-form-urlencoded" if is_form else "application/json"
    return TokenRequest(
        purpose=purpose,
        url=target,
        headers={
            "Accept": "application/json",
            "Content-Type": content_type,
            **config.headers,
            **(headers or {}),
            **proof_headers,
        },
        body=urlencode(sent).encode() if is_form else json.dumps(sent).encode(),
        grant=grant,
        scope=config.scope if scope is None else scope,
        is_repeatable=purpose in ("client_credentials", "user_token", "session_login"),
    )


def _prove(config: OAuthConfig) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the parameters that say who the client is: one method a request (RFC 6749 section 2.3)."""
    if config.client_authentication == "none":
        return {}, {"client_id": config.client_id}
    if config.client_authentication == "post":
        return {}, {"client_id": config.client_id, "client_secret": config.client_secret}
    # Form-encoded before they are joined, so that a colon or a percent sign survives (RFC 6749 section 2.3.1).
    pair = f"{quote(config.client_id, safe='')}:{quote(config.client_secret, safe='')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}, {}
