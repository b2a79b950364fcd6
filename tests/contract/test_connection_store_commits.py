"""ConnectionStore, one suite for the fake and for DynamoDB: commits and acknowledged publications."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from evertoken.domain.connection import Connection, ConnectionStatus, FailureRecord, PublicationMode
from evertoken.domain.errors import StoreUnavailableError
from evertoken.ports import CommitAccepted, CommitSuperseded, ConnectionStore, TokenSetCommit
from tests.contract.store_under_test import (
    NOW,
    StoreUnderTest,
    after,
    commit_of,
    connecting,
    due,
    first_connect,
    key_of,
    lease,
    make_active,
    make_leased,
    moto_account,
    store,
    under_test,
)

__all__ = ["moto_account", "store", "under_test"]


def committed(row: Connection, commit: TokenSetCommit, **changes: Any) -> Connection:
    """What the row is after its lease's holder committed and owes the publication."""
    after_commit = replace(
        row,
        status=ConnectionStatus.ACTIVE,
        generation=row.generation + 1,
        sealed=commit.sealed,
        issued_at=commit.issued_at,
        expires_at=commit.expires_at,
        scope=commit.scope,
        missing_scope=commit.missing_scope,
        has_refresh_token=commit.has_refresh_token,
        refresh_token_expires_at=commit.refresh_token_expires_at,
        refresh_at=commit.refresh_at,
        consent_ends_at=None if commit.consent is None else commit.consent.ends_at,
        consent_notice_at=None if commit.consent is None else commit.consent.notice_at,
        publication_number=row.publication_number + 1,
        commit_id=commit.commit_id,
        open_attempts=0,
        failure=None,
        cooldown_until=None,
        updated_at=commit.now,
    )
    return replace(after_commit, **changes)


def commit(store: ConnectionStore, row: Connection, **changes: Any) -> CommitAccepted | CommitSuperseded:
    return store.commit_token_set(row.key, commit_of(row, at=10, **changes))


def acknowledge(
    store: ConnectionStore,
    number: int,
    *,
    owner: str | None = None,
    at: float = 20,
    due_at: datetime | None = None,
) -> bool:
    return store.acknowledge_publication(key_of(), number=number, owner=owner, due_at=due_at, now=after(at))


def test_the_holders_commit_keeps_the_lease_until_the_publication_is_acknowledged(
    store: ConnectionStore,
) -> None:
    row = make_leased(store)
    token_set = commit_of(row, at=10)
    assert store.commit_token_set(row.key, token_set) == CommitAccepted(connection=committed(row, token_set))
    assert store.get(row.key) == committed(row, token_set)
    assert store.get(row.key).due_at == after(60), (
        "the end of the lease: a dead holder's publication is seen to"
    )


def test_the_holders_commit_of_what_is_not_published_ends_the_lease(store: ConnectionStore) -> None:
    row = make_active(store, publication=PublicationMode.API_ONLY)
    store.acknowledge_publication(row.key, number=row.publication_number, owner=None, due_at=None, now=NOW)
    lease(store, row)
    row = store.get(row.key)
    token_set = commit_of(row, at=10)
    expected = committed(
        row, token_set, publication_number=row.publication_number, lease=None, due_at=token_set.refresh_at
    )
    assert store.commit_token_set(row.key, token_set) == CommitAccepted(connection=expected)


@pytest.mark.parametrize("changes", [{"epoch": 0}, {"epoch": 2}, {"generation": 0}, {"generation": 2}])
def test_a_commit_for_another_epoch_or_generation_is_superseded(store: ConnectionStore, changes: Any) -> None:
    row = make_leased(store)
    assert commit(store, row, **changes) == CommitSuperseded(connection=row)
    assert store.get(row.key) == row


def test_a_commit_makes_no_row(store: ConnectionStore) -> None:
    row = replace(make_leased(store), connection_id="absent")
    assert commit(store, row) == CommitSuperseded(connection=None)
    assert store.find(row.key) is None


def test_a_success_is_kept_though_the_lease_is_anothers_whose_lease_stays(store: ConnectionStore) -> None:
    row = make_active(store)
    lease(store, row, "owner-2")
    row = store.get(row.key)
    token_set = commit_of(row, at=10)
    assert store.commit_token_set(row.key, token_set) == CommitAccepted(connection=committed(row, token_set))
    assert store.get(row.key).lease == row.lease


def test_a_success_is_kept_without_a_lease_and_its_publication_is_due_at_once(store: ConnectionStore) -> None:
    row = make_active(store)
    token_set = commit_of(row, at=10)
    expected = committed(row, token_set, due_at=after(10))
    assert store.commit_token_set(row.key, token_set) == CommitAccepted(connection=expected)
    assert [entry.due_at for entry in due(store, after(11))] == [after(10)]


def test_a_commit_whose_answer_was_lost_recognises_itself(under_test: StoreUnderTest) -> None:
    row = make_leased(under_test.store)
    under_test.lose_next_answer()
    with pytest.raises(StoreUnavailableError):
        commit(under_test.store, row)
    again = commit(under_test.store, row)
    assert isinstance(again, CommitAccepted)
    assert again.connection == under_test.store.get(row.key)
    assert again.connection.generation == row.generation + 1


