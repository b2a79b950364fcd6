"""How our client proves itself at a token endpoint (RFC 6749 section 2.3.1): one method a request, nothing in the URL unless the entry says so."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider_shapes import ClientAuthentication, ClientPart, RequestShape
from evertoken.domain.ready_client import ReadyClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProof:
    """What a request carries of the client: headers and parameters."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    parameters: dict[str, str] = field(default_factory=dict, repr=False)


def find_client_authentication(ready: ReadyClient) -> ClientAuthentication:
    """Return the method of *ready*: the registration's own, else the provider's first; `none` for a client without a secret.

    Raises:
        InvalidInputError: the method is none that we know, or it needs a secret and the registration has none.
    """
    chosen = ready.registration.client_authentication
    if chosen is None:
        return (
            ready.provider.client_authentication[0]
            if ready.client_secret is not None
            else ClientAuthentication.NONE
        )
    try:
        method = ClientAuthentication(chosen)
    except ValueError:
        known = ", ".join(ClientAuthentication)
        raise InvalidInputError(f"client_authentication must be one of: {known}.") from None
    if method is not ClientAuthentication.NONE and ready.client_secret is None:
        raise InvalidInputError(
            f"client_authentication {method} needs a client_secret. Put the registration again with one, or with `none`."
        )
    return method


def prove_client(ready: ReadyClient, shape: RequestShape) -> ClientProof:
    """Return what a request of *shape* carries of the client. Raises InvalidInputError as `find_client_authentication` does."""
    client_id, secret = ready.registration.client_id, ready.client_secret
    if shape.client is ClientPart.ABSENT:
        return ClientProof()
    if shape.client is ClientPart.SECRET_ONLY:
        return ClientProof(parameters={"client_secret": secret or ""})
    method = find_client_authentication(ready)
    if shape.client_authentication is not None and secret is not None:
        method = shape.client_authentication
    if method is ClientAuthentication.NONE or secret is None:
        return ClientProof(parameters={"client_id": client_id})
    if method is ClientAuthentication.CLIENT_SECRET_POST:
        return ClientProof(parameters={"client_id": client_id, "client_secret": secret})
    if ready.provider.form_encodes_basic:
        # Form-encoded before they are joined, so that a colon or a percent sign survives (RFC 6749 section 2.3.1).
        client_id, secret = quote_plus(client_id), quote_plus(secret)
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode("ascii")
    return ClientProof(headers={"Authorization": f"Basic {credentials}"})
