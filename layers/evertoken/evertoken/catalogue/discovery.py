"""Server metadata (RFC 8414, OpenID Connect Discovery 1.0, SMART App Launch 2.2) made into a provider document; the fetching is somebody else's."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from evertoken.catalogue.endpoint_url import find_placeholders, find_url_problem
from evertoken.domain.assertion import SigningAlgorithm
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.grant import Grant
from evertoken.domain.request_shape import ClientAuthentication

MAX_METADATA_BYTES = 262_144
_MAX_URL_CHARACTERS = 2048
_SMART_CONFIGURATION = "/.well-known/smart-configuration"
"""Under the base URL of a FHIR server, which stands in the place of the issuer (SMART App Launch 2.2, "Conformance")."""
_GRANTS = {
    "authorization_code": Grant.AUTHORIZATION_CODE,
    "refresh_token": Grant.REFRESH_TOKEN,
    "client_credentials": Grant.CLIENT_CREDENTIALS,
    "urn:ietf:params:oauth:grant-type:token-exchange": Grant.TOKEN_EXCHANGE,
    "urn:ietf:params:oauth:grant-type:device_code": Grant.DEVICE_CODE,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": Grant.JWT_BEARER,
}
"""By the names of the registry "OAuth Token Endpoint Grant Types" and of RFC 7523, RFC 8628 and RFC 8693."""
_DEFAULT_GRANTS = ("authorization_code",)
_NEEDED_ENDPOINTS = {Grant.AUTHORIZATION_CODE: "authorization", Grant.DEVICE_CODE: "device_authorization"}


def metadata_urls(issuer: str, *, allow_loopback: bool = False) -> tuple[str, ...]:
    """Return where *issuer*'s metadata may be, in the order in which to ask.

    RFC 8414 section 3.1 puts the well-known part before the issuer's path, OpenID Connect Discovery 1.0 section 4 after it; servers
    do both with both. The OAuth document comes first: it names the revocation endpoint more often. Servers of health records come last.

    Raises:
        InvalidInputError: *issuer* is not an https URL without query and fragment.
    """
    _check_issuer_url(issuer, allow_loopback=allow_loopback)
    parts = urlsplit(issuer)
    root, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    urls = (
        f"{root}/.well-known/oauth-authorization-server{path}",
        f"{root}{path}/.well-known/oauth-authorization-server",
        f"{root}{path}/.well-known/openid-configuration",
        f"{root}/.well-known/openid-configuration{path}",
        f"{root}{path}{_SMART_CONFIGURATION}",
    )
    return tuple(dict.fromkeys(urls))


def parse_metadata(
    issuer: str, body: bytes, *, metadata_url: str, checked_on: date, allow_loopback: bool = False
) -> dict[str, Any]:
    """Return the provider document that the metadata *body* of *issuer* describes: to be merged with `with_discovered`, then read by `parse_provider`.

    Raises:
        InvalidInputError: too long, not a JSON object, another issuer's (compared as strings, RFC 8414 section 3.3), without a usable token
            endpoint, or for clients that authenticate as we cannot. Nothing of the body is repeated.
    """
    _check_issuer_url(issuer, allow_loopback=allow_loopback)
    if len(body) > MAX_METADATA_BYTES:
        raise InvalidInputError(
            f"The issuer's metadata is longer than {MAX_METADATA_BYTES} bytes. Name its endpoints instead."
        )
    metadata = _parse_object(body)
    is_issuers_own = metadata.get("issuer") == issuer
    if not is_issuers_own and not metadata_url.endswith(_SMART_CONFIGURATION):
        raise InvalidInputError(
            "The metadata names another issuer. Give the issuer exactly as the server does, to the last slash."
        )
    source = {"url": metadata_url, "checked_on": checked_on.isoformat(), "confidence": "verified"}
    endpoints = {
        name: url
        for name in ("authorization", "token", "revocation", "device_authorization")
        if (url := _find_url(metadata, f"{name}_endpoint", allow_loopback=allow_loopback)) is not None
    }
    if "token" not in endpoints:
        raise InvalidInputError("The metadata has no token_endpoint. Name the provider's endpoints instead.")
    return {
        # A FHIR server is not the issuer of what its authorization server signs, and may name any: none is believed.
        "issuer": issuer if is_issuers_own else "unknown",
        "iss_parameter": _iss_parameter(metadata) if is_issuers_own else "unknown",
        "grants": _grants(metadata, endpoints),
        "endpoints": {**endpoints, "source": source},
        "client_authentication": {**_client_authentication(metadata), "source": source},
        "pkce": {**_pkce(metadata), "source": source},
    }


def with_discovered(document: Mapping[str, Any], discovered: Mapping[str, Any]) -> dict[str, Any]:
    """Return *document* with what it leaves out taken from *discovered*: what an operator wrote wins, member by member, but for the issuer."""
    whole = {**document, "issuer": discovered["issuer"]}
    for name, value in discovered.items():
        own = whole.get(name)
        if isinstance(own, Mapping) and isinstance(value, Mapping):
            whole[name] = {**value, **own}
        elif name not in whole:
            whole[name] = value
    return whole


def _check_issuer_url(issuer: str, *, allow_loopback: bool) -> None:
    problem = find_url_problem(issuer, allow_loopback=allow_loopback)
    if problem is None and (urlsplit(issuer).query or find_placeholders(issuer).in_host or "{" in issuer):
        problem = "must be a URL without query and placeholders."
    if problem is not None:
        raise InvalidInputError(f"issuer {problem}")


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        metadata = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise InvalidInputError(
            "The issuer's metadata is not a JSON object. Name the provider's endpoints instead."
        )
    return metadata


def _find_url(metadata: Mapping[str, Any], member: str, *, allow_loopback: bool) -> str | None:
    url = metadata.get(member)
    if url is None:
        return None
    problem = (
        find_url_problem(url, allow_loopback=allow_loopback)
        if isinstance(url, str) and len(url) <= _MAX_URL_CHARACTERS
        else "must be a URL."
    )
    if problem is None and ("{" in url or "}" in url):
        problem = "may not have a placeholder."
    if problem is not None:
        raise InvalidInputError(f"The metadata's {member} {problem} Name the provider's endpoints instead.")
    return str(url)


def _grants(metadata: Mapping[str, Any], endpoints: Container[str]) -> list[str]:
    named = _texts(metadata.get("grant_types_supported")) or _DEFAULT_GRANTS
    grants = [
        str(grant)
        for name, grant in _GRANTS.items()
        if name in named and _NEEDED_ENDPOINTS.get(grant, "token") in endpoints
    ]
    if Grant.AUTHORIZATION_CODE in grants and Grant.REFRESH_TOKEN not in grants:
        # Servers leave it out more often than they refuse it; a set without a refresh token says so by itself.
        grants.append(str(Grant.REFRESH_TOKEN))
    return grants


def _client_authentication(metadata: Mapping[str, Any]) -> dict[str, Any]:
    methods = _methods(metadata)
    named = _texts(metadata.get("token_endpoint_auth_signing_alg_values_supported"))
    algorithms = [str(algorithm) for algorithm in SigningAlgorithm if algorithm in named]
    signs = any(ClientAuthentication(method).signs for method in methods)
    return {"methods": methods, **({"assertion": {"algorithms": algorithms}} if signs and algorithms else {})}


def _methods(metadata: Mapping[str, Any]) -> list[str]:
    # Left out means client_secret_basic (RFC 8414 section 2).
    named = _texts(metadata.get("token_endpoint_auth_methods_supported")) or ("client_secret_basic",)
    methods = [str(method) for method in ClientAuthentication if method in named]
    if not methods:
        known = ", ".join(ClientAuthentication)
        raise InvalidInputError(
            f"The provider takes none of the client authentications that this release has: {known}."
        )
    return methods


def _pkce(metadata: Mapping[str, Any]) -> dict[str, str]:
    # A server that supports PKCE must say so (RFC 8414 section 2), but silence does not forbid sending a challenge.
    named = _texts(metadata.get("code_challenge_methods_supported"))
    if "S256" in named:
        return {"support": "supported"}
    return {"support": "supported", "method": "plain"} if "plain" in named else {"support": "unknown"}


def _iss_parameter(metadata: Mapping[str, Any]) -> str:
    return "always" if metadata.get("authorization_response_iss_parameter_supported") is True else "unknown"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
