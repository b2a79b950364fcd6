"""Server metadata made into provider documents."""

import json
from datetime import date

import pytest

from evertoken.catalogue.discovery import MAX_METADATA_BYTES, metadata_urls, parse_metadata, with_discovered
from evertoken.catalogue.loader import parse_provider
from evertoken.catalogue.provider_book import ProviderBook
from evertoken.catalogue.provider_directory import ProviderDirectory
from evertoken.domain.errors import InvalidInputError, UnknownProviderError
from evertoken.domain.provider import IssParameter, Pkce
from evertoken.domain.request_shape import ClientAuthentication

ISSUER = "https://login.example.com/realms/one"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", "implicit"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
    "code_challenge_methods_supported": ["plain", "S256"],
    "authorization_response_iss_parameter_supported": True,
    "scopes_supported": ["openid"],
}


def discover(**changes):
    metadata = {name: value for name, value in {**METADATA, **changes}.items() if value is not ...}
    return parse_metadata(
        ISSUER,
        json.dumps(metadata).encode(),
        metadata_url=metadata_urls(ISSUER)[0],
        checked_on=date(2026, 11, 21),
    )


def test_metadata_is_asked_for_where_rfc_8414_and_openid_connect_and_health_records_put_it():
    assert metadata_urls(ISSUER) == (
        "https://login.example.com/.well-known/oauth-authorization-server/realms/one",
        "https://login.example.com/realms/one/.well-known/oauth-authorization-server",
        "https://login.example.com/realms/one/.well-known/openid-configuration",
        "https://login.example.com/.well-known/openid-configuration/realms/one",
        "https://login.example.com/realms/one/.well-known/smart-configuration",
    )
    assert metadata_urls("https://login.example.com/") == (
        "https://login.example.com/.well-known/oauth-authorization-server",
        "https://login.example.com/.well-known/openid-configuration",
        "https://login.example.com/.well-known/smart-configuration",
    )


def test_an_issuer_alone_becomes_a_whole_provider():
    document = with_discovered({"extends": "oidc", "name": "Our login", "issuer": ISSUER}, discover())
    provider = parse_provider(document, provider_id="own")
    assert (provider.issuer, provider.token_endpoint, provider.revocation_endpoint) == (
        ISSUER,
        f"{ISSUER}/token",
        f"{ISSUER}/revoke",
    )
    assert (provider.iss_parameter, provider.pkce) == (IssParameter.ALWAYS, Pkce.SUPPORTED)
    assert provider.client_authentication == (
        ClientAuthentication.CLIENT_SECRET_POST,
        ClientAuthentication.PRIVATE_KEY_JWT,
    )
    assert provider.supports("client_credentials")
    assert provider.sources["endpoints"].checked_on == "2026-11-21"


def test_what_the_metadata_leaves_out_is_as_rfc_8414_has_it():
    document = discover(
        grant_types_supported=...,
        token_endpoint_auth_methods_supported=...,
        code_challenge_methods_supported=...,
        authorization_response_iss_parameter_supported=...,
        revocation_endpoint=...,
    )
    provider = parse_provider(document, provider_id="own")
    assert provider.client_authentication == (ClientAuthentication.CLIENT_SECRET_BASIC,)
    assert (provider.pkce, provider.iss_parameter, provider.revocation_endpoint) == (
        Pkce.UNKNOWN,
        IssParameter.UNKNOWN,
        None,
    )
    assert provider.grants == {"authorization_code", "refresh_token"}


def test_further_grants_and_signed_client_authentication_are_discovered():
    kinds = ("device_code", "jwt-bearer", "token-exchange")
    grants = [f"urn:ietf:params:oauth:grant-type:{kind}" for kind in kinds]
    changes = {
        "grant_types_supported": grants,
        "token_endpoint_auth_signing_alg_values_supported": ["none", "ES256", "EdDSA", "X999"],
        "code_challenge_methods_supported": ["plain"],
    }
    document = discover(**changes, device_authorization_endpoint=f"{ISSUER}/device")
    provider = parse_provider(document, provider_id="own")
    assert provider.grants == {"device_code", "jwt_bearer", "token_exchange"}
    assert provider.device_authorization_endpoint == f"{ISSUER}/device"
    assert provider.client_assertion.algorithms == ("ES256", "EdDSA")
    assert (provider.pkce, provider.challenge_method) == (Pkce.SUPPORTED, "plain")
    # Without the endpoint that it begins at, a grant cannot be had.
    assert discover(**changes)["grants"] == ["token_exchange", "jwt_bearer"]


