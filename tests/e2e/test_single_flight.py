"""However many ask for one connection's token at once, and however often it is asked, the provider sees one request."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.hints import build_hint, count_messages, send_hints, wait_until_worked_off
from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.provider_profile import STRICT_KILL, ProviderProfile

READERS = 64
ENVIRONMENTS = 6
"""More function environments at once than this would only crowd the two cores of a test machine; the rest is throttled and asks again."""
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def team(quiet: Installation) -> Team:
    return quiet.team(new_name("flight"))


@pytest.fixture(scope="module")
def site(quiet: Installation, team: Team) -> Iterator[ScriptedSite]:
    # The provider that is least forgiving: a second use of a refresh token ends the grant.
    profile = ProviderProfile(rotation=STRICT_KILL)
    with open_site(quiet, team.tenant_id, rotation="strict_kill", profile=profile) as opened:
        yield opened


@pytest.fixture
def few_environments(quiet: Installation) -> Iterator[None]:
    client, name = quiet.aws.client("lambda"), quiet.aws.physical_id("TokenReaderFunction")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=ENVIRONMENTS)
    yield
    client.delete_function_concurrency(FunctionName=name)


def connect(site: ScriptedSite, team: Team, *, lives_seconds: int) -> dict[str, Any]:
    """A lazy connection whose first token lives this long; those that follow live an hour."""
    site.provider.rules.change_profile(access_token_seconds=lives_seconds)
    connected = team.connect(
        site.provider_id, user_id=new_name("user"), policy="lazy", publication="api_only"
    )
    site.provider.rules.change_profile(access_token_seconds=3600)
    return connected


@pytest.mark.parametrize("start", ["cold", "warm"])
@pytest.mark.usefixtures("few_environments")
def test_64_readers_of_an_expired_connection_cause_one_request_and_all_get_a_good_token(
    start: str, quiet: Installation, site: ScriptedSite, team: Team
) -> None:
    connection_id = connect(site, team, lives_seconds=1)["connection_id"]
    time.sleep(1.1)
    if start == "cold":
        quiet.make_cold("TokenReaderFunction")
    before = site.count_posts()

    with ThreadPoolExecutor(READERS) as pool:
        readers = [
            pool.submit(team.read_patiently, connection_id, seconds=PATIENCE_SECONDS) for _ in range(READERS)
        ]
        tokens = [reader.result() for reader in readers]

    assert site.count_posts() == before + 1
    assert {token["generation"] for token in tokens} == {2}
    assert len({token["access_token"] for token in tokens}) == 1
    assert site.provider.rules.accepts(tokens[0]["access_token"])


@pytest.mark.usefixtures("few_environments")
def test_50_callers_who_reject_one_generation_twice_cause_one_request(site: ScriptedSite, team: Team) -> None:
    connection_id = connect(site, team, lives_seconds=12)["connection_id"]
    # A token younger than a quarter of its life is not refreshed on demand.
    refused = team.read(connection_id, rejected_generation=1)
    assert (refused.status, refused.code) == (503, "TOKEN_REFRESH_ERROR")
    time.sleep(3.1)
    before = site.count_posts()

    def reject(_: int) -> list[dict[str, Any]]:
        return [
            team.read_patiently(connection_id, seconds=PATIENCE_SECONDS, rejected_generation=1)
            for _ in range(2)
        ]

    with ThreadPoolExecutor(50) as pool:
        tokens = [token for pair in pool.map(reject, range(50)) for token in pair]

    assert site.count_posts() == before + 1
    assert {token["generation"] for token in tokens} == {2}
    assert site.provider.rules.accepts(tokens[0]["access_token"])


def test_200_hints_of_one_connection_cause_one_request(
    quiet: Installation, site: ScriptedSite, team: Team
) -> None:
    connected = connect(site, team, lives_seconds=3600)
    before = site.count_posts()
    send_hints(quiet, [build_hint(team, connected)] * 200)

    wait_until_worked_off(quiet)

    assert team.view(connected["connection_id"])["generation"] == 2
    assert site.count_posts() == before + 1


def test_repeated_old_and_poisonous_messages_neither_refresh_nor_hold_up_the_good_ones(
    quiet: Installation, site: ScriptedSite, team: Team
) -> None:
    first, second = (connect(site, team, lives_seconds=3600) for _ in range(2))
    good = build_hint(team, first)
    old = build_hint(team, {**second, "generation": 0})
    known = json.loads(good)
    poison = [
        "not JSON",
        "[]",
        "null",
        json.dumps({**known, "version": 2}),
        json.dumps({**known, "generation": "1"}),
        json.dumps({key: value for key, value in known.items() if key != "tenant_id"}),
        build_hint(team, {**first, "connection_id": "con_" + "a" * 26}),
        json.dumps({**known, "tenant_id": "nobody"}),
        json.dumps({**known, "registration_id": "nobodys"}),
    ]
    before = site.count_posts()

    # The good message ten times, one to each batch, between the others.
    send_hints(quiet, [body for _ in range(10) for body in (*poison[:8], good, old)][:100] + poison[8:])
    wait_until_worked_off(quiet)

    assert team.view(first["connection_id"])["generation"] == 2
    assert team.view(second["connection_id"])["generation"] == 1
    assert site.count_posts() == before + 1
    assert count_messages(quiet, "HintDeadLetterQueue") == (0, 0)
    assert quiet.find_log_lines("refresher", "malformed_hint")
