"""A batch with results for each connection, and a refresh that outlives its request as a job; both by HTTP alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.e2e.http_api import document
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.e2e.stories import Stories
from tests.support.provider_faults import throttled

UNKNOWN = "con_" + "a" * 26
RETRY_AFTER_SECONDS = 13
"""More than a request has left for waiting, when another attempt has to fit in after it."""


def connect(site: ScriptedSite, team: Team, **wish: Any) -> str:
    """A connection whose token is old enough to be refreshed by hand: a quarter of its second has gone by."""
    site.provider.rules.change_profile(access_token_seconds=1)
    wish |= {"user_id": new_name("user"), "policy": "lazy", "publication": "api_only"}
    connected = team.connect(site.provider_id, **wish)
    site.provider.rules.change_profile(access_token_seconds=3600)
    time.sleep(0.3)
    return str(connected["connection_id"])


def follow(team: Team, job_id: str) -> Any:
    """The job with its results, once it has ended."""
    return wait_until(
        "the end of the job",
        lambda: (shown := document(team.caller.get(f"/v1/jobs/{job_id}")))["job"]["finished_at"] and shown,
        seconds=60,
        pause=0.5,
    )


def refresh_by_batch_and_by_hand(installation: Installation) -> dict[str, Any]:
    team, others = (installation.team(new_name(stem)) for stem in ("jobs", "others"))
    with open_site(installation, team.tenant_id, others.tenant_id) as site:
        slow = connect(site, team)
        site.provider.script.add(throttled(str(RETRY_AFTER_SECONDS)))
        path = f"/v1/connections/{slow}/refresh"
        by_hand = team.caller.post(path, {"attempts": 3, "initial_delay_seconds": 0.1})
        accepted = document(by_hand, 202)["job"]

        mine = [connect(site, team) for _ in range(2)]
        named = connect(site, team, account="shop é-1")
        theirs = connect(site, others)
        body = {
            "connection_ids": [mine[0], UNKNOWN, mine[1], theirs, mine[0]],
            "accounts": [{"provider": site.provider_id, "account": "shop é-1"}],
            "wait_seconds": 20,
        }
        before = site.count_posts()
        batch = document(team.caller.post("/v1/connections/refresh", body))
        posts_of_batch = site.count_posts() - before
        return {
            "location": by_hand.headers["Location"],
            "slow": slow,
            "mine": mine,
            "named": named,
            "theirs": theirs,
            "batch": batch,
            "posts_of_batch": posts_of_batch,
            "batch_again": document(team.caller.get(f"/v1/jobs/{batch['job']['job_id']}")),
            "foreign": others.caller.get(f"/v1/jobs/{batch['job']['job_id']}"),
            "job": follow(team, accepted["job_id"]),
            "jobs": document(team.caller.get("/v1/jobs")),
            "failed_jobs": document(team.caller.get("/v1/jobs", status="failed")),
            "views": {connection_id: team.view(connection_id) for connection_id in (slow, *mine, named)},
            "their_view": others.view(theirs),
            "sent_at": [
                record.started_at
                for record in site.provider.ledger.find_requests()
                if record.grant_type == "refresh_token"
            ],
        }


@pytest.mark.story.with_args(refresh_by_batch_and_by_hand)
def test_a_batch_answers_with_a_result_for_each_and_a_refused_refresh_ends_well_as_a_job(
    stories: Stories,
) -> None:
    told = stories.wait_for(refresh_by_batch_and_by_hand)

    # The batch: what cannot be refreshed fails by itself, and a foreign connection looks like none.
    job, results = told["batch"]["job"], told["batch"]["results"]
    assert (job["kind"], job["status"], job["total"]) == ("batch", "failed", 5)
    assert (job["processed"], job["succeeded"], job["failed"]) == (5, 3, 2)
    by_id = {one["connection_id"]: one for one in results}
    assert [one["connection_id"] for one in results] == [
        told["mine"][0],
        UNKNOWN,
        told["mine"][1],
        told["theirs"],
        told["named"],
    ]
    for connection_id in (*told["mine"], told["named"]):
        view = told["views"][connection_id]
        assert (by_id[connection_id]["outcome"], view["generation"]) == ("refreshed", 2)
        assert by_id[connection_id]["expires_at"] == view["expires_at"]
    hidden = [{**by_id[name], "connection_id": "", "finished_at": ""} for name in (UNKNOWN, told["theirs"])]
    assert hidden[0] == hidden[1]
    assert hidden[0]["code"] == "ACCOUNT_NOT_FOUND"
    assert told["their_view"]["generation"] == 1
    assert told["posts_of_batch"] == 3
    assert told["batch_again"] == told["batch"]
    assert (told["foreign"].status, told["foreign"].code) == (404, "NOT_FOUND")

    # By hand: the provider's own wish is longer than the request, and is kept.
    assert told["location"] == f"/v1/jobs/{told['job']['job']['job_id']}"
    (result,) = told["job"]["results"]
    assert (result["connection_id"], result["outcome"], result["attempts"]) == (told["slow"], "refreshed", 2)
    assert told["views"][told["slow"]]["generation"] == 2
    assert told["sent_at"][-1] - told["sent_at"][0] >= RETRY_AFTER_SECONDS

    # The list agrees with the items.
    assert told["jobs"]["counts"] == {"waiting": 0, "active": 0, "completed": 1, "failed": 1}
    assert [one["kind"] for one in told["jobs"]["jobs"]] == ["batch", "refresh"]
    assert told["failed_jobs"]["jobs"] == [job]
