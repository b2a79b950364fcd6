"""Schedules that tenants make, on the deployed stack and by HTTP: they fire, they are cancelled, and then nothing of them reaches a provider.

The stack's minute is shorter for them (`tests/support/stack.py`); `true_minutes.py` tells the same story with minutes of sixty seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.http_api import document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.e2e.stories import Stories
from tests.support.provider_faults import unavailable
from tests.support.provider_profile import STRICT_KILL, ProviderProfile

SLACK_SECONDS = 20
"""Cold functions, and a machine with other things to do."""
QUIET_MINUTES = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider has seen of one connection, known by the first of its tokens."""

    site: ScriptedSite
    first_token: str = field(repr=False)

    def count_posts(self) -> int:
        return self.site.posts_of(self.first_token)


def keep_schedules(installation: Installation) -> dict[str, Any]:
    """A recurring schedule from its first tick to three minutes after its end, beside one that fires once and one that is cancelled before."""
    minute = installation.stack.tenant_minute_seconds
    tenants = [new_name("recurring"), new_name("once")]
    recurring, once = (installation.team(tenant_id) for tenant_id in tenants)
    # Young enough to be refreshed again at each tick: the floor is a quarter of the life.
    profile = ProviderProfile(rotation=STRICT_KILL, access_token_seconds=round(2.4 * minute))
    with open_site(installation, *tenants, rotation="strict_kill", profile=profile) as site:
        kept, left, spared = (
            team.connect(site.provider_id, policy="lazy", publication="api_only", account=account)
            for team, account in ((recurring, "kept"), (once, "left"), (once, "spared"))
        )
        delayed, cancelled = (
            make(once, connection_id=connection["connection_id"], delay_minutes=1)
            for connection in (left, spared)
        )
        document_of_nothing(once, cancelled)
        made = make(recurring, interval_minutes=1, attempts=3)
        facts = {"minute": minute, "alone": look_at_others(recurring, once, made)}
        grant = Grant(site, document(recurring.read(kept["connection_id"]))["access_token"])
        facts |= fire_twice(recurring, grant, kept["connection_id"], made, minute)
        facts |= cancel_while_one_is_queued(recurring, grant, made, minute)
        facts["delayed"] = wait_until(
            "the delayed refresh",
            lambda: (jobs := jobs_of(once, delayed)) and jobs[0]["status"] == "completed" and jobs[0],
            seconds=60 + SLACK_SECONDS,
            pause=0.5,
        )
        facts["gone"] = once.caller.get(f"/v1/schedules/{delayed['schedule_id']}").code
        facts["others"] = [once.view(one["connection_id"])["generation"] for one in (left, spared)]
        facts["posts"] = site.count_posts()
    return facts


def make(team: Team, **body: Any) -> dict[str, Any]:
    schedule: dict[str, Any] = document(team.caller.post("/v1/schedules", body), 201)
    return schedule


def document_of_nothing(team: Team, schedule: dict[str, Any]) -> None:
    """Cancel a schedule, twice."""
    for _ in range(2):
        assert team.caller.delete(f"/v1/schedules/{schedule['schedule_id']}").status == 204


def look_at_others(team: Team, stranger: Team, schedule: dict[str, Any]) -> list[str]:
    """What a stranger is told of a schedule, and what its tenant is."""
    path = f"/v1/schedules/{schedule['schedule_id']}"
    seen = [stranger.caller.get(path).code, stranger.caller.delete(path).code, team.caller.get(path).code]
    assert schedule in document(team.caller.get("/v1/schedules"))["schedules"]
    assert schedule not in document(stranger.caller.get("/v1/schedules"))["schedules"]
    return seen


def jobs_of(team: Team, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    """The jobs that a schedule has begun, newest first."""
    jobs = document(team.caller.get("/v1/jobs"))["jobs"]
    return [job for job in jobs if job["schedule_id"] == schedule["schedule_id"]]


def fire_twice(
    team: Team, grant: Grant, connection_id: str, schedule: dict[str, Any], minute: int
) -> dict[str, Any]:
    generations = []
    for count in (1, 2):
        wait_until(
            f"tick {count}",
            lambda count=count: len(
                [job for job in jobs_of(team, schedule) if job["status"] == "completed"]
            ) == count,
            seconds=minute + SLACK_SECONDS,
        )  # fmt: skip
        generations.append(team.view(connection_id)["generation"])
    path = f"/v1/schedules/{schedule['schedule_id']}"
    return {
        "generations": generations,
        "first_posts": grant.count_posts(),
        "fired": document(team.caller.get(path)),
        "newest_job": jobs_of(team, schedule)[0]["job_id"],
    }


def cancel_while_one_is_queued(
    team: Team, grant: Grant, schedule: dict[str, Any], minute: int
) -> dict[str, Any]:
    """Let the third tick's refresh fail, so that it waits in the queue for its next attempt, and cancel the schedule meanwhile."""
    before = grant.count_posts()
    grant.site.provider.script.add(unavailable(retry_after="4"), times=100)
    wait_until(
        "a refresh that failed and waits in the queue",
        lambda: grant.count_posts() > before and jobs_of(team, schedule)[0]["status"] == "active",
        seconds=minute + SLACK_SECONDS,
    )
    grant.site.provider.script.clear()
    path = f"/v1/schedules/{schedule['schedule_id']}"
    assert team.caller.delete(path).status == 204
    at_cancel, began = grant.count_posts(), time.monotonic()
    time.sleep(QUIET_MINUTES * minute)
    job = jobs_of(team, schedule)[0]
    return {
        "posts_after_cancel": grant.count_posts() - at_cancel,
        "quiet_seconds": time.monotonic() - began,
        "queued": document(team.caller.get(f"/v1/jobs/{job['job_id']}")),
        "jobs": len(jobs_of(team, schedule)),
        "after_cancel": team.caller.get(path).code,
    }


def check(facts: dict[str, Any]) -> None:
    """What has to be true of the story, however long its minute is."""
    assert facts["alone"] == ["NOT_FOUND", "NOT_FOUND", "200"]
    # It fires twice, with one request to the provider each.
    assert (facts["generations"], facts["first_posts"]) == ([2, 3], 2)
    assert facts["fired"]["last_job_id"] == facts["newest_job"]
    assert facts["fired"]["last_fired_at"] is not None
    # It is cancelled while a refresh of its third tick waits in the queue: nothing for three minutes.
    assert facts["quiet_seconds"] >= QUIET_MINUTES * facts["minute"]
    assert (facts["posts_after_cancel"], facts["jobs"], facts["after_cancel"]) == (0, 3, "NOT_FOUND")
    job, (result,) = facts["queued"]["job"], facts["queued"]["results"]
    assert (job["status"], result["status"], result["code"]) == ("failed", "failed", "CANCELLED")
    # What is to fire once does so once, is gone afterwards, and does nothing when it was cancelled before.
    assert (facts["delayed"]["kind"], facts["delayed"]["total"]) == ("scheduled", 1)
    assert (facts["gone"], facts["others"]) == ("NOT_FOUND", [2, 1])
    # Two ticks, one that was refused, and the one refresh that was delayed.
    assert facts["posts"] == 4


@pytest.mark.story.with_args(keep_schedules)
def test_a_schedule_fires_until_it_is_cancelled_and_nothing_of_it_after(stories: Stories) -> None:
    check(stories.wait_for(keep_schedules))
