"""Exchange a token of an external OIDC issuer for an access token of our own (RFC 7523 section 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evertoken.domain.errors import AuthenticationError
from evertoken.domain.external_identity import OidcBinding
from evertoken.ports import ExternalIssuers
from evertoken.protocol.jwt_claims import find_claims
from evertoken.usecases.issue_token import IssuedAccessToken, IssueDependencies, issue_to

REFUSED = "The assertion is not a valid token of an issuer that an API client is bound to."
"""The one refusal: it tells neither which issuers are known nor what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeDependencies:
    """What exchanging needs."""

    issuing: IssueDependencies
    issuers: ExternalIssuers


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A token that another issuer signed."""

    token: str = field(repr=False)


def exchange_assertion(
    deps: ExchangeDependencies, assertion: Assertion, *, scopes: tuple[str, ...] | None, issuer: str
) -> IssuedAccessToken:
    """Return an access token of the client that the assertion's issuer, audience and subject are bound to.

    The issuer is asked for its keys only when it is some client's: nobody makes us ask another.

    Raises:
        AuthenticationError: the assertion proves no client; always the same message.
        ProviderUnavailableError: the issuer's keys cannot be had now.
        AuthorizationError, InvalidInputError, StoreUnavailableError: as `issue_to` raises them.
    """
    claimed = find_claims(assertion.token).get("iss")
    # An issuer is an ASCII URL; JSON may also write a lone surrogate, which nothing can look up.
    if not isinstance(claimed, str) or not claimed or not claimed.isascii():
        raise AuthenticationError(REFUSED)
    bindings = deps.issuing.clients.find_oidc_bindings(claimed)
    if not bindings:
        raise AuthenticationError(REFUSED)
    try:
        claims = deps.issuers.get_claims(assertion.token, issuer=claimed)
    except AuthenticationError:
        raise AuthenticationError(REFUSED) from None
    client_id = _find_bound(bindings, claims)
    client = None if client_id is None else deps.issuing.clients.find(client_id)
    if client is None:
        raise AuthenticationError(REFUSED)
    return issue_to(deps.issuing, client, scopes=scopes, issuer=issuer)


def _find_bound(bindings: Mapping[OidcBinding, str], claims: Mapping[str, Any]) -> str | None:
    """Return the one client that is meant: a binding with a subject goes before one without, and what fits two is nobody's."""
    fitting = [binding for binding in bindings if binding.fits(claims)]
    exact = [binding for binding in fitting if binding.subject is not None]
    chosen = exact or fitting
    return bindings[chosen[0]] if len(chosen) == 1 else None