def test_what_an_operator_wrote_wins():
    own = {"issuer": ISSUER, "pkce": {"support": "required"}, "endpoints": {"revocation": "unknown"}}
    provider = parse_provider(with_discovered(own, discover()), provider_id="own")
    assert (provider.pkce, provider.revocation_endpoint, provider.token_endpoint) == (
        Pkce.REQUIRED,
        None,
        f"{ISSUER}/token",
    )


@pytest.mark.parametrize("named", [..., "https://accounts.google.com"])
def test_a_server_of_health_records_is_discovered_by_its_base_and_no_issuer_that_it_names_is_believed(named):
    base = "https://fhir.example.com/r4"
    metadata = {name: value for name, value in {**METADATA, "issuer": named}.items() if value is not ...}
    found = parse_metadata(
        base,
        json.dumps(metadata).encode(),
        metadata_url=metadata_urls(base)[-1],
        checked_on=date(2026, 11, 21),
    )
    provider = parse_provider(
        with_discovered({"extends": "oauth2", "issuer": base}, found), provider_id="own"
    )
    assert (provider.issuer, provider.iss_parameter) == (None, IssParameter.UNKNOWN)
    assert (provider.token_endpoint, provider.pkce) == (f"{ISSUER}/token", Pkce.SUPPORTED)


@pytest.mark.parametrize("other", [f"{ISSUER}/", ISSUER.upper(), "https://evil.example.com", None, 7])
def test_metadata_of_another_issuer_is_refused(other):
    with pytest.raises(InvalidInputError, match="another issuer"):
        discover(issuer=other)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"token_endpoint": ...}, "no token_endpoint"),
        ({"token_endpoint": "http://login.example.com/token"}, "token_endpoint must begin with https"),
        ({"token_endpoint": "https://127.0.0.1/token"}, "token_endpoint must not be on this machine"),
        ({"token_endpoint": "https://{x}.example.com/token"}, "token_endpoint may not have a placeholder"),
        ({"token_endpoint": 7}, "token_endpoint must be a URL"),
        ({"revocation_endpoint": "javascript:alert(1)"}, "revocation_endpoint must begin with https"),
        (
            {"token_endpoint_auth_methods_supported": ["tls_client_auth"]},
            "none of the client authentications",
        ),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_by_name(changes, named):
    with pytest.raises(InvalidInputError, match=named):
        discover(**changes)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>CANARY</html>", b"\xff", b"[" * 100_000, b"{" + b" " * MAX_METADATA_BYTES]
)
def test_a_body_that_is_no_metadata_is_refused_without_repeating_it(body):
    with pytest.raises(InvalidInputError) as caught:
        parse_metadata(ISSUER, body, metadata_url=ISSUER, checked_on=date(2026, 11, 21))
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "https://127.0.0.1",
        "https://a.example.com?x=1",
        "https://{x}.example.com",
        "x",
        "",
    ],
)
def test_an_issuer_that_cannot_be_one_is_refused(issuer):
    with pytest.raises(InvalidInputError, match="issuer"):
        metadata_urls(issuer)


def test_loopback_issuers_are_for_the_local_stage():
    assert metadata_urls("http://127.0.0.1:9000", allow_loopback=True)[0].startswith("http://127.0.0.1:9000/")


class Documents:
    """Operators' documents in memory."""

    def __init__(self, **documents):
        self.documents = documents

    def find(self, provider_id):
        return self.documents.get(provider_id)


def test_the_directory_has_an_operators_document_first_and_shipped_entries_after():
    own = with_discovered({"extends": "oidc"}, discover())
    directory = ProviderDirectory(Documents(own=own, github=own))
    assert directory.get("own").issuer == ISSUER
    assert directory.get("google").issuer == "https://accounts.google.com"
    assert directory.get("github").issuer == ISSUER
    with pytest.raises(UnknownProviderError):
        directory.get("nobody")


def test_the_book_reserves_shipped_ids_and_completes_documents_as_the_stage_allows():
    book = ProviderBook(allow_loopback=False)
    assert book.is_reserved("google")
    assert book.is_reserved("oidc")
    assert not book.is_reserved("own")
    ids = [provider.provider_id for provider in book.list_shipped()]
    assert ids == sorted(ids)
    assert {"github", "google", "instagram", "reddit"} < set(ids)
    assert book.find_shipped("google").name == "Google"
    assert book.find_shipped("oidc") is book.find_shipped("own") is None
    body = json.dumps(METADATA).encode()
    url = book.metadata_urls(ISSUER)[0]
    whole = book.discovered(
        {"extends": "oidc"}, ISSUER, body, metadata_url=url, checked_on=date(2026, 11, 21)
    )
    assert book.parse("own", whole).issuer == ISSUER
    with pytest.raises(InvalidInputError, match="this machine"):
        book.metadata_urls("http://127.0.0.1:9000")
    assert ProviderBook(allow_loopback=True).metadata_urls("http://127.0.0.1:9000")
