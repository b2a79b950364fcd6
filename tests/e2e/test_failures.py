"""Providers that lose answers, hang, are busy or have ended a grant: nobody else suffers, and nothing is lost but what is said to be."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.hints import build_hint, send_hints
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.e2e.stories import Stories
from tests.support.provider_faults import drop_after_commit, hang, unavailable
from tests.support.provider_profile import STRICT, ProviderProfile, grace

HOUR = 3600
SCHEDULED_SECONDS = 60
"""A token that lives so long is due on the schedule after 39 to 45 seconds."""


def hint(installation: Installation, team: Team, view: dict[str, Any]) -> None:
    """Ask for a refresh now, as a reader of a stale token does."""
    send_hints(installation, [build_hint(team, view)])


def test_an_answer_that_is_lost_at_a_provider_with_a_grace_is_healed(
    installation: Installation, stories: Stories
) -> None:
    team = installation.team(new_name("grace"))
    profile = ProviderProfile(rotation=grace(60, uses=2), access_token_seconds=HOUR)
    with open_site(installation, team.tenant_id, rotation="grace", profile=profile) as site:
        connected = team.connect(site.provider_id)
        connection_id = connected["connection_id"]
        site.provider.script.add(drop_after_commit())
        hint(installation, team, connected)
        wait_until("the refresh is done", lambda: team.view(connection_id)["generation"] == 2, seconds=30)

        token = document(team.read(connection_id))
        assert site.provider.rules.accepts(token["access_token"])
        assert site.posts_of(token["access_token"]) == 2
        assert site.provider.rules.is_refreshable(site.newest_refresh_token(token["access_token"]).value)
        assert team.view(connection_id)["failure"] is None


def test_a_grant_that_the_user_ended_needs_the_user_and_is_not_asked_for_again(
    installation: Installation, stories: Stories
) -> None:
    team = installation.team(new_name("dead"))
    profile = ProviderProfile(rotation=STRICT, access_token_seconds=HOUR)
    with open_site(installation, team.tenant_id, rotation="strict", profile=profile) as site:
        connected = team.connect(site.provider_id)
        connection_id = connected["connection_id"]
        token = document(team.read(connection_id))
        site.provider.rules.end_grant(token["access_token"])
        hint(installation, team, connected)
        view = wait_until(
            "the verdict",
            lambda: (seen := team.view(connection_id))["status"] == "reauthorization_required" and seen,
            seconds=30,
        )
        assert view
        assert (view["failure"]["cause"], view["failure"]["code"]) == ("grant_dead", "invalid_grant")
        assert site.count_posts() == 1

        # Whoever asks now is told what to do, and the provider hears nothing of it.
        demanded = team.refresh(connection_id)
        rejected = team.read(connection_id, rejected_generation=1)
        hint(installation, team, connected)
        for answer in (demanded, rejected):
            assert (answer.status, answer.code) == (409, "REAUTH_REQUIRED")
            assert "connect again" in answer.error["message"]
        # The token has not expired: it is served, because it may be good for something yet.
        assert document(team.read(connection_id))["access_token"] == token["access_token"]

        # The same user connects again: the connection keeps its id and works.
        again = team.connect(site.provider_id)
        assert again["connection_id"] == connection_id
        assert (again["status"], again["epoch"]) == ("active", view["epoch"] + 1)
        assert site.provider.rules.accepts(document(team.read(connection_id))["access_token"])
        assert site.count_posts() == 1


def lose_an_answer_at_a_strict_provider(installation: Installation) -> dict[str, Any]:
    team = installation.team(new_name("strict"))
    profile = ProviderProfile(rotation=STRICT, access_token_seconds=SCHEDULED_SECONDS)
    with open_site(installation, team.tenant_id, rotation="strict", profile=profile) as site:
        connected = team.connect(site.provider_id, policy="scheduled")
        connection_id = connected["connection_id"]
        site.provider.script.add(drop_after_commit())
        hint(installation, team, connected)
        lost = wait_until(
            "the lost answer is on record",
            lambda: (seen := team.view(connection_id))["failure"] and seen,
            seconds=30,
        )
        served = document(team.read(connection_id))
        served_is_accepted = site.provider.rules.accepts(served["access_token"])
        ended = wait_until(
            "the verdict",
            lambda: (seen := team.view(connection_id))["status"] == "reauthorization_required" and seen,
            seconds=130,
            pause=1,
        )
        return {
            "lost": lost,
            "served": served,
            "served_is_accepted": served_is_accepted,
            "ended": ended,
            "posts": site.count_posts(),
            "read": team.read(connection_id),
            "logged": wait_until(
                "the metric", lambda: installation.find_log_lines("refresher", "LostInWindow"), seconds=20
            ),
        }


@pytest.mark.story.with_args(lose_an_answer_at_a_strict_provider)
def test_an_answer_that_is_lost_at_a_strict_provider_is_stated_as_lost_and_the_live_token_is_served_meanwhile(
    stories: Stories,
) -> None:
    facts = stories.wait_for(lose_an_answer_at_a_strict_provider)

    assert facts["lost"]["status"] == "active"
    assert facts["lost"]["failure"]["cause"] == "outcome_unknown"
    assert facts["served"]["generation"] == 1
    assert facts["served_is_accepted"]
    # One late retry, which the provider refuses.
    assert facts["posts"] == 2
    assert facts["ended"]["failure"]["cause"] == "lost_response"
    assert (facts["read"].status, facts["read"].code) == (409, "REAUTH_REQUIRED")
    assert facts["logged"]


def hang_one_provider(installation: Installation) -> dict[str, Any]:
    """20 connections of good providers and one whole batch of a hanging one, all due in the same few seconds."""
    team = installation.team(new_name("hang"))
    profile = ProviderProfile(access_token_seconds=SCHEDULED_SECONDS)
    with (
        open_site(installation, team.tenant_id, profile=profile) as hanging,
        open_site(installation, team.tenant_id, profile=profile) as good,
        open_site(installation, team.tenant_id, profile=profile) as other,
    ):
        for number in range(10):
            team.connect(
                hanging.provider_id, user_id=f"user-{number}", policy="scheduled", publication="api_only"
            )
        hanging.provider.script.add(hang(), times=100)
        sites = [site for site in (good, other) for _ in range(10)]
        connected = [
            (
                site,
                team.connect(
                    site.provider_id, user_id=f"user-{number}", policy="scheduled", publication="api_only"
                ),
            )
            for number, site in enumerate(sites)
        ]
        first_tokens = {
            view["connection_id"]: document(team.read(view["connection_id"])) for _, view in connected
        }
        for site in (good, other):
            site.provider.rules.change_profile(access_token_seconds=HOUR)

        def all_refreshed() -> bool:
            return all(site.count_posts() >= 10 for site in (good, other))

        wait_until("the good providers' connections are refreshed", all_refreshed, seconds=140, pause=1)
        lags = [
            first_refresh_at(site, first_tokens[view["connection_id"]]["access_token"])
            - datetime.fromisoformat(view["refresh_at"]).timestamp()
            for site, view in connected
        ]
        return {
            "lags": lags,
            "hung": hanging.count_posts(),
            "hanging_status": {
                row["status"]
                for row in document(team.caller.get("/v1/connections", provider=hanging.provider_id))[
                    "connections"
                ]
            },
        }


def first_refresh_at(site: ScriptedSite, access_token: str) -> float:
    """When the provider saw the first refresh of the grant behind a token."""
    ledger = site.provider.ledger
    family = ledger.get_token(access_token).family
    return min(
        record.started_at
        for record in list(ledger.requests)
        if record.grant_type == "refresh_token" and ledger.get_token(record.presented).family == family
    )


@pytest.mark.story.with_args(hang_one_provider)
def test_a_provider_that_hangs_delays_no_other_for_a_minute(stories: Stories) -> None:
    facts = stories.wait_for(hang_one_provider)

    assert facts["hung"] > 0
    assert len(facts["lags"]) == 20
    assert max(facts["lags"]) < 60, sorted(facts["lags"])
    assert facts["hanging_status"] == {"active"}


def revoke_at_a_busy_provider(installation: Installation) -> dict[str, Any]:
    team = installation.team(new_name("revoke"))
    with open_site(installation, team.tenant_id, profile=ProviderProfile(access_token_seconds=HOUR)) as site:
        connected = team.connect(site.provider_id)
        token = document(team.read(connected["connection_id"]))["access_token"]
        site.provider.script.add(unavailable(retry_after="1"), endpoint="revoke")
        disconnected = document(team.disconnect(connected["connection_id"]))
        at_once = {
            "secret": installation.read_secret(connected["secret_name"]),
            "previous": installation.read_secret(connected["secret_name"], VersionStage="AWSPREVIOUS"),
            "read": team.read(connected["connection_id"]).code,
            "is_live_at_the_provider": site.provider.rules.accepts(token),
        }
        began = time.monotonic()
        wait_until(
            "the grant is revoked", lambda: not site.provider.rules.accepts(token), seconds=130, pause=1
        )
        requests = site.provider.ledger.find_requests("revoke")
        return {
            "disconnected": disconnected,
            "at_once": at_once,
            "seconds": time.monotonic() - began,
            "outcomes": [record.outcome for record in requests],
            "refreshable": site.provider.rules.is_refreshable(site.newest_refresh_token(token).value),
        }


@pytest.mark.story.with_args(revoke_at_a_busy_provider)
def test_a_revocation_that_a_busy_provider_refuses_is_sent_again_and_readers_lose_the_token_at_once(
    stories: Stories,
) -> None:
    facts = stories.wait_for(revoke_at_a_busy_provider)

    assert facts["disconnected"]["status"] == "disconnected"
    assert facts["at_once"]["secret"]["access_token"] is None
    assert facts["at_once"]["previous"]["access_token"] is None
    assert facts["at_once"]["read"] == "DISCONNECTED"
    assert facts["at_once"]["is_live_at_the_provider"]
    assert facts["outcomes"] == ["not_processed", "ok"]
    assert not facts["refreshable"]
