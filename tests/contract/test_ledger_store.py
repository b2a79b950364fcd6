"""Ledger, one suite for memory and for DynamoDB."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evertoken.adapters.dynamodb_ledger import DynamoDBLedger
from evertoken.domain.connection import ConnectionKey, ConnectionStatus, FailureRecord
from evertoken.domain.ledger import LedgerEntry, LedgerType
from evertoken.domain.origin import Origin, Trigger
from tests.fakes.ledger import MemoryLedger
from tests.support.aws_account import TABLE

NOW = datetime(2026, 11, 21, 12, 0, 0, 7000, tzinfo=UTC)
KEY = ConnectionKey(tenant_id="acme", connection_id="con_a")
BARE = LedgerEntry(
    key=KEY, type=LedgerType.CONNECTED, at=NOW, epoch=1, generation=1, status=ConnectionStatus.ACTIVE
)
FULL = LedgerEntry(
    key=KEY,
    type=LedgerType.REFRESHED,
    at=NOW + timedelta(seconds=60),
    epoch=1,
    generation=2,
    status=ConnectionStatus.ACTIVE,
    on_hold=True,
    failure=FailureRecord(cause="throttled", code="http_429", count=3, failed_at=NOW),
    origin=Origin(trigger=Trigger.MANUAL, actor="cli_a", correlation_id="abc"),
    duration_seconds=0.125,
    expires_at=NOW + timedelta(hours=1),
    consent_ends_at=NOW + timedelta(days=90),
    consent_noticed_at=NOW + timedelta(days=76),
    changed=("name", "policy"),
)


@pytest.fixture(params=["memory", "dynamodb"])
def ledger(request):
    if request.param == "memory":
        return MemoryLedger()
    return DynamoDBLedger(request.getfixturevalue("dynamodb"), TABLE, retention_days=90)


def entries_of(ledger, key=KEY, limit=10, position=None):
    return ledger.list(key, limit=limit, position=position).entries


def test_entries_come_back_whole_and_the_newest_first(ledger):
    ledger.write(BARE)
    ledger.write(FULL)

    assert entries_of(ledger) == (FULL, BARE)


def test_an_entry_that_is_written_again_is_there_once(ledger):
    for _ in range(2):
        ledger.write(FULL)

    assert entries_of(ledger) == (FULL,)


def test_two_things_of_one_instant_are_two_entries(ledger):
    recovered = replace(FULL, type=LedgerType.RECOVERED)
    ledger.write(FULL)
    ledger.write(recovered)

    assert set(entries_of(ledger)) == {FULL, recovered}


def test_pages_go_on_where_the_one_before_ended(ledger):
    written = [replace(BARE, generation=number, at=NOW + timedelta(seconds=number)) for number in range(5)]
    for entry in written:
        ledger.write(entry)

    read, position, pages = [], None, 0
    while pages == 0 or position is not None:
        page = ledger.list(KEY, limit=2, position=position)
        assert len(page.entries) <= 2
        read += page.entries
        position, pages = page.position, pages + 1

    assert read == written[::-1]


def test_a_ledger_holds_nothing_of_another_connection_or_tenant(ledger):
    ledger.write(BARE)

    for other in (replace(KEY, tenant_id="other"), replace(KEY, connection_id="con_ab")):
        assert entries_of(ledger, other) == ()
        assert not ledger.knows(other)


def test_only_what_began_is_known(ledger):
    ledger.write(FULL)
    assert not ledger.knows(KEY)

    ledger.write(replace(BARE, type=LedgerType.IMPORTED))
    assert ledger.knows(KEY)
    assert len(entries_of(ledger)) == 2, "what is known is no entry"


def test_entries_have_an_end_and_a_connection_that_lives_is_known_without_one(dynamodb):
    ledger = DynamoDBLedger(dynamodb, TABLE, retention_days=90)
    ledger.write(BARE)
    expected = int((NOW + timedelta(days=90)).timestamp())
    assert read_ends(dynamodb) == {"entry": expected, "known": None}

    ledger.write(replace(BARE, type=LedgerType.RETIRED, status=ConnectionStatus.RETIRED))
    assert read_ends(dynamodb) == {"entry": expected, "known": expected}


def read_ends(client):
    items = client.scan(TableName=TABLE)["Items"]
    return {
        "entry" if item["sk"]["S"][0].isdigit() else "known": int(item["ttl"]["N"]) if "ttl" in item else None
        for item in items
    }
