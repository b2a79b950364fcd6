"""Operators keep providers and client registrations; what they get wrong is named, and what they give away stays inside."""

import json

import boto3
import pytest

from tests.support.aws_account import SECRET_PREFIX, TABLE
from tests.support.provider_profile import ProviderProfile
from tests.support.scripted_provider import ScriptedProvider

DOCUMENT = {
    "extends": "oauth2",
    "name": "Mine",
    "endpoints": {"authorization": "https://as.example/authorize", "token": "https://as.example/token"},
}


def put_provider(plane, provider_id="mine", **changes):
    path = f"/v1/providers/{provider_id}"
    return plane.request("PUT", path, token=plane.operator(), body={**DOCUMENT, **changes})


def put_registration(plane, registration_id="mine-acme", **changes):
    body = {
        "provider": "mine",
        "client_id": "c",
        "client_secret": "canary-secret",
        "tenants": ["acme"],
        **changes,
    }
    body = {name: value for name, value in body.items() if value is not None}
    return plane.request("PUT", f"/v1/registrations/{registration_id}", token=plane.operator(), body=body)


@pytest.fixture
def operator(plane):
    plane.tenant()
    assert put_provider(plane).status == 200
    return plane.operator()


def test_shipped_providers_are_listed_for_tenants_and_operators(plane):
    for token in (plane.operator(), plane.tenant()):
        listed = plane.request("GET", "/v1/providers", token=token).json["providers"]
        ids = {one["provider_id"]: one["origin"] for one in listed}
        assert {"google", "github", "reddit", "instagram"} <= set(ids)
        assert ids["google"] == "shipped"
        assert "oauth2" not in ids


def test_a_provider_is_shown_with_the_sources_of_its_facts(plane):
    shown = plane.request("GET", "/v1/providers/google", token=plane.tenant()).json

    assert shown["token_endpoint"].startswith("https://")
    assert all(source["url"] and source["checked_on"] for source in shown["sources"].values())


def search(plane, token, query):
    listed = plane.request("GET", "/v1/providers", query=query, token=token)
    assert listed.status == 200, listed.text
    return [one["provider_id"] for one in listed.json["providers"]]


def test_providers_are_searched_by_id_name_and_what_they_extend_in_any_case(plane, operator):
    put_provider(plane, "workspace", name="Our Workspace", extends="google")
    assert search(plane, operator, "search=GitH")[0] == "github"
    assert search(plane, operator, "search=our%20work") == ["workspace"]
    assert {"google", "workspace"} <= set(search(plane, operator, "search=google"))
    assert search(plane, operator, "search=oauth2") == ["mine"]
    assert search(plane, operator, "search=nobody%20has%20this") == []
    assert search(plane, operator, "search=") == search(plane, operator, "")


def test_a_document_that_an_older_release_stored_is_listed_with_what_is_wrong(plane, operator):
    store_document("old", {**DOCUMENT, "color": "red"})
    listed = plane.request("GET", "/v1/providers", token=operator).json["providers"]
    assert {one["provider_id"] for one in listed if "problem" in one} == {"old"}
    assert "color is not a field" in problems(listed)[0]
    assert put_provider(plane, "old").status == 200
    assert problems(plane.request("GET", "/v1/providers", token=operator).json["providers"]) == []


def problems(listed):
    return [one["problem"] for one in listed if "problem" in one]


def store_document(provider_id, document):
    item = {"pk": {"S": "PROVIDERS"}, "sk": {"S": provider_id}, "document": {"S": json.dumps(document)}}
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)


def test_an_id_that_an_operator_took_before_it_was_shipped_stays_the_operators(plane, operator):
    store_document("zoom", DOCUMENT)
    shown = plane.request("GET", "/v1/providers/zoom", token=operator).json
    assert (shown["origin"], shown["token_endpoint"]) == ("operator", "https://as.example/token")
    listed = plane.request("GET", "/v1/providers", query="search=zoom", token=operator).json["providers"]
    assert [one["origin"] for one in listed if one["provider_id"] == "zoom"] == ["operator"]
    assert put_registration(plane, provider="zoom").status == 200
    assert put_provider(plane, "zoom", name="Still mine").status == 200
    assert plane.request("DELETE", "/v1/registrations/mine-acme", token=operator).status == 204
    assert plane.request("DELETE", "/v1/providers/zoom", token=operator).status == 204
    assert plane.request("GET", "/v1/providers/zoom", token=operator).json["origin"] == "shipped"
    assert put_provider(plane, "zoom").code == "CONFLICT"


