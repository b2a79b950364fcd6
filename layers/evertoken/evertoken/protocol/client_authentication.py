"""How our client proves itself (RFC 6749 section 2.3, RFC 7523 section 2.2): one method a request, nothing in the URL unless the entry says so."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote

from evertoken.domain.errors import InvalidInputError
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.request_shape import ClientAuthentication, ClientPart, RequestShape

CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SIGNED_BY_KEY = (ClientAuthentication.PRIVATE_KEY_JWT, ClientAuthentication.SIGNED_CLIENT_SECRET)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientProof:
    """What a request carries of the client: headers, and parameters under their standard names."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    parameters: dict[str, str] = field(default_factory=dict, repr=False)


def find_client_authentication(ready: ReadyClient) -> ClientAuthentication:
    """Return the method of *ready*: the registration's own, else the first of the provider's that its secret or signing key serves, else `none`.

    Raises:
        InvalidInputError: the method is none that we know, or the registration lacks what it needs; the message names the mend.
    """
    chosen = ready.registration.client_authentication
    if chosen is None:
        return _choose(ready)
    try:
        method = ClientAuthentication(chosen)
    except ValueError:
        known = ", ".join(ClientAuthentication)
        raise InvalidInputError(f"client_authentication must be one of: {known}.") from None
    if not _serves(ready, method):
        raise _lacks(method)
    return method


def signs(ready: ReadyClient, shape: RequestShape) -> bool:
    """Return whether a request of *shape* carries an assertion that is signed for it alone. Raises InvalidInputError as `find_client_authentication` does."""
    return shape.client is ClientPart.AUTHENTICATED and find_method(ready, shape).signs


def find_method(ready: ReadyClient, shape: RequestShape) -> ClientAuthentication:
    """Return the method by which a request of *shape* is authenticated: its own where the client can, else the client's. Raises InvalidInputError."""
    own = shape.client_authentication
    if own is not None and _serves(ready, own):
        return own
    return find_client_authentication(ready)


def prove_client(ready: ReadyClient, shape: RequestShape, *, assertion: str | None = None) -> ClientProof:
    """Return what a request of *shape* carries of the client; *assertion* is the signed one, given exactly where `signs` says so.

    Raises:
        InvalidInputError: as `find_client_authentication`.
        ValueError: the assertion is missing, or there is one too many.
    """
    if shape.client is not ClientPart.AUTHENTICATED:
        _check_assertion(assertion, wanted=False)
        return _prove_partly(ready, shape.client)
    method = find_method(ready, shape)
    _check_assertion(assertion, wanted=method.signs)
    client_id, secret = ready.registration.client_id, ready.client_secret
    if method is ClientAuthentication.NONE:
        return ClientProof(parameters={"client_id": client_id})
    if method is ClientAuthentication.SIGNED_CLIENT_SECRET:
        method, secret = ClientAuthentication.CLIENT_SECRET_POST, assertion
    if method is ClientAuthentication.CLIENT_SECRET_POST:
        return ClientProof(parameters={"client_id": client_id, "client_secret": secret or ""})
    if method is ClientAuthentication.CLIENT_SECRET_BASIC:
        return ClientProof(headers={"Authorization": _basic(ready, client_id, secret or "")})
    return ClientProof(
        parameters={
            "client_id": client_id,
            "client_assertion_type": CLIENT_ASSERTION_TYPE,
            "client_assertion": assertion or "",
        }
    )


def _choose(ready: ReadyClient) -> ClientAuthentication:
    offered = ready.provider.client_authentication
    for method in offered:
        if _serves(ready, method):
            return method
    if all(method.signs for method in offered):
        raise _lacks(offered[0])
    # A public client, or one whose key signs the assertions of its grants alone.
    return ClientAuthentication.NONE


def _serves(ready: ReadyClient, method: ClientAuthentication) -> bool:
    if method is ClientAuthentication.NONE:
        return True
    if method in _SIGNED_BY_KEY:
        return ready.registration.signing_key is not None
    return ready.client_secret is not None


def _lacks(method: ClientAuthentication) -> InvalidInputError:
    if method in _SIGNED_BY_KEY:
        return InvalidInputError(
            f"client_authentication {method} needs a signing_key. Put the registration again with its algorithm and a private_key or a kms_key_id."
        )
    return InvalidInputError(
        f"client_authentication {method} needs a client_secret. Put the registration again with one, or with `none`."
    )


def _prove_partly(ready: ReadyClient, part: ClientPart) -> ClientProof:
    secret = ready.client_secret
    if part is ClientPart.ID_ONLY:
        return ClientProof(parameters={"client_id": ready.registration.client_id})
    if part is ClientPart.ABSENT or secret is None:
        return ClientProof()
    if part is ClientPart.SECRET_ONLY:
        return ClientProof(parameters={"client_secret": secret})
    return ClientProof(headers={"Authorization": _basic(ready, secret, "")})


def _basic(ready: ReadyClient, name: str, password: str) -> str:
    if ready.provider.form_encodes_basic:
        # Form-encoded before they are joined, so that a colon or a percent sign survives (RFC 6749 section 2.3.1); a space as %20, which also
        # servers understand that decode percent signs alone.
        name, password = quote(name, safe=""), quote(password, safe="")
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode('ascii')}"


def _check_assertion(assertion: str | None, *, wanted: bool) -> None:
    if wanted is (assertion is None):
        raise ValueError(
            "An assertion is given exactly where signs() says that the request carries one: see sign_request."
        )
