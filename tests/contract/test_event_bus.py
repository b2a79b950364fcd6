"""EventBus, one suite for memory and for EventBridge; and the form in which events travel."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import jsonschema
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from evertoken.adapters.eventbridge_events import EventBridgeBus, detail_of
from evertoken.domain.connection import Connection, ConnectionStatus, FailureRecord, Sealed
from evertoken.domain.event import Event, EventType
from evertoken.domain.origin import Origin, Trigger
from tests.fakes.event_bus import MemoryEventBus
from tests.support.aws_account import EVENT_BUS, open_aws_account

NOW = datetime(2026, 11, 21, 12, 0, 0, 7000, tzinfo=UTC)
URL = "https://tokens.example"
ROW = Connection(
    tenant_id="acme",
    connection_id="con_a",
    provider_id="github",
    registration_id="github-acme",
    binding="b",
    user_id="ann é",
    account="42",
    name="Ann's",
    status=ConnectionStatus.REAUTHORIZATION_REQUIRED,
    epoch=1,
    generation=7,
    sealed=Sealed(key_id="2026-11", ciphertext=b"sealed-bytes"),
    expires_at=NOW + timedelta(hours=1),
    origin=Origin(trigger=Trigger.SCHEDULE),
    created_at=NOW,
    updated_at=NOW,
)
FAILURE = FailureRecord(cause="grant_dead", code="invalid_grant", count=1, failed_at=NOW)
DEAD = Event(type=EventType.REAUTHORIZATION_REQUIRED, at=NOW, connection=ROW, failure=FAILURE)


def many(count):
    return [replace(DEAD, connection=replace(ROW, connection_id=f"con_{number}")) for number in range(count)]


class PickyClient:
    """EventBridge that refuses what it is told to refuse."""

    def __init__(self, refused=(), fault=None):
        self.refused, self.fault = refused, fault
        self.entries, self.calls = [], 0

    def put_events(self, *, Entries):  # noqa: N803 - the SDK's own word
        self.calls += 1
        if self.fault is not None:
            raise self.fault
        assert len(Entries) <= 10
        answers = []
        for entry in Entries:
            number = int(json.loads(entry["Detail"])["connection_id"].removeprefix("con_"))
            if number in self.refused:
                answers.append({"ErrorCode": "ThrottlingException"})
            else:
                self.entries.append(number)
                answers.append({"EventId": str(number)})
        return {"Entries": answers}


@pytest.mark.parametrize("kind", ["memory", "eventbridge"])
def test_what_was_refused_is_named_and_the_rest_is_sent(kind):
    refused = {3, 10, 24}
    if kind == "memory":
        bus = MemoryEventBus(lambda event: int(event.connection.connection_id[4:]) in refused)
    else:
        client = PickyClient(refused)
        bus = EventBridgeBus(client, "bus", base_url=URL)

    assert bus.send(many(25)) == refused
    if kind == "eventbridge":
        assert client.entries == [number for number in range(25) if number not in refused]


@pytest.mark.parametrize(
    "fault",
    [
        ReadTimeoutError(endpoint_url="https://events"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
    ],
)
def test_a_call_that_was_not_answered_refuses_its_events(fault):
    bus = EventBridgeBus(PickyClient(fault=fault), "bus", base_url=URL)

    assert bus.send(many(12)) == frozenset(range(12))


def test_a_bus_that_may_not_be_used_is_no_hiccup():
    fault = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutEvents")

    with pytest.raises(ClientError):
        EventBridgeBus(PickyClient(fault=fault), "bus", base_url=URL).send(many(1))


def test_a_bus_takes_events_in_this_form():
    with open_aws_account():
        client, sent = boto3.client("events"), []
        client.meta.events.register("before-parameter-build.*.*", lambda params, **_: sent.append(params))

        assert EventBridgeBus(client, EVENT_BUS, base_url=URL).send([DEAD]) == frozenset()

    (entry,) = sent[0]["Entries"]
    assert (entry["Source"], entry["DetailType"], entry["Time"]) == (
        "evertoken",
        "reauthorization_required",
        NOW,
    )
    assert json.loads(entry["Detail"]) == detail_of(DEAD, URL)


def test_the_detail_says_what_a_consumer_needs_and_nothing_secret():
    assert detail_of(DEAD, URL) == {
        "event_id": DEAD.event_id,
        "tenant_id": "acme",
        "connection_id": "con_a",
        "provider": "github",
        "registration": "github-acme",
        "user_id": "ann é",
        "account": "42",
        "name": "Ann's",
        "status": "reauthorization_required",
        "epoch": 1,
        "generation": 7,
        "occurred_at": "2026-11-21T12:00:00.007Z",
        "expires_at": "2026-11-21T13:00:00.007Z",
        "consent_ends_at": None,
        "cause": "grant_dead",
        "code": "invalid_grant",
        "trigger": "schedule",
        "correlation_id": None,
        "reconnect": {
            "method": "POST",
            "url": "https://tokens.example/v1/connections",
            "body": {
                "provider": "github",
                "registration": "github-acme",
                "user_id": "ann é",
                "account": "42",
            },
        },
    }


DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


@pytest.mark.parametrize("kind", EventType)
def test_every_event_is_as_its_document_says(kind):
    (schema,) = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    whole = replace(ROW, consent_ends_at=NOW, origin=Origin(trigger=Trigger.READ, correlation_id="abc"))

    for row in (whole, replace(ROW, expires_at=None, origin=None)):
        detail = detail_of(replace(DEAD, type=kind, connection=row), URL)
        jsonschema.validate(detail, json.loads(schema), jsonschema.Draft202012Validator)


def test_the_document_names_every_type_and_trigger():
    types = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert types == list(EventType)
    assert all(f'"{trigger}"' in DOCUMENT for trigger in Trigger)


@pytest.mark.parametrize("kind", EventType)
def test_only_what_needs_a_person_says_how_to_reconnect(kind):
    asks = kind in ("reauthorization_required", "consent_ending")

    assert (detail_of(replace(DEAD, type=kind), URL)["reconnect"] is not None) is asks


def test_an_event_has_its_own_id_and_keeps_it():
    different = [
        replace(DEAD, type=EventType.RECOVERED),
        *(
            replace(DEAD, connection=replace(ROW, **{name: value}))
            for name, value in {"tenant_id": "b", "connection_id": "b", "epoch": 2, "generation": 8}.items()
        ),
    ]

    assert len({event.event_id for event in [DEAD, *different]}) == 6
    assert replace(DEAD, at=NOW + timedelta(days=1), failure=None).event_id == DEAD.event_id
