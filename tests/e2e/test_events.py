"""Events as a user of the installation has them: a rule of their own on the bus, and a queue behind it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.hints import build_hint, send_hints
from tests.e2e.http_api import document
from tests.e2e.installation import RETURN_URL, Installation, Team, follow, new_name
from tests.e2e.patience import wait_until
from tests.e2e.scripted_site import open_site
from tests.support.provider_profile import STRICT, ProviderProfile

SECONDS = 30
NOTICE_SECONDS = 14 * 86_400
"""The template's default."""
SECONDS_UNTIL_NOTICE = 2


@dataclass(kw_only=True)
class Consumer:
    """A program that reads a tenant's events from its queue and drops repeats by their ids."""

    sqs: Any
    url: str
    details: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self) -> None:
        while True:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            messages = answer.get("Messages", [])
            for message in messages:
                event = json.loads(message["Body"])
                assert event["source"] == "evertoken"
                self.details[event["detail"]["event_id"]] = {"type": event["detail-type"], **event["detail"]}
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            if not messages:
                return

    def types_of(self, connection_id: str) -> Counter[str]:
        self.read()
        return Counter(
            detail["type"] for detail in self.details.values() if detail["connection_id"] == connection_id
        )

    def wait_for(self, connection_id: str, *types: str) -> dict[str, Any]:
        """The newest event of the last type, once exactly these have come."""
        wait_until(
            f"the events {types}", lambda: self.types_of(connection_id) == Counter(types), seconds=SECONDS
        )
        found = [one for one in self.details.values() if one["connection_id"] == connection_id]
        return max((one for one in found if one["type"] == types[-1]), key=lambda one: one["occurred_at"])


@pytest.fixture
def team(installation: Installation) -> Team:
    return installation.team(new_name("events"))


@pytest.fixture
def consumer(installation: Installation, team: Team) -> Iterator[Consumer]:
    events, sqs = installation.aws.client("events"), installation.aws.client("sqs")
    name, bus = new_name("told"), installation.outputs["EventBusName"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["evertoken"], "detail": {"tenant_id": [team.tenant_id]}}
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    yield Consumer(sqs=sqs, url=url)
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=url)


def switch_relay(installation: Installation, *, on: bool) -> None:
    """Start or stop what reads the table's stream."""
    client = installation.aws.client("lambda")
    name = installation.aws.physical_id("EventRelayFunction")
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=on)


def hint(installation: Installation, team: Team, view: dict[str, Any], *, asked: bool = True) -> None:
    send_hints(installation, [build_hint(team, view, asked=asked)])


def ledger_of(team: Team, connection_id: str, **query: Any) -> Any:
    return document(team.caller.get(f"/v1/connections/{connection_id}/ledger", **query))


def test_a_connections_life_is_told_once_and_a_consumer_that_was_away_misses_nothing(
    installation: Installation, team: Team, consumer: Consumer
) -> None:
    profile = ProviderProfile(rotation=STRICT, access_token_seconds=3600)
    with open_site(installation, team.tenant_id, rotation="strict", profile=profile) as site:
        connected = team.connect(site.provider_id, name="Ann's calendar")
        connection_id = connected["connection_id"]
        hint(installation, team, connected)
        refreshed = consumer.wait_for(connection_id, "connected", "refreshed")
        assert (refreshed["generation"], refreshed["status"], refreshed["trigger"]) == (2, "active", "read")
        assert refreshed["expires_at"] == team.view(connection_id)["expires_at"]

        # The user takes the grant back: told once, with what to do, and never asked for again.
        token = document(team.read(connection_id))["access_token"]
        site.provider.rules.end_grant(token)
        for _ in range(2):
            hint(installation, team, team.view(connection_id))
        ended = consumer.wait_for(connection_id, "connected", "refreshed", "reauthorization_required")
        assert (ended["cause"], ended["code"], ended["name"]) == (
            "grant_dead",
            "invalid_grant",
            "Ann's calendar",
        )
        posts = site.count_posts()
        hint(installation, team, team.view(connection_id))

        # A support person can tell why it died.
        ledger = ledger_of(team, connection_id)
        assert ledger["explanation"]["cause"] == "grant_dead"
        assert "took it back" in ledger["explanation"]["summary"]
        assert [entry["type"] for entry in ledger["entries"]] == [
            "reauthorization_required",
            "refreshed",
            "connected",
        ]

        # While nobody reads the stream, the user connects again by the event's own link, and more happens.
        switch_relay(installation, on=False)
        link = ended["reconnect"]
        assert link["url"] == f"{installation.base_url}/v1/connections"
        body = {**link["body"], "return_url": RETURN_URL}
        started = document(team.caller.request(link["method"], "/v1/connections", body=body), 201)
        assert "status=returned" in follow(follow(started["authorization_url"]))
        again = document(team.complete(started["session_uri"]))
        assert again["connection_id"] == connection_id
        assert site.count_posts() == posts, "nobody asked for a dead grant"
        hint(installation, team, again)
        wait_until("the refresh", lambda: team.view(connection_id)["generation"] == 4, seconds=SECONDS)
        document(team.disconnect(connection_id))
        time.sleep(1)
        told = consumer.types_of(connection_id)
        switch_relay(installation, on=True)

        whole = (
            *("connected", "refreshed", "reauthorization_required"),
            *("connected", "recovered", "refreshed", "disconnected"),
        )
        last = consumer.wait_for(connection_id, *whole)
        assert told == Counter(whole[:3]), "nothing was told while nobody read"
        assert (last["status"], last["epoch"]) == ("disconnected", 3)
        assert ledger_of(team, connection_id)["explanation"]["cause"] == "disconnected"
        types = [entry["type"] for entry in ledger_of(team, connection_id, limit=100)["entries"]]
        assert sorted(types[-7:]) == sorted(
            ["reconnected" if number == 3 else kind for number, kind in enumerate(whole)]
        )


def test_the_end_of_a_consent_is_told_before_it_comes_although_nothing_has_to_be_refreshed(
    installation: Installation, team: Team, consumer: Consumer
) -> None:
    # A provider that gives no refresh tokens: when the access token ends, everything does.
    seconds = NOTICE_SECONDS + SECONDS_UNTIL_NOTICE
    profile = ProviderProfile(access_token_seconds=seconds, extra={"refresh_token": None})
    with open_site(installation, team.tenant_id, profile=profile) as site:
        connected = team.connect(site.provider_id)
        connection_id = connected["connection_id"]
        time.sleep(SECONDS_UNTIL_NOTICE)
        for _ in range(2):
            hint(installation, team, connected, asked=False)

        ending = consumer.wait_for(connection_id, "connected", "consent_ending")
        assert ending["consent_ends_at"] == connected["expires_at"]
        assert ending["reconnect"]["body"]["user_id"] == "ann"
        assert site.count_posts() == 0
        assert ledger_of(team, connection_id)["explanation"]["cause"] == "consent_ending"