def test_no_change_sends_the_secrets_of_registrations_to_another_host(plane, operator):
    assert put_registration(plane).status == 200
    elsewhere = {"refresh": {"url": "https://elsewhere.example/token"}}
    assert put_provider(plane, requests=elsewhere).code == "CONFLICT"
    revoking = {**DOCUMENT["endpoints"], "revocation": "https://elsewhere.example/revoke"}
    assert put_provider(plane, endpoints=revoking).code == "CONFLICT"
    same_host = {**DOCUMENT["endpoints"], "revocation": "https://as.example/revoke"}
    assert put_provider(plane, endpoints=same_host).status == 200


def test_a_search_that_is_none_is_refused_by_its_name(plane):
    for query in ("find=x", f"search={'x' * 81}"):
        refused = plane.request("GET", "/v1/providers", query=query, token=plane.operator())
        assert (refused.status, refused.code) == (400, "BAD_REQUEST")


def test_a_list_shows_what_has_to_be_given_and_what_is_unknown(plane):
    put_provider(
        plane,
        endpoints={"authorization": "https://{shop}.as.example/a", "token": "https://{shop}.as.example/t"},
        parameters={"shop": {"description": "The shop's name."}},
        lifecycle={"stage": "retiring", "ends_on": "2027-04-01", "successor": "google"},
        rotation={"kind": "grace", "grace_seconds": 60, "new_token": "always"},
    )
    listed = plane.request("GET", "/v1/providers", query="search=mine", token=plane.operator()).json[
        "providers"
    ]
    assert listed == [
        {
            "provider_id": "mine",
            "name": "Mine",
            "origin": "operator",
            "extends": "oauth2",
            "documentation": None,
            "lifecycle": {"stage": "retiring", "ends_on": "2027-04-01", "successor": "google", "note": None},
            "grants": ["authorization_code", "client_credentials", "refresh_token"],
            "parameters": [
                {
                    "name": "shop",
                    "description": "The shop's name.",
                    "required": True,
                    "default": None,
                    "choices": [],
                    "suffixes": [],
                    "operator_only": False,
                }
            ],
            "rotation": {
                "kind": "grace",
                "grace_seconds": 60,
                "new_token": "always",
                "kills_access_token": False,
            },
            "unknown": [
                "issuer",
                "pkce.support",
                "lifetimes.access_token_seconds",
                "lifetimes.refresh_token_seconds",
                "endpoints.revocation",
            ],
        }
    ]
    shown = plane.request("GET", "/v1/providers/mine", token=plane.operator()).json
    assert [fact["field"] for fact in shown["unknown"]] == listed[0]["unknown"]
    assert all(fact["consequence"] for fact in shown["unknown"])


def test_an_unknown_provider_is_not_found(plane):
    assert plane.request("GET", "/v1/providers/none", token=plane.operator()).code == "NOT_FOUND"
    assert plane.request("GET", "/v1/providers/none", token=plane.operator()).status == 404


def test_an_operators_provider_is_kept_shown_and_removed(plane, operator):
    shown = plane.request("GET", "/v1/providers/mine", token=operator).json
    assert (shown["origin"], shown["document"]) == ("operator", DOCUMENT)
    assert "document" not in plane.request("GET", "/v1/providers/mine", token=plane.tenant()).json
    assert plane.request("DELETE", "/v1/providers/mine", token=operator).status == 204
    assert plane.request("GET", "/v1/providers/mine", token=operator).status == 404
    assert plane.request("DELETE", "/v1/providers/mine", token=operator).status == 404


