"""A wrong client secret is the operator's fault: it pauses the client registration, and no connection is touched by it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.hints import build_hint, send_hints, wait_until_worked_off
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import CLIENT_ID, ScriptedSite, open_site
from tests.support.provider_profile import STRICT, ProviderProfile

CONNECTIONS = 20
ROUNDS = 4


def test_a_wrong_secret_pauses_the_registration_and_changes_no_connection_and_the_right_one_resumes_all(
    quiet: Installation,
) -> None:
    team = quiet.team(new_name("paused"))
    with open_site(
        quiet, team.tenant_id, rotation="strict", profile=ProviderProfile(rotation=STRICT)
    ) as site:
        site.provider.rules.change_profile(access_token_seconds=1)
        expired = team.connect(site.provider_id, user_id="expired", policy="lazy")
        site.provider.rules.change_profile(access_token_seconds=3600)
        connected = connect_many(site, team)
        new_secret = secrets.token_urlsafe(24)
        quiet.canaries.add_client(CLIENT_ID, new_secret)
        site.provider.rules.change_secret(CLIENT_ID, new_secret)

        # The first is refused and pauses the registration; nobody asks for the others. (An environment that read the registration
        # before the pause would believe what it read for a minute, so all begin anew.)
        quiet.make_cold("RefresherFunction")
        hint_until(quiet, team, connected[:1], lambda: is_paused(quiet, site))
        hint_until(quiet, team, connected[1:], lambda: True)
        assert len(site.provider.ledger.find_requests(outcome="invalid_client")) == 1
        assert is_paused(quiet, site)
        for view in connected:
            now = team.view(view["connection_id"])
            assert (now["status"], now["generation"], now["epoch"]) == ("active", 1, 1)
            assert site.provider.rules.accepts(document(team.read(view["connection_id"]))["access_token"])
        wait_until(
            "the alarm's metric", lambda: quiet.find_log_lines("refresher", "RegistrationPaused"), seconds=10
        )

        # A demand says whose turn it is; the token that it would replace has expired.
        demanded = team.refresh(expired["connection_id"])
        assert (demanded.status, demanded.code) == (503, "REGISTRATION_PAUSED")
        assert "PUT /v1/registrations/" in demanded.error["message"]

        site.register(client_secret=new_secret)
        # A running function notices within a minute; a new one at once.
        quiet.make_cold("RefresherFunction")
        hint_until(quiet, team, connected, lambda: not find_unrefreshed(team, connected))
        for view in connected:
            now = team.view(view["connection_id"])
            assert (now["status"], now["generation"], now["failure"]) == ("active", 2, None)
        assert len(site.provider.ledger.find_requests(outcome="ok", endpoint="token")) == 2 * CONNECTIONS + 1


def connect_many(site: ScriptedSite, team: Team) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(2) as pool:
        return list(
            pool.map(lambda n: team.connect(site.provider_id, user_id=f"user-{n}"), range(CONNECTIONS))
        )


def is_paused(quiet: Installation, site: ScriptedSite) -> bool:
    registration = document(quiet.operator.get(f"/v1/registrations/{site.registration_id}"))
    assert set(registration) & {"client_secret", "secret"} == set()
    return registration["paused_until"] is not None


def find_unrefreshed(team: Team, connected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [view for view in connected if team.view(view["connection_id"])["generation"] == 1]


def hint_until(
    quiet: Installation, team: Team, connected: list[dict[str, Any]], done: Callable[[], bool]
) -> None:
    """Hint at the connections, again where a crowded machine had a hint handed back: a repeated one does nothing."""
    for _ in range(ROUNDS):
        send_hints(quiet, [build_hint(team, view) for view in connected])
        wait_until_worked_off(quiet)
        if done():
            return
    raise AssertionError("the hints came to nothing")