def test_a_commit_recognises_itself_after_a_hold_was_set(store: ConnectionStore) -> None:
    row = make_leased(store)
    commit(store, row)
    now = store.get(row.key)
    store.set_hold(row.key, expected=now, on_hold=True, now=after(11))
    assert commit(store, row) == CommitAccepted(connection=store.get(row.key))


def test_a_commit_neither_sees_nor_lifts_a_hold(store: ConnectionStore) -> None:
    row = make_leased(store)
    held = store.set_hold(row.key, expected=row, on_hold=True, now=after(5))
    assert held is not None
    result = commit(store, row)
    assert isinstance(result, CommitAccepted)
    assert result.connection.on_hold
    assert result.connection.publication_number == held.publication_number + 1


def test_a_commit_brings_a_connection_back_that_was_declared_dead(store: ConnectionStore) -> None:
    row = make_leased(store)
    failure = FailureRecord(cause="grant_dead", code="invalid_grant", count=1, failed_at=after(5))
    store.record_verdict(row.key, expected=row, owner="owner-1", failure=failure)
    result = commit(store, row)
    assert isinstance(result, CommitAccepted)
    assert (result.connection.status, result.connection.failure) == (ConnectionStatus.ACTIVE, None)


def test_a_commit_after_a_disconnect_is_superseded_by_it(store: ConnectionStore) -> None:
    row = make_leased(store)
    gone = store.disconnect(row.key, expected=row, revoke=True, now=after(5))
    assert commit(store, row) == CommitSuperseded(connection=gone)


def test_a_commit_publishes_where_the_row_says_now(store: ConnectionStore) -> None:
    """The mode changed while the lease was over: the write looks again."""
    row = make_leased(store)
    assert store.release_lease(
        row.key,
        owner="owner-1",
        failure=None,
        due_at=None,
        cooldown_until=None,
        attempt_is_closed=False,
        now=after(1),
    )
    changed = store.update_settings(
        row.key,
        expected=row,
        name="",
        display_name="",
        policy=row.policy,
        publication=PublicationMode.API_ONLY,
        refresh_at=row.refresh_at,
        now=after(2),
    )
    assert changed is not None
    result = commit(store, row)
    assert isinstance(result, CommitAccepted)
    assert result.connection.publication_number == changed.publication_number
    assert result.connection.due_at == after(2410)


def test_instants_and_nothing_survive_the_store(store: ConnectionStore) -> None:
    row = make_leased(store)
    token_set = commit_of(
        row,
        at=10,
        expires_at=None,
        refresh_token_expires_at=None,
        refresh_at=None,
        consent=None,
        due_at=None,
        scope="",
    )
    result = store.commit_token_set(row.key, token_set)
    assert isinstance(result, CommitAccepted)
    assert result.connection == committed(row, token_set)
    assert (result.connection.expires_at, result.connection.refresh_at) == (None, None)


# acknowledgements


def test_the_holders_acknowledgement_ends_the_lease(store: ConnectionStore) -> None:
    row = make_leased(store)
    commit(store, row)
    row = store.get(row.key)
    assert acknowledge(store, row.publication_number, owner="owner-1", due_at=row.refresh_at)
    expected = replace(row, published_number=row.publication_number, lease=None, due_at=row.refresh_at)
    assert store.get(row.key) == expected


@pytest.mark.parametrize("owner", [None, "owner-2"])
def test_anothers_acknowledgement_leaves_a_live_lease_and_its_due_instant(
    store: ConnectionStore, owner: str | None
) -> None:
    row = make_leased(store)
    commit(store, row)
    row = store.get(row.key)
    assert acknowledge(store, row.publication_number, owner=owner, due_at=row.refresh_at)
    assert store.get(row.key) == replace(row, published_number=row.publication_number)


@pytest.mark.parametrize("owner", [None, "owner-2"])
def test_an_acknowledgement_after_the_lease_is_over_sets_the_plan(
    store: ConnectionStore, owner: str | None
) -> None:
    row = make_leased(store)
    commit(store, row)
    row = store.get(row.key)
    assert acknowledge(store, row.publication_number, owner=owner, at=60, due_at=row.refresh_at)
    assert store.get(row.key).due_at == row.refresh_at


def test_only_the_newest_number_is_acknowledged_and_only_upwards(store: ConnectionStore) -> None:
    row = make_active(store, published=False)
    newest = row.publication_number
    assert not acknowledge(store, newest - 1)
    assert not acknowledge(store, newest + 1)
    assert store.get(row.key) == row
    assert acknowledge(store, newest)
    done = store.get(row.key)
    assert not acknowledge(store, newest, due_at=after(77)), "it was acknowledged before"
    assert store.get(row.key) == done


def test_an_acknowledgement_of_nothing_makes_no_row(store: ConnectionStore) -> None:
    assert not acknowledge(store, 1)
    assert not acknowledge(store, 1, owner="owner-1")
    assert store.find(key_of()) is None


def test_the_first_token_set_of_a_connecting_row_is_stored_with_the_account(store: ConnectionStore) -> None:
    store.create_connecting(connecting())
    row = store.get(key_of())
    connect = first_connect(row)
    result = store.connect(connect)
    token_set = connect.commit
    expected = committed(row, token_set, epoch=1, due_at=token_set.now, origin=connect.origin)
    assert result == CommitAccepted(connection=expected)
    assert store.get(row.key) == expected
