"""Where browsers are sent, on the deployed stack: URLs with a part that somebody has to fill, and URLs that the provider itself gives out."""

from __future__ import annotations

from tests.conformance.wanted_parameters import USER_TOKEN
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, follow, new_name
from tests.e2e.plain_provider import provider_of, read
from tests.e2e.simulated_site import ORIGIN, open_simulated_site

ASKED_FOR = provider_of(
    "authorization_code",
    "client_secret_post",
    pkce={"support": "unsupported"},
    authorization={"omits": ["scope", "response_type"]},
    requests={
        "authorization": {
            "url": f"{ORIGIN}/get-authorize-code",
            "encoding": "json",
            "client": "id_only",
            "authorization_header": {"scheme": "Bearer", "credential": "user_token"},
            "url_path": "/data/redirect_url",
        }
    },
    answer={"token_paths": ["/data"]},
)


def test_an_authorization_url_that_is_only_given_out_on_request_is_asked_for_with_the_users_token(
    installation: Installation,
) -> None:
    team = installation.team(new_name("asked"))
    with open_simulated_site(installation, team.tenant_id, ASKED_FOR) as site:
        without = team.start(site.provider_id)
        assert (without.status, without.code) == (400, "BAD_REQUEST")
        assert "user_token" in without.error["message"]
        assert site.operations == []

        # This URL holds the code, as that provider has it, so that here an answer of the API may show one; no log may.
        site.server.grants.prefix = f"{new_name('asked')}-"
        installation.canaries.add(site.server.grants.prefix)
        started = document(team.start(site.provider_id, user_token=USER_TOKEN), 201)
        # The user has consented at the provider already: the way leads straight to our callback.
        assert started["authorization_url"].startswith(site.server.redirect_uri)
        assert "status=returned" in follow(started["authorization_url"])
        connected = document(team.complete(started["session_uri"]))
        assert site.operations == ["authorization", "code_exchange"]
        assert read(site, team, connected["connection_id"])["is_valid"]


SHOPS = {
    "endpoints": {"authorization": f"{ORIGIN}/{{shop}}/authorize", "token": f"{ORIGIN}/{{shop}}/token"},
    "parameters": {"shop": {"description": "The shop's name.", "example": "corner-shop"}},
    "client_authentication": {"methods": ["client_secret_post"]},
    "rotation": {"kind": "static"},
}


def test_each_connection_says_whose_shop_it_is_and_nothing_goes_to_another(
    installation: Installation,
) -> None:
    team = installation.team(new_name("shop"))
    with open_simulated_site(installation, team.tenant_id, SHOPS) as site:
        for wish in (
            {},
            {"parameters": {"shop": "corner-shop/.."}},
            {"parameters": {"shop": "corner-shop", "host": "elsewhere"}},
        ):
            refused = team.start(site.provider_id, **wish)
            assert (refused.status, refused.code) == (400, "BAD_REQUEST")
            assert ("host" if len(wish.get("parameters", {})) == 2 else "shop") in refused.error["message"]
        assert site.operations == []

        connected = team.connect(site.provider_id, parameters={"shop": "corner-shop"})
        assert site.operations == ["code_exchange"]
        assert read(site, team, connected["connection_id"])["is_valid"]


def test_what_the_registration_says_goes_for_all_its_connections(installation: Installation) -> None:
    team = installation.team(new_name("shop"))
    with open_simulated_site(installation, team.tenant_id, SHOPS, parameters={"shop": "corner-shop"}) as site:
        connected = team.connect(site.provider_id)
        assert read(site, team, connected["connection_id"])["is_valid"]
