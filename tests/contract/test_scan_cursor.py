"""ScanCursor, one suite for the fake and for DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from evertoken.adapters.dynamodb_scan_cursor import DynamoDBScanCursor
from evertoken.ports import ScanCursor
from tests.contract.store_under_test import after, moto_account
from tests.contract.template_table import create_table
from tests.fakes.scan_cursor import FakeScanCursor

__all__ = ["moto_account"]


@pytest.fixture(params=["fake", "dynamodb"])
def cursor(request: pytest.FixtureRequest) -> ScanCursor:
    if request.param == "fake":
        return FakeScanCursor()
    client: Any = request.getfixturevalue("moto_account")
    table = f"cursor-{request.node.name.partition('[')[0]}"
    create_table(client, table)
    return DynamoDBScanCursor(client, table)


def test_a_shard_that_was_never_scanned_is_absent(cursor: ScanCursor) -> None:
    assert cursor.get() == {}


def test_shards_advance_each_by_itself(cursor: ScanCursor) -> None:
    cursor.advance({0: after(0), 15: after(1)})
    cursor.advance({15: after(60.123), 3: after(2)})
    assert cursor.get() == {0: after(0), 15: after(60.123), 3: after(2)}


def test_advancing_nothing_changes_nothing(cursor: ScanCursor) -> None:
    cursor.advance({})
    assert cursor.get() == {}
