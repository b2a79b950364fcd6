"""Access tokens of the API itself, for programs that hand them on; a client gets and renews its own without these."""

from __future__ import annotations

from typing import Any

from evertoken.client.api_call import ApiCall, Authority, Repeat, given
from evertoken.client.api_decoding import answers_with
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.results import AccessTokenAnswer, PublicKeys


class AccessTokenRoutes(Routes):
    """None of these uses the client's own credential. All are safe to send again: a token more is no harm."""

    @route
    def issue(
        self, *, client_id: str, client_secret: str, scope: str | None = None
    ) -> ApiCall[AccessTokenAnswer]:
        """Exchange a client's secret for an access token (RFC 6749 section 4.4); *scope* asks for less than the client has."""
        form = given(grant_type="client_credentials", scope=scope)
        return _issue("issue", form=form, basic=(client_id, client_secret))

    @route
    def exchange(self, assertion: str, *, scope: str | None = None) -> ApiCall[AccessTokenAnswer]:
        """Exchange a token of an external OIDC issuer that an API client is bound to (RFC 7523 section 2.1)."""
        grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return _issue("exchange", form=given(grant_type=grant_type, assertion=assertion, scope=scope))

    @route
    def issue_for_role(self, *, scope: str | None = None) -> ApiCall[AccessTokenAnswer]:
        """Return an access token of the API client that the IAM role of this program is."""
        return ApiCall(
            name="access_tokens.issue_for_role",
            method="POST",
            path="/v1/auth/role-token",
            body=given(scope=scope),
            decode=answers_with(AccessTokenAnswer),
            repeat=Repeat.ALWAYS,
            authority=Authority.ROLE,
        )

    @route
    def keys(self) -> ApiCall[PublicKeys]:
        """Return the keys that verify access tokens (RFC 7517)."""
        return ApiCall(
            name="access_tokens.keys",
            method="GET",
            path="/.well-known/jwks.json",
            decode=answers_with(PublicKeys),
            repeat=Repeat.ALWAYS,
            authority=Authority.GIVEN,
        )


class AccessTokens(AccessTokenRoutes, Blocking):
    """Access tokens, blocking."""


class AsyncAccessTokens(AccessTokenRoutes, Awaiting):
    """Access tokens, awaited."""


def _issue(name: str, **more: Any) -> ApiCall[AccessTokenAnswer]:
    return ApiCall(
        name=f"access_tokens.{name}",
        method="POST",
        path="/v1/auth/token",
        decode=answers_with(AccessTokenAnswer),
        repeat=Repeat.ALWAYS,
        authority=Authority.GIVEN,
        **more,
    )
