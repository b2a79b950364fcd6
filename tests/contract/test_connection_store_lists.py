"""ConnectionStore, one suite for the fake and for DynamoDB: what is due, and what a tenant sees of its connections."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from evertoken.adapters import dynamodb_items
from evertoken.domain.connection import Connection, ConnectionStatus, FailureRecord
from evertoken.domain.errors import InvalidInputError
from evertoken.domain.hint import Hint
from evertoken.domain.schedule import due_shard
from evertoken.ports import CommitAccepted, ConnectionFilter, ConnectionStore, DueConnection
from tests.contract.store_under_test import (
    NOW,
    SHARDS,
    StoreUnderTest,
    after,
    commit_of,
    connecting,
    due,
    first_connect,
    key_of,
    lease,
    make_active,
    moto_account,
    store,
    under_test,
)
from tests.contract.template_table import TEMPLATE, projected

__all__ = ["moto_account", "store", "under_test"]


def listed(
    store: ConnectionStore, tenant_id: str = "tenant-1", *, limit: int = 100, **only: object
) -> list[str]:
    """The ids of a list, page after page."""
    ids: list[str] = []
    position = None
    while True:
        page = store.list_by_tenant(tenant_id, only=ConnectionFilter(**only), limit=limit, position=position)  # type: ignore[arg-type]
        assert len(page.connections) <= limit
        ids += [row.connection_id for row in page.connections]
        position = page.position
        if position is None:
            return ids


def connect_expiring(
    store: ConnectionStore, connection_id: str, seconds: int | None, **changes: object
) -> Connection:
    store.create_connecting(connecting(connection_id, **changes))
    key = connecting(connection_id, **changes).key
    connect = first_connect(store.get(key))
    expires_at = None if seconds is None else after(seconds)
    result = store.connect(replace(connect, commit=replace(connect.commit, expires_at=expires_at)))
    assert isinstance(result, CommitAccepted)
    return result.connection


# what is due


def test_an_entry_of_the_due_index_says_all_that_a_hint_needs(store: ConnectionStore) -> None:
    row = make_active(store)
    expected = Hint(
        key=row.key,
        epoch=1,
        generation=1,
        provider_id="provider-1",
        registration_id="reg-1",
        key_id="2026-11",
    )
    assert due(store, after(2401)) == [DueConnection(hint=expected, due_at=after(2400), due_set_at=NOW)]


def test_what_is_due_at_the_horizon_belongs_to_the_next_scan(store: ConnectionStore) -> None:
    make_active(store)
    assert due(store, after(2400)) == []
    assert len(due(store, after(2400.001))) == 1


def test_an_entry_says_when_its_due_instant_was_set_last(store: ConnectionStore) -> None:
    row = make_active(store)
    lease(store, row, at=7)
    assert [(entry.due_at, entry.due_set_at) for entry in due(store, after(100))] == [(after(67), after(7))]


def test_due_connections_come_earliest_first_from_their_own_shard(store: ConnectionStore) -> None:
    for number in range(24):
        row = make_active(store, f"conn-{number}")
        store.release_lease(
            row.key,
            owner="none",
            failure=None,
            due_at=None,
            cooldown_until=None,
            attempt_is_closed=False,
            now=NOW,
        )
        assert store.postpone(
            row.key, epoch=1, generation=1, due_at=after(2400 + (number * 37) % 100), now=after(1)
        )
    seen = []
    for shard in range(SHARDS):
        entries = [entry for page in store.find_due(shard=shard, before=after(5000)) for entry in page]
        assert entries == sorted(entries, key=lambda entry: entry.due_at)
        assert {due_shard(entry.hint.key.connection_id, SHARDS) for entry in entries} <= {shard}
        seen += [entry.hint.key.connection_id for entry in entries]
    assert sorted(seen) == sorted(f"conn-{number}" for number in range(24))


def test_the_due_index_is_read_page_by_page(under_test: StoreUnderTest) -> None:
    store = under_test.store
    for number in range(12):
        make_active(store, f"conn-{number}")
    if under_test.lossy is not None:
        query = under_test.lossy._client.query
        under_test.lossy.query = lambda **parameters: query(Limit=2, **parameters)  # type: ignore[method-assign]
        pages = [
            len(page) for shard in range(SHARDS) for page in store.find_due(shard=shard, before=after(5000))
        ]
        assert max(pages) == 2
    else:
        under_test.port._target.index.page_bytes = 400
        pages = [
            len(page) for shard in range(SHARDS) for page in store.find_due(shard=shard, before=after(5000))
        ]
        assert len(pages) > SHARDS
    assert sum(pages) == 12


def test_the_due_index_projects_all_that_the_scanner_reads() -> None:
    """`epoch` is projected and `sealed` is not: what a hint needs, and nothing that is secret or long."""
    read = {
        "pk",
        "sk",
        "due_at",
        "epoch",
        "generation",
        "provider_id",
        "registration_id",
        "key_id",
        "due_set_at",
    }
    assert projected("due") == read | {"due_shard"}


def test_the_tenant_index_projects_all_that_a_list_shows() -> None:
    written = set(re.findall(r'"([a-z_]+)": c\.', Path(dynamodb_items.__file__).read_text()))
    assert {"user_id", "status", "expires_at"} <= written
    shown = projected("by_tenant")
    assert {"provider_id", "registration_id", "user_id", "account", "name", "status", "on_hold"} <= shown
    assert {"policy", "publication", "expires_at", "refresh_at", "has_refresh_token", "generation"} <= shown
    assert {"failure_cause", "failure_code", "failed_at", "created_at", "updated_at"} <= shown
    assert not shown & {"sealed", "key_id", "lease_owner", "commit_id", "revocation_sealed"}
    assert TEMPLATE.is_file()


# lists


def test_a_list_shows_a_tenants_connections_by_expiry_and_nobody_elses(store: ConnectionStore) -> None:
    connect_expiring(store, "never", None)
    connect_expiring(store, "late", 9000)
    connect_expiring(store, "soon", 100)
    connect_expiring(store, "foreign", 50, tenant_id="tenant-2")
    assert listed(store) == ["soon", "late", "never"]
    assert listed(store, "tenant-2") == ["foreign"]
    assert listed(store, "tenant-3") == []


def test_who_asks_what_expires_reads_no_dead_grant(under_test: StoreUnderTest) -> None:
    store = under_test.store
    for number in range(5):
        row = connect_expiring(store, f"dead-{number}", 100 + number)
        lease(store, row)
        failure = FailureRecord(cause="grant_dead", code="invalid_grant", count=1, failed_at=after(2))
        assert store.record_verdict(row.key, expected=row, owner="owner-1", failure=failure)
    connect_expiring(store, "alive", 200)
    met: list[int] = []
    if under_test.lossy is not None:
        events = under_test.lossy._client.meta.events
        events.register("after-call.dynamodb.Query", lambda parsed, **_: met.append(parsed["ScannedCount"]))
    assert listed(store, expires_before=after(300)) == ["alive"]
    assert sum(met) <= 1
    assert listed(store, expires_before=after(300), user_id="user-1") == ["alive"]
    assert listed(store)[0] == "alive"
    assert len(listed(store, status=ConnectionStatus.REAUTHORIZATION_REQUIRED)) == 5


def test_a_grant_that_a_late_answer_brought_back_is_among_what_expires_again(store: ConnectionStore) -> None:
    row = connect_expiring(store, "conn-1", 100)
    lease(store, row)
    failure = FailureRecord(cause="grant_dead", code="invalid_grant", count=1, failed_at=after(2))
    store.record_verdict(row.key, expected=row, owner="owner-1", failure=failure)
    assert listed(store, expires_before=after(99_999)) == []
    assert isinstance(store.commit_token_set(row.key, commit_of(row, at=3)), CommitAccepted)
    assert listed(store, expires_before=after(99_999)) == ["conn-1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_a_list_make_the_whole_whatever_the_limit_and_filter(
    store: ConnectionStore, limit: int
) -> None:
    for number in range(7):
        connect_expiring(store, f"conn-{number}", 100 * number, user_id=f"user-{number % 2}")
    assert listed(store, limit=limit) == [f"conn-{number}" for number in range(7)]
    assert sorted(listed(store, limit=limit, user_id="user-1")) == ["conn-1", "conn-3", "conn-5"]
    assert listed(store, limit=limit, expires_before=after(300)) == ["conn-0", "conn-1", "conn-2"]


def test_a_list_is_narrowed_by_provider_account_and_status(store: ConnectionStore) -> None:
    connect_expiring(store, "a", 100, provider_id="google")
    connect_expiring(store, "b", 200)
    gone = connect_expiring(store, "c", 300)
    store.disconnect(gone.key, expected=gone, revoke=False, now=after(1))
    assert listed(store, provider_id="google") == ["a"]
    assert listed(store, account="account-of-b") == ["b"]
    assert listed(store, status=ConnectionStatus.DISCONNECTED) == ["c"]
    assert listed(store, status=ConnectionStatus.ACTIVE, user_id="user-1") in (["a", "b"], ["b", "a"])
    assert listed(store, user_id="nobody") == []


def test_what_is_not_yet_or_no_more_a_connection_is_not_listed(store: ConnectionStore) -> None:
    store.create_connecting(connecting("waiting"))
    row = connect_expiring(store, "retired", 100)
    gone = store.disconnect(row.key, expected=row, revoke=False, now=after(1))
    assert gone is not None
    assert listed(store) == ["retired"]
    store.retire(row.key, expected=gone, now=after(2))
    assert listed(store) == []
    assert listed(store, user_id="user-1") == []


def test_a_summary_has_what_users_are_shown_and_no_token(store: ConnectionStore) -> None:
    row = connect_expiring(store, "conn-1", 3600)
    lease(store, row)
    for only in (ConnectionFilter(), ConnectionFilter(user_id="user-1")):
        (summary,) = store.list_by_tenant("tenant-1", only=only, limit=10, position=None).connections
        names = (
            "key",
            "provider_id",
            "registration_id",
            "user_id",
            "account",
            "name",
            "status",
            "on_hold",
            "policy",
            "publication",
            "generation",
            "expires_at",
            "refresh_at",
            "has_refresh_token",
            "failure",
            "created_at",
            "updated_at",
        )
        assert [getattr(summary, name) for name in names] == [getattr(row, name) for name in names]
        assert (summary.sealed, summary.lease, summary.revocation) == (None, None, None)


@pytest.mark.parametrize("position", ["not json {", "null,", "[1"])
def test_a_position_that_is_none_is_refused(store: ConnectionStore, position: str) -> None:
    make_active(store)
    with pytest.raises(InvalidInputError):
        store.list_by_tenant("tenant-1", only=ConnectionFilter(), limit=5, position=position)


def test_the_key_of_a_summary_reads_its_row(store: ConnectionStore) -> None:
    make_active(store)
    (summary,) = store.list_by_tenant("tenant-1", only=ConnectionFilter(), limit=5, position=None).connections
    assert store.get(summary.key).key == key_of()
