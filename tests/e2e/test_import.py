"""Token sets from elsewhere on the deployed stack: a thousand at once, refreshed where they must be, and published at their rate."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.http_api import Answer, document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.provider_profile import STRICT, ProviderProfile

ROWS = 1000
SECONDS = 20
TICK_SECONDS = 100
"""The scanner comes every minute, and looks a little ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What the story found, for the tests that wait for it."""

    seconds_for_all: float
    many: dict[str, Any]
    again: dict[str, Any]
    few: list[dict[str, Any]]
    seen: dict[str, dict[str, Any]]
    read: dict[str, Any]
    secrets: dict[str, dict[str, Any]]
    empty: dict[str, Any]


def move(installation: Installation) -> Moved:
    """Connect elsewhere, import here, and wait for the worker."""
    old, new = installation.team(new_name("old")), installation.team(new_name("new"))
    with open_site(
        installation,
        old.tenant_id,
        new.tenant_id,
        rotation="strict",
        profile=ProviderProfile(rotation=STRICT),
    ) as site:
        held = {name: take_grant(site, old, name) for name in ("live", "expired", "renewed", "read")}
        ended = {"expires_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}
        rows = [
            {"user_id": "live", **held["live"], "expires_in": 3000},
            {"user_id": "expired", **held["expired"], **ended},
            {"user_id": "renewed", "refresh_token": held["renewed"]["refresh_token"]},
            {"user_id": "read", **held["read"], **ended},
            {"user_id": "bad", "access_token": held["live"]["access_token"], **ended},
        ]
        few = document(bring(new, site, rows))["results"]
        ids = {row["user_id"]: one.get("connection_id", "") for row, one in zip(rows, few, strict=True)}
        # A reader does not wait for the worker: this read refreshes, makes the secret and publishes.
        read = document(new.read(ids["read"]))
        fake = f"canary-{secrets.token_hex(12)}"
        installation.canaries.add(fake)
        many_rows = [
            {
                "user_id": f"user-{n}",
                "access_token": fake,
                "refresh_token": fake,
                "expires_in": 3000,
                "publication": "api_only",
            }
            for n in range(ROWS)
        ]
        began = time.monotonic()
        many = document(bring(new, site, many_rows))
        seconds_for_all = time.monotonic() - began
        again = document(bring(new, site, many_rows[:50]))
        published = ("live", "expired", "renewed")
        wait_until(
            "publications",
            lambda: all(find_token(installation, new, ids[name]) for name in published),
            seconds=TICK_SECONDS,
            pause=1,
        )
        live = installation.read_secret(secret_name(new, ids["live"]), VersionStage="AWSPREVIOUS")
        assert site.provider.rules.accepts(read["access_token"])
        return Moved(
            seconds_for_all=seconds_for_all,
            many=many,
            again=again,
            few=few,
            seen={name: new.view(ids[name]) for name in published},
            read=read,
            secrets={
                name: installation.read_secret(secret_name(new, ids[name])) for name in (*published, "read")
            },
            empty=live,
        )


def take_grant(site: ScriptedSite, team: Team, user_id: str) -> dict[str, str]:
    """What another system would hold: an access token and the refresh token beside it."""
    connected = team.connect(site.provider_id, user_id=user_id, publication="api_only")
    access_token = document(team.read(connected["connection_id"]))["access_token"]
    return {
        "access_token": access_token,
        "refresh_token": site.newest_refresh_token(access_token).value,
    }


def bring(team: Team, site: ScriptedSite, rows: list[dict[str, Any]]) -> Answer:
    body = {"connections": [{"provider": site.provider_id, **row} for row in rows]}
    return team.caller.post("/v1/connections/import", body)


def secret_name(team: Team, connection_id: str) -> str:
    return f"evertoken/local/tokens/{team.tenant_id}/{connection_id}"


def find_token(installation: Installation, team: Team, connection_id: str) -> str | None:
    missing = installation.aws.client("secretsmanager").exceptions.ResourceNotFoundException
    try:
        token: str | None = installation.read_secret(secret_name(team, connection_id))["access_token"]
    except missing:
        return None
    return token


story = pytest.mark.story.with_args(move)


@story
def test_a_thousand_rows_take_less_than_twenty_seconds_and_are_there_once(stories: Any) -> None:
    moved = stories.wait_for(move)
    assert (moved.many["imported"], moved.many["failed"]) == (ROWS, 0)
    assert moved.seconds_for_all < SECONDS, moved.seconds_for_all
    assert (moved.again["imported"], moved.again["exists"]) == (0, 50)
    first = [one["connection_id"] for one in moved.many["results"][:50]]
    assert [one["connection_id"] for one in moved.again["results"]] == first


@story
def test_a_live_token_is_published_after_its_secret_was_made_and_an_expired_one_is_refreshed_first(
    stories: Any,
) -> None:
    moved = stories.wait_for(move)
    assert [one["status"] for one in moved.few] == ["imported"] * 4 + ["failed"]
    assert moved.few[-1]["message"].startswith("refresh_token:")
    assert {name: view["generation"] for name, view in moved.seen.items()} == {
        "live": 1,
        "expired": 2,
        "renewed": 2,
    }
    for name, content in moved.secrets.items():
        assert content["access_token"], name
        assert content["generation"] == (1 if name == "live" else 2)
    assert moved.empty["access_token"] is None, "the secret was made empty before anything was put"
    assert moved.secrets["read"]["access_token"] == moved.read["access_token"]