@pytest.mark.parametrize("provider_id", ["google", "oauth2"])
def test_a_shipped_id_cannot_be_taken(plane, provider_id):
    assert put_provider(plane, provider_id).code == "CONFLICT"
    assert plane.request("DELETE", f"/v1/providers/{provider_id}", token=plane.operator()).code == "CONFLICT"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"token_url": "x"}, "token_url"),
        ({"endpoints": {"token": "http://as.example/token"}}, "endpoints.token"),
        ({"endpoints": {"token": 1}}, "endpoints.token"),
        ({"pkce": {"support": "plain"}}, "pkce.support"),
        ({"extends": "nobody"}, "extends"),
        ({"parameters": {"shop": {"description": "The shop."}}}, "parameters.shop"),
        ({"endpoints": {"token": "https://{shop}/t"}}, "endpoints.token"),
    ],
)
def test_a_document_that_is_not_one_is_refused_by_its_field(plane, changes, named):
    refused = put_provider(plane, **changes)

    assert refused.code == "BAD_REQUEST"
    assert named in refused.json["error"]["message"]


def test_a_provider_is_made_from_its_issuer_alone(plane, provider):
    plane.add_provider(provider.issuer)

    shown = plane.request("GET", "/v1/providers/scripted", token=plane.operator()).json
    assert shown["token_endpoint"] == provider.token_endpoint
    assert shown["document"]["iss_parameter"] == "always"


def test_what_was_discovered_is_a_snapshot(plane):
    with ScriptedProvider(ProviderProfile()) as gone:
        plane.add_provider(gone.issuer)
        issuer = gone.issuer

    shown = plane.request("GET", "/v1/providers/scripted", token=plane.operator()).json
    assert shown["token_endpoint"] == f"{issuer}/token"


def test_an_issuer_that_does_not_answer_is_said_to_be_so(plane):
    body = {"name": "Gone", "issuer": "http://127.0.0.1:9"}
    refused = plane.request("PUT", "/v1/providers/gone", token=plane.operator(), body=body)

    assert (refused.status, refused.code) == (503, "PROVIDER_UNAVAILABLE")


def test_an_issuer_belongs_to_one_provider(plane, provider):
    plane.add_provider(provider.issuer)
    twin = plane.request(
        "PUT", "/v1/providers/twin", token=plane.operator(), body={"name": "Twin", "issuer": provider.issuer}
    )

    assert twin.code == "CONFLICT"
    assert "scripted" in twin.json["error"]["message"]


def test_an_issuer_may_be_shared_by_what_extends_one_entry_and_by_nothing_else(plane):
    assert put_provider(plane, "workspace", extends="google").status == 200
    assert put_provider(plane, "classroom", extends="google").status == 200
    taken = put_provider(plane, "stranger", extends="oidc", issuer="https://accounts.google.com")
    assert (taken.status, taken.code) == (409, "CONFLICT")
    assert put_provider(plane, "one", extends="oidc", issuer="https://one.example").status == 200
    assert put_provider(plane, "two", extends="oidc", issuer="https://one.example").code == "CONFLICT"


def test_a_token_endpoint_cannot_move_under_registrations(plane, operator):
    put_registration(plane)
    moved = put_provider(plane, endpoints={**DOCUMENT["endpoints"], "token": "https://evil.example/token"})

    assert moved.code == "CONFLICT"
    assert put_provider(plane, name="Renamed").status == 200
    assert plane.request("DELETE", "/v1/providers/mine", token=operator).code == "CONFLICT"
    plane.request("DELETE", "/v1/registrations/mine-acme", token=operator)
    assert (
        put_provider(
            plane, endpoints={"authorization": "https://b.example", "token": "https://b.example/t"}
        ).status
        == 200
    )


def test_a_registration_answers_with_its_redirect_uri_and_without_its_secret(plane, operator):
    made = put_registration(plane, scopes=["read"])

    assert made.json["redirect_uri"] == "https://api.evertoken.example/v1/oauth/callback/mine-acme"
    assert (made.json["has_secret"], made.json["scopes"]) == (True, ["read"])
    for path in ("/v1/registrations/mine-acme", "/v1/registrations"):
        assert "canary" not in plane.request("GET", path, token=operator).text
    assert "canary" not in made.text
    assert "canary" not in repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])
    name = f"{SECRET_PREFIX}/private/registrations/mine-acme"
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    assert json.loads(secret) == {"client_secret": "canary-secret"}


def test_a_change_without_a_secret_keeps_the_stored_one_and_raises_the_version(plane, operator):
    first = put_registration(plane).json
    second = put_registration(plane, client_secret=None, tenants=["*"]).json

    assert second["has_secret"] is True
    assert second["version"] > first["version"]
    assert second["tenants"] == ["*"]
    assert second["created_at"] == first["created_at"]


