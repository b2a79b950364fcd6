"""The URL that a user's browser is sent to (RFC 6749 section 4.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.ready_client import ReadyClient
from evertoken.protocol.pkce import CHALLENGE_METHOD


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

    *challenge* is None where the provider takes no PKCE (`sends_challenge`). *parameters* are the caller's own (a login hint, say): only those that
    the provider's entry admits, so that no caller can set `redirect_uri`, `request` or `response_mode`.

    Raises:
        InvalidInputError: the provider has no authorization endpoint, or a parameter is not admitted; the message names it.
    """
    provider, shape = ready.provider, ready.provider.authorization
    if provider.authorization_endpoint is None:
        raise InvalidInputError(
            f"{provider.name} has no authorization endpoint, so nobody can be sent there to consent."
        )
    for name in parameters:
        if name not in shape.accepts:
            admitted = ", ".join(sorted(shape.accepts)) or "none"
            raise InvalidInputError(
                f"The authorization parameter {name[:64]!r} is not admitted at {provider.name}. Admitted are: {admitted}."
            )
    query = {
        **shape.parameters,
        **parameters,
        "response_type": "code",
        "client_id": ready.registration.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    wanted = dict.fromkeys((*shape.always_scopes, *scopes))
    if wanted:
        query["scope"] = shape.scope_separator.join(wanted)
    if challenge is not None:
        query |= {"code_challenge": challenge, "code_challenge_method": CHALLENGE_METHOD}
    parts = urlsplit(provider.authorization_endpoint)
    # The endpoint's own query is kept (RFC 6749 section 3.1).
    return urlunsplit(
        parts._replace(query="&".join(part for part in (parts.query, urlencode(query)) if part))
    )
