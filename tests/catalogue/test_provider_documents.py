"""Operators' documents: what is refused is refused by name."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest

import evertoken
from evertoken.catalogue.loader import parse_provider
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.provider import IssParameter, Pkce, RotationClass
from evertoken.domain.provider_shapes import AccountOrigin
from evertoken.domain.request_shape import ClientAuthentication
from tests.catalogue.sections import WHOLE, change

CATALOGUE = Path(evertoken.__file__).parent / "catalogue"
SCHEMA = jsonschema.Draft202012Validator(json.loads((CATALOGUE / "schema.json").read_text()))
OWN = {
    "extends": "oidc",
    "name": "Our login",
    "issuer": "https://login.example.com",
    "endpoints": {
        "authorization": "https://login.example.com/authorize",
        "token": "https://login.example.com/token",
    },
}
SHOP = {
    "extends": "oauth2",
    "endpoints": {
        "authorization": "https://{shop}.example.com/{tenant}/authorize",
        "token": "https://{shop}.example.com/{tenant}/token",
        "revocation": "https://api.example.com/clients/{client_id}/token",
    },
    "parameters": {
        "shop": {"description": "The shop's name."},
        "tenant": {"description": "The tenant.", "default": "common"},
    },
}


def parse(document, **options):
    return parse_provider(document, provider_id="own", **options)


def test_a_document_that_extends_oidc_has_what_it_leaves_out_from_there():
    provider = parse(OWN)
    assert (provider.provider_id, provider.name) == ("own", "Our login")
    assert provider.authorization.always_scopes == ("openid",)
    assert provider.account.origin is AccountOrigin.ID_TOKEN
    assert provider.client_authentication[0] is ClientAuthentication.CLIENT_SECRET_BASIC
    assert (provider.pkce, provider.rotation.kind, provider.iss_parameter) == (
        Pkce.UNKNOWN,
        RotationClass.UNKNOWN,
        IssParameter.UNKNOWN,
    )
    assert "endpoints" not in provider.sources


def test_the_least_document_is_a_token_endpoint_for_client_credentials():
    provider = parse({"grants": ["client_credentials"], "endpoints": {"token": "https://a.example.com/t"}})
    assert (
        provider.name,
        provider.supports("client_credentials"),
        provider.supports("authorization_code"),
    ) == ("own", True, False)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("color", "red", "color is not a field"),
        ("endpoints.tokens", "https://x.example.com", "endpoints.tokens is not a field"),
        ("endpoints.token", "http://login.example.com/token", "endpoints.token must begin with https"),
        ("endpoints.token", "https://localhost/token", "endpoints.token must not be on this machine"),
        ("endpoints.token", "https://127.0.0.1/token", "endpoints.token must not be on this machine"),
        ("endpoints.token", "https://10.0.0.1/token", "endpoints.token must name its host"),
        ("endpoints.token", "https://[fd00::1]/token", "endpoints.token must name its host"),
        (
            "endpoints.token",
            "https://user:pass@login.example.com/",
            "endpoints.token must be a URL without user name",
        ),
        (
            "endpoints.token",
            "https://login.example.com/#x",
            "endpoints.token must be a URL without user name and fragment",
        ),
        ("endpoints.token", "https://127.0.0.0x1/token", "endpoints.token must name a host"),
        ("endpoints.token", "https://10.1/token", "endpoints.token must name a host"),
        ("endpoints.token", "https://LOGIN/", "endpoints.token must name a host"),
        ("endpoints.token", "https://login.example.com./token", "endpoints.token must name a host"),
        (
            "endpoints.token",
            "https://l\u00f6gin.example.com/",
            "endpoints.token must be a URL of plain ASCII",
        ),
        ("endpoints.token", "https://login.example.com/a b", "endpoints.token must be a URL of plain ASCII"),
        ("endpoints.token", "https://login.example.com:x/", "endpoints.token must be a URL"),
        ("endpoints.token", "unknown", "endpoints.token must begin with https"),
        ("endpoints.token", ..., "endpoints.token is missing"),
        ("endpoints.token", 7, "endpoints.token must be a text"),
        ("endpoints", ..., "endpoints is missing"),
        ("endpoints", [], "endpoints must be a JSON object"),
        ("endpoints.authorization", ..., "endpoints.authorization is missing"),
        ("extends", "nobody", "extends must be the id"),
        ("extends", "../schema", "extends must be the id"),
        ("schema_version", 2, "schema_version must be 1"),
        ("schema_version", True, "schema_version must be 1"),
        ("extends", ["oidc"], "extends must be the id"),
        ("id", "other", "id must be"),
        ("name", "<script>", "name must be"),
        ("issuer", "login.example.com", "issuer must begin with https"),
        ("iss_parameter", "sometimes", "iss_parameter must be one of"),
        ("grants", ["password"], "grants must be a list"),
        ("grants", ["authorization_code", "authorization_code"], "grants must name each member once"),
        ("pkce.support", "plain", "pkce.support must be one of"),
        ("rotation.kind", "grace", "rotation.grace_seconds must be"),
        ("rotation.grace_seconds", 60, "rotation.grace_seconds must be"),
        ("lifetimes.access_token_seconds", 0, "lifetimes.access_token_seconds must be"),
        ("lifetimes.access_token_seconds", True, "lifetimes.access_token_seconds must be"),
        ("refresh.minimum_age_seconds", -1, "refresh.minimum_age_seconds must be"),
        (
            "client_authentication.methods",
            ["tls_client_auth"],
            "client_authentication.methods must be a list",
        ),
        (
            "client_authentication.source",
            {"url": "https://x.example.com"},
            "client_authentication.source.checked_on is missing",
        ),
        ("authorization.parameters", {"state": "x"}, "authorization.state is set by Evertoken"),
        ("authorization.accepts", ["redirect_uri"], "authorization.redirect_uri is set by Evertoken"),
        (
            "requests.refresh.headers",
            {"Authorization": "Basic x"},
            "requests.refresh.headers.Authorization must be",
        ),
        ("requests.refresh.headers", {"X": "a\r\nb"}, "requests.refresh.headers.X must be"),
        ("requests.refresh.method", "GET", "requests.refresh.encoding must be"),
        ("requests.refresh.url", "http://x.example.com", "requests.refresh.url must begin with https"),
        (
            "requests.following_exchanges",
            [{}, {}, {}, {}],
            "requests.following_exchanges must be a list of at most 3",
        ),
        ("answer.token_paths", ["data"], "answer.token_paths must be a list"),
        ("errors", [{"class": "dead"}], r"errors\[0\].class must be one of"),
        ("errors", [{"class": "grant_dead"}], r"errors\[0\].statuses or a path"),
        ("errors", [{"class": "grant_dead", "path": "/error"}], r"errors\[0\].path and one of"),
        (
            "errors",
            [{"class": "grant_dead", "path": "/e", "equals": "a", "in": ["b"]}],
            r"errors\[0\].in cannot stand beside equals",
        ),
        ("errors", [{"class": "grant_dead", "path": "/e", "equals": None}], r"errors\[0\].equals must be"),
        ("account", {"from": "answer"}, "account.member must name"),
        ("parameters", {"shop": {"description": "x"}}, "parameters.shop is used by no URL"),
        ("parameters", {"scope": {"description": "x"}}, "parameters.scope is filled by Evertoken itself"),
        ("parameters", {"Shop": {"description": "x"}}, "parameters.Shop must have a name of lower-case"),
        ("parameters", {"shop": {}}, "parameters.shop.description is missing"),
        ("grants", ["device_code"], "endpoints.device_authorization is missing"),
        ("lifecycle", {"ends_on": "2027-04-01"}, "lifecycle.stage is missing"),
        ("lifecycle", {"stage": "retiring", "ends_on": "soon"}, "lifecycle.ends_on must be a date"),
        ("limits", [{"requests": 10, "seconds": 600}], r"limits\[0\].per is missing"),
        (
            "limits",
            [{"requests": "unknown", "seconds": 600, "per": "grant"}],
            r"limits\[0\].requests must be",
        ),
        ("authorization.names", {"nonce": "n"}, "authorization.names.nonce must be one of response_type"),
        ("authorization.omits", ["state"], "authorization.omits must be a list"),
        ("authorization.accepts", ["response_mode"], "authorization.response_mode is set by Evertoken"),
        ("authorization", {"names": {"client_id": "key"}, "accepts": ["key"]}, "authorization.key is set by"),
        ("requests.refresh.names", {"nonce": "n"}, "requests.refresh.names.nonce must be one of grant_type"),
        ("requests.names", {"scope": "a b"}, "requests.names.scope must be one of"),
        (
            "requests.refresh.headers",
            {"authorization": "x"},
            "requests.refresh.headers.authorization must be",
        ),
        (
            "requests.refresh.headers",
            {"X-Team": "a", "x-team": "b"},
            "requests.refresh.headers.x-team is the same header as X-Team",
        ),
        (
            "requests.refresh.authorization_header",
            {"scheme": "Bearer"},
            "requests.refresh.authorization_header.credential is missing",
        ),
        ("requests.authorization", {"method": "POST"}, "requests.authorization.url_path is missing"),
        (
            "requests.refresh.parameters",
            {"a": "{nope}"},
            r"requests.refresh.parameters.a has the placeholder \{nope\}",
        ),
        ("requests.headers", {"A": "{refresh_token}"}, "requests.headers.A has the placeholder"),
        ("authorization.parameters", {"a": "{user_id}"}, "authorization.parameters.a has the placeholder"),
        ("requests.refresh.url", "https://a.example.com/{nope}", "requests.refresh.url has the placeholder"),
        (
            "client_authentication.assertion",
            {"claims": {"iss": "{scopes}"}},
            "client_authentication.assertion.claims.iss has the placeholder",
        ),
        (
            "client_authentication.assertion",
            {"omits": ["exp"]},
            "client_authentication.assertion.omits must be",
        ),
        (
            "client_authentication.assertion",
            {"claims": {"exp": "1"}},
            "client_authentication.assertion.claims.exp must be a claim's name",
        ),
        ("client_authentication.assertion", {"algorithms": ["none"]}, "assertion.algorithms must be a list"),
        ("answer.members", {"token": ["t"]}, "answer.members.token must be one of access_token"),
        ("answer.members", {"scope": []}, "answer.members.scope must be a list of 1 to 4"),
        ("answer.scope_members", ["scope"], "answer.scope_members is not a field"),
        ("answer.retry_after", {"kind": "seconds"}, "answer.retry_after.header or path must say"),
        ("answer.retry_after", {"path": "/a", "kind": "iso_8601"}, "answer.retry_after.kind must be one of"),
        ("answer.keeps", ["/"], "answer.keeps must be a list"),
        ("errors", [{"class": "not_sent", "statuses": [400]}], r"errors\[0\].class must be one of"),
        ("errors", [{"class": "rejected", "path": "/a", "is_not": [0]}], r"errors\[0\].is_not must be"),
        ("errors", [{"class": "rejected", "path": "/a", "contains": 1}], r"errors\[0\].contains must be"),
        ("errors", [{"class": "rejected", "path": "/a", "matches": ".*"}], r"errors\[0\].path and one of"),
        ("account", {"from": "callback"}, "account.member must name"),
        ("account", {"from": "parameter", "member": "shop"}, "account.member has the placeholder"),
        ("account", {"from": "caller", "member": "x"}, "account.member must name"),
    ],
)
def test_what_cannot_be_is_refused_by_name(path, value, named):
    with pytest.raises(InvalidInputError, match=named):
        parse(change(OWN, path, value))


def test_an_always_sent_iss_needs_an_issuer_to_compare_with():
    with pytest.raises(InvalidInputError, match="issuer must be known"):
        parse(change(change(OWN, "iss_parameter", "always"), "issuer", "unknown"))


def test_loopback_is_admitted_by_an_explicit_argument_only():
    local = change(OWN, "endpoints.token", "http://127.0.0.1:8099/token")
    assert parse(local, allow_loopback=True).token_endpoint == "http://127.0.0.1:8099/token"
    with pytest.raises(InvalidInputError, match=r"endpoints\.token"):
        parse(local)
    with pytest.raises(InvalidInputError, match="must begin with https"):
        parse(change(OWN, "endpoints.token", "http://login.example.com/token"), allow_loopback=True)


def sections_with_sources(document):
    for name, section in document.items():
        if name in {"errors", "limits"}:
            yield from (f"{name}[{index}]" for index in range(len(section)))
        elif isinstance(section, dict) and "source" in section:
            yield name


def test_every_section_of_a_shipped_document_names_its_source_or_is_refused():
    shipped = change(WHOLE, "limits", [WHOLE["limits"][0]])
    shipped["errors"] = [WHOLE["errors"][0]]
    assert parse_provider(shipped, provider_id="own", needs_sources=True).sources.keys() == set(
        sections_with_sources(shipped)
    )
    for name in sections_with_sources(shipped):
        changed = copy.deepcopy(shipped)
        place = changed[name[:-3]][0] if name.endswith("]") else changed[name]
        del place["source"]
        with pytest.raises(InvalidInputError) as caught:
            parse_provider(changed, provider_id="own", needs_sources=True)
        assert str(caught.value) == (
            f"{name}.source is missing. Name the page that says so: url, checked_on and confidence, or leave the section out."
        )
        parse_provider(changed, provider_id="own")


def test_a_shipped_document_has_its_version_and_the_four_facts():
    for name in ("schema_version", "endpoints", "client_authentication", "pkce", "rotation"):
        with pytest.raises(InvalidInputError, match=f"^{name} is missing"):
            parse_provider(change(WHOLE, name, ...), provider_id="own", needs_sources=True)


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_a_document_is_an_object(document):
    with pytest.raises(InvalidInputError, match="JSON object"):
        parse(document)


def test_templates_are_filled_with_one_label_in_a_host_and_one_part_in_a_path():
    provider = parse(SHOP)
    filled = provider.filled({"shop": "acme-1"})
    assert filled.token_endpoint == "https://acme-1.example.com/common/token"
    assert filled.authorization_endpoint == "https://acme-1.example.com/common/authorize"
    assert filled.revocation_endpoint == "https://api.example.com/clients/{client_id}/token"
    assert filled.filled({}) is filled
    assert provider.filled({"shop": "a", "tenant": "contoso.example.org"}).token_endpoint.endswith(
        "/contoso.example.org/token"
    )


@pytest.mark.parametrize(
    "value",
    ["", "a.b", "a.b@evil", "evil.com/#", "evil.com\x00", "x:443", "-a", "a-", "A", "a" * 64, "\u0430cme", "a\n", "a/b", "..", "[::1]",
     "a%2eb", "127.1", "\u3002", "a b", "{shop}"],
)  # fmt: skip
def test_a_label_that_could_lead_elsewhere_is_refused_by_its_parameters_name(value):
    with pytest.raises(InvalidInputError, match="shop"):
        parse(SHOP).filled({"shop": value})


@pytest.mark.parametrize(
    "value", ["", "..", ".", "a/b", "a?b", "a#b", "a%2fb", ".hidden", "a" * 129, "\u00e9"]
)
def test_a_path_part_that_could_lead_elsewhere_is_refused_by_its_parameters_name(value):
    with pytest.raises(InvalidInputError, match="tenant"):
        parse(SHOP).filled({"shop": "acme", "tenant": value})


def test_missing_and_unknown_parameters_are_refused_by_name():
    with pytest.raises(InvalidInputError, match="needs the parameter shop"):
        parse(SHOP).filled({})
    with pytest.raises(InvalidInputError, match="'region'"):
        parse(SHOP).filled({"shop": "acme", "region": "eu"})
    with pytest.raises(InvalidInputError, match="'region'"):
        parse(OWN).filled({"region": "eu"})


@pytest.mark.parametrize(
    "url",
    [
        "https://{shop}/token",
        "https://{shop}.com/token",
        "https://{shop}evil.example.com/token",
        "https://login.example.com.{shop}/token",
        "https://{client_id}.example.com/token",
        "https://login.example.com:{shop}/token",
        "https://login.example.com/a{shop}/token",
        "https://login.example.com/token?x={shop}",
        "https://{Shop}.example.com/token",
        "https://{shop}.{tenant}/token",
        "https://shop-{shop}.example.com/token",
    ],
)
def test_a_placeholder_stands_only_where_its_value_cannot_choose_the_host(url):
    document = change(
        change(SHOP, "endpoints.token", url), "endpoints.authorization", "https://{shop}.example.com/{tenant}"
    )
    with pytest.raises(InvalidInputError, match=r"endpoints\.token"):
        parse(document)


def test_a_placeholder_that_is_not_described_is_refused_by_name():
    with pytest.raises(
        InvalidInputError, match=r"\{shop\}, which nothing fills. Describe it under parameters\.shop"
    ):
        parse(change(SHOP, "parameters.shop", ...))