def test_another_client_id_needs_its_own_secret(plane, operator):
    put_registration(plane)

    refused = put_registration(plane, client_id="d", client_secret=None)

    assert refused.code == "BAD_REQUEST"
    assert "client_secret" in refused.json["error"]["message"]


def test_a_change_ends_a_pause(plane, operator):
    put_registration(plane)
    boto3.client("dynamodb").update_item(
        TableName=TABLE,
        Key={"pk": {"S": "REGISTRATIONS"}, "sk": {"S": "mine-acme"}},
        UpdateExpression="SET paused_until = :until",
        ExpressionAttributeValues={":until": {"N": "4000000000000"}},
    )
    path = "/v1/registrations/mine-acme"
    assert plane.request("GET", path, token=operator).json["paused_until"] is not None

    assert put_registration(plane).json["paused_until"] is None


def test_one_client_cannot_be_registered_twice(plane, operator):
    put_registration(plane)

    twin = put_registration(plane, "twin")

    assert (twin.status, twin.code) == (409, "CONFLICT")
    assert plane.request("GET", "/v1/registrations/twin", token=operator).status == 404


def test_a_refused_twin_does_not_touch_the_first_ones_secret(plane, operator):
    put_registration(plane, "one")
    put_registration(plane, "two", client_id="d", client_secret="second")

    assert put_registration(plane, "two", client_id="c", client_secret="stolen").code == "CONFLICT"
    name = f"{SECRET_PREFIX}/private/registrations/two"
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    assert json.loads(secret) == {"client_secret": "second"}


def test_a_registration_stays_with_its_provider(plane, operator):
    put_registration(plane)
    put_provider(
        plane, "other", endpoints={"authorization": "https://o.example/a", "token": "https://o.example/t"}
    )

    assert put_registration(plane, provider="other").code == "CONFLICT"


def test_a_deleted_registration_takes_its_secret_along(plane, operator):
    put_registration(plane)

    assert plane.request("DELETE", "/v1/registrations/mine-acme", token=operator).status == 204
    assert plane.request("DELETE", "/v1/registrations/mine-acme", token=operator).status == 404
    names = [one["Name"] for one in boto3.client("secretsmanager").list_secrets()["SecretList"]]
    assert not any("registrations" in name for name in names)


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"provider": "none"}, "UNKNOWN_PROVIDER", ""),
        ({"tenants": ["nobody"]}, "BAD_REQUEST", "tenants.0"),
        ({"tenants": []}, "BAD_REQUEST", "tenants"),
        ({"tenants": ["Acme!"]}, "BAD_REQUEST", "tenants.0"),
        ({"client_id": ""}, "BAD_REQUEST", "client_id"),
        ({"client_authentication": "client_secret_jwt"}, "BAD_REQUEST", "client_authentication"),
        ({"parameters": {"shop": "x"}}, "BAD_REQUEST", "shop"),
        ({"scopes": ["a b"]}, "BAD_REQUEST", "scopes.0"),
        ({"client_secret": "line\nbreak"}, "BAD_REQUEST", "client_secret"),
        ({"secret": "canary"}, "BAD_REQUEST", "secret: no such field"),
    ],
)
def test_a_registration_that_cannot_be_is_refused_by_its_field(plane, operator, changes, code, named):
    refused = put_registration(plane, **changes)

    assert refused.code == code
    assert named in refused.json["error"]["message"]
    assert "canary" not in refused.text


@pytest.mark.parametrize("registration_id", ["BINDING#x", "Upper", "a b", "x" * 65, ".."])
def test_a_registration_id_is_plain(plane, operator, registration_id):
    assert put_registration(plane, registration_id).code == "BAD_REQUEST"


@pytest.mark.parametrize(
    "said_by", [{"from_callback": "shop"}, {"from_answer": "shop_name"}, {"default": "acme"}]
)
def test_what_the_provider_says_itself_is_not_required_of_a_caller(plane, said_by):
    put_provider(
        plane,
        endpoints={"authorization": "https://as.example/a", "token": "https://as.example/{shop}/t"},
        parameters={"shop": {"description": "The shop's name.", **said_by}},
        answer={"keeps": ["shop_name"]},
    )
    (parameter,) = plane.request("GET", "/v1/providers/mine", token=plane.operator()).json["parameters"]
    assert parameter["required"] is False
