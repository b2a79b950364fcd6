"""StatisticsReader, one suite for the fake and for DynamoDB; it agrees with the list of what needs a refresh."""

import pytest

from evertoken.adapters.dynamodb_statistics import DynamoDBStatistics
from evertoken.domain.connection import ConnectionStatus, FailureRecord
from evertoken.ports import ConnectionFilter
from tests.contract.store_under_test import after, connecting, lease, moto_account, store, under_test
from tests.contract.test_connection_store_lists import connect_expiring, listed
from tests.fakes.statistics import MemoryStatistics

__all__ = ["moto_account", "store", "under_test"]


@pytest.fixture
def reader(under_test):
    """The reader of the same rows as the store's."""
    if under_test.lossy is None:
        return MemoryStatistics(under_test.port._target._rows.values)
    return DynamoDBStatistics(under_test.lossy, under_test.store._table)


def count(reader, minutes=60, tenant_id="tenant-1"):
    return reader.count(tenant_id, needing_before=after(60 * minutes), urgent_before=after(3600))


def make_tenant(store):
    """Connections of every kind; by name, what is expected of each."""
    connect_expiring(store, "expired", -10)
    connect_expiring(store, "soon", 600)
    connect_expiring(store, "later", 7200)
    connect_expiring(store, "never", None)
    held = connect_expiring(store, "held", 600)
    store.set_hold(held.key, expected=held, on_hold=True, now=after(1))
    gone = connect_expiring(store, "gone", 600)
    store.disconnect(gone.key, expected=gone, revoke=False, now=after(1))
    dead = connect_expiring(store, "dead", 600)
    granted = lease(store, dead)
    failure = FailureRecord(cause="grant_dead", code="invalid_grant", count=1, failed_at=after(1))
    assert store.record_verdict(dead.key, expected=granted.connection, owner="owner-1", failure=failure)
    store.create_connecting(connecting("not-yet"))
    connect_expiring(store, "foreign", 60, tenant_id="tenant-2")


def test_every_connection_is_counted_once_and_no_foreign_one(store, reader):
    make_tenant(store)
    found = count(reader)
    assert found.total == 7
    assert found.by_status == {
        ConnectionStatus.ACTIVE: 5,
        ConnectionStatus.REAUTHORIZATION_REQUIRED: 1,
        ConnectionStatus.DISCONNECTED: 1,
    }
    assert found.on_hold == 1
    assert found.total == sum(found.by_status.values())


def test_what_nobody_would_refresh_does_not_need_it(store, reader):
    make_tenant(store)
    assert (count(reader).needing_refresh, count(reader).urgent) == (2, 2)
    assert (count(reader, minutes=180).needing_refresh, count(reader, minutes=180).urgent) == (3, 2)
    assert count(reader, minutes=0).needing_refresh == 1


@pytest.mark.parametrize("minutes", [0, 10, 60, 180, 525_600])
def test_statistics_and_the_list_of_what_needs_a_refresh_agree(store, reader, minutes):
    make_tenant(store)
    only = {"expires_before": after(60 * minutes), "is_refreshable": True}
    ids = listed(store, **only)
    assert count(reader, minutes=minutes).needing_refresh == len(ids)
    assert not {"held", "gone", "dead", "never", "not-yet"} & set(ids)


def test_refresh_tokens_are_counted_where_they_are(store, reader):
    make_tenant(store)
    rows = store.list_by_tenant("tenant-1", only=ConnectionFilter(), limit=100, position=None).connections
    assert count(reader).with_refresh_token == sum(row.has_refresh_token for row in rows) > 0


def test_a_tenant_without_connections_has_zeros(reader):
    found = count(reader)
    assert (found.total, found.needing_refresh, found.urgent, found.with_refresh_token) == (0, 0, 0, 0)
    assert set(found.by_status.values()) == {0}


def test_the_count_goes_over_all_pages_of_the_index(under_test, store, reader):
    for number in range(5):
        connect_expiring(store, f"conn-{number}", 600)
    pages = []
    if under_test.lossy is not None:
        query = under_test.lossy._client.query
        under_test.lossy.query = lambda **parameters: pages.append(1) or query(Limit=2, **parameters)
    assert count(reader).total == 5
    assert len(pages) in (0, 3)
