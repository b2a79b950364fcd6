"""What a token request proves its client with: a secret (by HTTP Basic, or in a form or JSON body; RFC 6749 section 2.3.1) or an assertion (RFC 7523)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from evertoken.domain.errors import AuthenticationError, InvalidInputError
from evertoken.entrypoints.http_event import HttpEvent, parse_parameters
from evertoken.entrypoints.json_body import get_json_object, get_text
from evertoken.usecases.exchange_assertion import Assertion
from evertoken.usecases.issue_token import ClientCredentials

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_KNOWN = {
    CLIENT_CREDENTIALS: ("grant_type", "client_id", "client_secret", "scope"),
    JWT_BEARER: ("grant_type", "assertion", "scope"),
}
LONGEST_CREDENTIAL = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A request for an access token; *scopes* of None ask for all that the client has."""

    proof: ClientCredentials | Assertion
    scopes: tuple[str, ...] | None


def get_token_request(event: HttpEvent) -> TokenRequest:
    """Return what a token request asks for, and with what.

    Raises:
        InvalidInputError: it is a request of no kind that we take; the message names the field.
        AuthenticationError: it carries no credential, or a malformed one.
    """
    parameters = _get_parameters(event)
    grant = parameters.get("grant_type", "")
    # A mistaken field is named before a mistaken grant type: whoever misspells the one has not said the other.
    known = _KNOWN.get(grant, _KNOWN[CLIENT_CREDENTIALS])
    _refuse_unknown(parameters, known)
    if grant not in _KNOWN:
        raise InvalidInputError(f"grant_type: must be {CLIENT_CREDENTIALS} or {JWT_BEARER}.")
    proof = _get_assertion(event, parameters) if grant == JWT_BEARER else _get_secret(event, parameters)
    return TokenRequest(proof=proof, scopes=_scopes(parameters))


def get_requested_scopes(event: HttpEvent) -> tuple[str, ...] | None:
    """Return the scopes that a request without a credential in its body asks for, or None for all: it may have no body at all. Raises InvalidInputError."""
    if event.body == b"":
        return None
    parameters = _get_parameters(event)
    _refuse_unknown(parameters, ("scope",))
    return _scopes(parameters)


def _refuse_unknown(parameters: Mapping[str, str], known: tuple[str, ...]) -> None:
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise InvalidInputError(f"{unknown[0][:64]}: no such field. Known here: {', '.join(known)}.")


def _scopes(parameters: Mapping[str, str]) -> tuple[str, ...] | None:
    scope = parameters.get("scope")
    return tuple(scope.split()) if scope else None


def _get_parameters(event: HttpEvent) -> Mapping[str, str]:
    match event.content_type():
        case "application/x-www-form-urlencoded":
            return parse_parameters(get_text(event))
        case "application/json":
            document = get_json_object(event)
            for name, value in document.items():
                if not isinstance(value, str):
                    raise InvalidInputError(f"{name[:64]}: must be text.")
            return document
        case _:
            raise InvalidInputError("Send the body as application/x-www-form-urlencoded or application/json.")


def _get_assertion(event: HttpEvent, parameters: Mapping[str, str]) -> Assertion:
    if "authorization" in event.headers:
        raise InvalidInputError(
            "An assertion proves the client by itself. Send it without an Authorization header."
        )
    assertion = parameters.get("assertion")
    if not assertion:
        raise InvalidInputError("assertion: is missing. Send the token of the external issuer.")
    return Assertion(token=assertion)


def _get_secret(event: HttpEvent, parameters: Mapping[str, str]) -> ClientCredentials:
    in_header, in_body = _find_basic(event.headers), _find_in_body(parameters)
    if in_header is not None and in_body is not None:
        raise InvalidInputError("Send the credentials once: in the Authorization header, or in the body.")
    credentials = in_header or in_body
    if credentials is None:
        raise AuthenticationError("The client is unknown, or its secret is wrong.")
    return credentials


def _find_in_body(parameters: Mapping[str, str]) -> ClientCredentials | None:
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    return None if client_id is None or secret is None else _credentials(client_id, secret)


def _find_basic(headers: Mapping[str, str]) -> ClientCredentials | None:
    authorization = headers.get("authorization")
    if authorization is None:
        return None
    scheme, _, encoded = authorization.partition(" ")
    refused = AuthenticationError("The client is unknown, or its secret is wrong.")
    if scheme.lower() != "basic":
        raise refused
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise refused from None
    if not colon:
        raise refused
    return _credentials(unquote_plus(client_id), unquote_plus(secret))


def _credentials(client_id: str, secret: str) -> ClientCredentials:
    if not 0 < len(client_id) <= LONGEST_CREDENTIAL or not 0 < len(secret) <= LONGEST_CREDENTIAL:
        raise AuthenticationError("The client is unknown, or its secret is wrong.")
    return ClientCredentials(client_id=client_id, client_secret=secret)
