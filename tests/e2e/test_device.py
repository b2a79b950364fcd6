"""A user who decides on another device, on the deployed stack: the provider is asked once an interval, whoever calls (RFC 8628)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance.calls import json_reply
from tests.e2e.http_api import Answer, document
from tests.e2e.installation import Installation, new_name
from tests.e2e.patience import wait_until
from tests.e2e.plain_provider import provider_of, read
from tests.e2e.simulated_site import ORIGIN, open_simulated_site
from tests.e2e.stories import Stories

DEVICES = provider_of(
    "device_code",
    "none",
    endpoints={"token": f"{ORIGIN}/token", "device_authorization": f"{ORIGIN}/device_authorization"},
)
INTERVAL_SECONDS = 3
"""Long enough for two calls beside the whole suite, also where a function has to start first."""
SLOWED_SECONDS = INTERVAL_SECONDS + 5
"""RFC 8628 section 3.5."""


def decide_on_another_device(installation: Installation) -> dict[str, Any]:
    team = installation.team(new_name("device"))
    with open_simulated_site(installation, team.tenant_id, DEVICES) as site:
        site.server.devices.interval_seconds = INTERVAL_SECONDS
        started = document(team.run_grant(site.provider_id, "device_code"), 201)

        def complete() -> Answer:
            return team.complete(started["session_uri"])

        def polls() -> int:
            return site.operations.count("device_code")

        early = complete()
        with ThreadPoolExecutor(2) as pool:

            def ask_twice_at_once() -> list[Answer] | None:
                before, began = polls(), time.monotonic()
                answers = list(pool.map(lambda _: complete(), range(2)))
                # A function that had to start first may have come an interval later: then it was not at once.
                was_at_once = time.monotonic() - began < INTERVAL_SECONDS
                assert polls() - before <= 1 or not was_at_once
                return answers if was_at_once and polls() > before else None

            pair = wait_until("a poll of two callers at once", ask_twice_at_once, seconds=60)
        asked_by_pairs = polls()
        site.server.planted["device_code"] = lambda _: json_reply({"error": "slow_down"}, 400)
        slowed = wait_until(
            "the provider says: slower",
            lambda: (answer := complete()).status == 202 and polls() > asked_by_pairs and answer,
            seconds=30,
        )
        slowed_at = time.monotonic()
        del site.server.planted["device_code"]
        site.server.devices.approve()
        connected = wait_until(
            "the tokens",
            lambda: (answer := complete()).status != 202 and document(answer),
            seconds=40,
            pause=0.5,
        )
        seconds = time.monotonic() - slowed_at
        token = read(site, team, connected["connection_id"])
        return {
            "started": started,
            "early": early,
            "pair": pair,
            "slowed": slowed,
            "connected": connected,
            "seconds": seconds,
            "later_polls": polls() - asked_by_pairs,
            "token": token,
            "again": complete().code,
        }


@pytest.mark.story.with_args(decide_on_another_device)
def test_a_user_decides_on_another_device_and_the_provider_is_never_asked_too_often(stories: Stories) -> None:
    facts = stories.wait_for(decide_on_another_device)

    assert facts["started"]["user_code"]
    assert facts["started"]["interval_seconds"] == INTERVAL_SECONDS
    assert facts["early"].status == 202
    assert facts["early"].json["status"] == "pending"
    assert [answer.status for answer in facts["pair"]] == [202, 202]
    assert facts["slowed"].json == {"status": "pending", "retry_after": SLOWED_SECONDS}
    assert facts["slowed"].headers["Retry-After"] == str(SLOWED_SECONDS)
    assert facts["connected"]["connection_id"] == facts["started"]["connection_id"]
    assert facts["connected"]["status"] == "active"
    assert facts["seconds"] > SLOWED_SECONDS - 1
    assert facts["later_polls"] == 2
    assert facts["token"]["is_valid"]
    assert facts["again"] == "CONNECT_EXPIRED"
