"""Who is calling: the bearer token of a request (RFC 6750 section 2.1), its scope, and the tenant that it names."""

from __future__ import annotations

import re
from typing import Protocol

from evertoken.domain.authorization import Caller
from evertoken.domain.errors import AuthenticationError, AuthorizationError
from evertoken.entrypoints.http_event import HttpEvent

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+)")


class TokenVerifier(Protocol):
    """Verifies an access token of our own."""

    def get_caller(self, token: str, *, issuer: str) -> Caller:
        """Return who *token* says is calling. Raises AuthenticationError."""


def get_bearer(event: HttpEvent) -> str:
    """Return the bearer token of a request, unverified. Raises AuthenticationError: there is none."""
    # Two Authorization headers arrive joined by a comma, which no token has.
    bearer = _BEARER.fullmatch(event.headers.get("authorization", ""))
    if bearer is None:
        raise AuthenticationError
    return bearer[1]


def get_caller(verifier: TokenVerifier, event: HttpEvent, *, issuer: str) -> Caller:
    """Return the verified caller of a request. Raises AuthenticationError: there is no valid token; always the same message."""
    return verifier.get_caller(get_bearer(event), issuer=issuer)


def require_scope(caller: Caller, scope: str, or_scope: str | None = None) -> None:
    """Raise AuthorizationError unless the caller has *scope* (or *or_scope*)."""
    if not caller.scopes & {scope, or_scope}:
        raise AuthorizationError(f"This needs the scope {scope}. Get a token of a client that has it.")


def tenant_of(caller: Caller | None) -> str:
    """Return the tenant of a caller. Raises AuthorizationError: the operator has none, and reaches no connection."""
    if caller is None or caller.tenant_id is None:
        raise AuthorizationError("This belongs to a tenant. Use a token of one of the tenant's API clients.")
    return caller.tenant_id
