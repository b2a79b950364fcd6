"""With the stack's Outputs alone: from the first credential to a token of somebody else's authorization server, and back to nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local.api import get_access_token
from local.demo_provider.browser import ScriptedBrowser
from local.outputs import read_outputs
from tests.e2e.http_api import Caller, document
from tests.e2e.installation import RETURN_URL, Installation, new_name
from tests.e2e.patience import wait_until
from tests.e2e.stories import Stories
from tests.support.third_party_server import ThirdPartyServer

TOKEN_SECONDS = 40
"""Due on the schedule after some 28 seconds, and by hand again after ten."""


def walk(installation: Installation) -> dict[str, Any]:
    """The whole way; returns what the connection was like after each step."""
    with ThirdPartyServer(access_token_seconds=TOKEN_SECONDS) as server:
        return walk_at(server, installation)


def walk_at(server: ThirdPartyServer, installation: Installation) -> dict[str, Any]:
    outputs = read_outputs(installation.stack)
    api, canaries = outputs["ApiUrl"], installation.canaries
    secrets = installation.aws.client("secretsmanager")

    # Operator credential -> access token -> tenant and client.
    credential = json.loads(secrets.get_secret_value(SecretId=outputs["OperatorSecretName"])["SecretString"])
    operator = Caller(api, get_access_token(api, credential["client_id"], credential["client_secret"]))
    tenant_id, provider_id, registration_id = (new_name(stem) for stem in ("newcomer", "theirs", "theirs"))
    document(operator.put(f"/v1/tenants/{tenant_id}", {"name": "Newcomer", "return_urls": [RETURN_URL]}))
    wish = {
        "tenant_id": tenant_id,
        "name": "backend",
        "scopes": ["connections:read", "connections:write", "tokens:read"],
    }
    client = document(operator.post("/v1/clients", wish), 201)
    team = Caller(api, get_access_token(api, client["client_id"], client["client_secret"]))
    canaries.add(operator.token, team.token)
    canaries.add_client(client["client_id"], client["client_secret"])

    # Provider by discovery, registration with the redirect URI that the API names.
    provider = document(operator.put(f"/v1/providers/{provider_id}", {"issuer": server.issuer}))
    registered = server.register_client(f"{api}/v1/oauth/callback/{registration_id}")
    canaries.add_client(registered.client_id, registered.client_secret)
    registration = document(
        operator.put(
            f"/v1/registrations/{registration_id}",
            {
                "provider": provider_id,
                "client_id": registered.client_id,
                "client_secret": registered.client_secret,
                "tenants": [tenant_id],
                "scopes": ["openid", "profile"],
            },
        )
    )
    assert registration["redirect_uri"] == registered.redirect_uri

    # Start -> a browser that logs in and consents -> complete.
    started = document(
        team.post(
            "/v1/connections",
            {"provider": provider_id, "user_id": "ada", "return_url": RETURN_URL, "policy": "scheduled"},
        ),
        201,
    )
    with ScriptedBrowser() as browser:
        arrival = browser.authorize(
            started["authorization_url"],
            username=server.username,
            password=server.password,
            stop_at=RETURN_URL,
        )
    completion = {"session_uri": started["session_uri"], "user_id": "ada"}
    connected = document(team.post("/v1/connections/complete", completion))
    one = f"/v1/connections/{connected['connection_id']}"

    def read() -> dict[str, Any]:
        token: dict[str, Any] = document(team.get(f"{one}/token"))
        canaries.add(token["access_token"])
        return token

    def published() -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            secrets.get_secret_value(SecretId=connected["secret_name"])["SecretString"]
        )
        return content

    first = read()
    facts = {
        "visited": arrival.visited,
        "provider": provider,
        "connected": connected,
        "first": first,
        "first_is_accepted": server.accepts(first["access_token"]),
        "first_published": published(),
    }

    # Refreshed by the schedule: nobody reads, and the secret changes.
    scheduled = wait_until(
        "a token that the schedule brought",
        lambda: (found := published())["generation"] == 2 and found,
        seconds=90,
        pause=0.5,
    )
    assert scheduled
    canaries.add(scheduled["access_token"])
    facts |= {"scheduled": scheduled, "scheduled_is_accepted": server.accepts(scheduled["access_token"])}

    # By hand: too young at first, then it is done.
    too_young = document(team.post(f"{one}/refresh"))
    by_hand = wait_until(
        "a token old enough to be refreshed by hand",
        lambda: (answer := document(team.post(f"{one}/refresh")))["outcome"] == "refreshed" and answer,
        seconds=TOKEN_SECONDS,
        pause=1,
    )
    assert by_hand
    last = read()
    facts |= {
        "too_young": too_young,
        "by_hand": by_hand,
        "last": last,
        "last_is_accepted": server.accepts(last["access_token"]),
        "last_published": published(),
    }

    # Disconnected: revoked at the server, and no version that a reader can name holds a token.
    begun = time.monotonic()
    facts["disconnected"] = document(team.delete(one))
    wait_until(
        "the server has forgotten the token", lambda: not server.accepts(last["access_token"]), seconds=60
    )
    wait_until("the secret holds no token", lambda: published()["access_token"] is None, seconds=60)
    previous = secrets.get_secret_value(SecretId=connected["secret_name"], VersionStage="AWSPREVIOUS")
    facts |= {
        "seconds_to_disconnect": time.monotonic() - begun,
        "previous": json.loads(previous["SecretString"]),
        "read_afterwards": team.get(f"{one}/token").code,
    }
    operator.close()
    team.close()
    return facts


@pytest.mark.story.with_args(walk)
def test_a_newcomer_with_only_the_outputs_gets_a_token_kept_fresh_until_it_is_disconnected(
    stories: Stories,
) -> None:
    facts = stories.wait_for(walk)

    # The login form and the consent form of a server that is not ours, with PKCE required and `iss` sent.
    assert any("login" in path for path in facts["visited"]), facts["visited"]
    assert facts["provider"]["pkce"] == "supported"
    assert facts["provider"]["document"]["iss_parameter"] == "always"
    connected = facts["connected"]
    assert (connected["status"], connected["generation"], connected["has_refresh_token"]) == (
        "active",
        1,
        True,
    )
    assert connected["publication"] == "secrets_manager"

    for token in ("first", "scheduled", "last"):
        assert facts[f"{token}_is_accepted"], token
    assert [facts[name]["generation"] for name in ("first", "scheduled", "last")] == [1, 2, 3]
    assert len({facts[name]["access_token"] for name in ("first", "scheduled", "last")}) == 3
    for name in ("first_published", "scheduled", "last_published"):
        assert set(facts[name]) == {
            "access_token", "token_type", "expires_at", "scope", "generation", "connection_id", "extra",
        }  # fmt: skip
    assert facts["first_published"]["access_token"] == facts["first"]["access_token"]
    assert facts["last_published"]["access_token"] == facts["last"]["access_token"]
    assert facts["too_young"]["outcome"] == "not_needed"

    assert facts["disconnected"]["status"] == "disconnected"
    assert facts["seconds_to_disconnect"] < 60
    assert facts["previous"]["access_token"] is None
    assert facts["previous"]["withdrawn"] is True
    assert facts["read_afterwards"] == "DISCONNECTED"
