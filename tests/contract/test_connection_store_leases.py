"""ConnectionStore, one suite for the fake and for DynamoDB: leases, and how an attempt ends without a token set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.connection import Connection, ConnectionStatus, FailureRecord, Lease
from evertoken.domain.errors import StoreUnavailableError
from evertoken.ports import ConnectionStore, LeaseGranted, LeaseRefused
from tests.contract.store_under_test import (
    NOW,
    StoreUnderTest,
    after,
    due,
    key_of,
    lease,
    make_active,
    make_leased,
    moto_account,
    store,
    under_test,
)

__all__ = ["moto_account", "store", "under_test"]
FAILURE = FailureRecord(cause="throttled", code="http_429", count=3, failed_at=NOW)


def release(store: ConnectionStore, owner: str = "owner-1", **changes: Any) -> bool:
    arguments: dict[str, Any] = {
        "owner": owner,
        "failure": FAILURE,
        "due_at": after(120),
        "cooldown_until": after(100),
        "attempt_is_closed": True,
        "now": after(1),
    }
    return store.release_lease(key_of(), **(arguments | changes))


def test_a_lease_returns_the_row_with_the_attempt_written_down(store: ConnectionStore) -> None:
    row = make_active(store)
    granted = lease(store, row, at=5)
    expected = replace(
        row,
        lease=Lease(owner="owner-1", until=after(65)),
        attempted_at=after(5),
        open_attempts=1,
        due_at=after(65),
    )
    assert granted == LeaseGranted(connection=expected)
    assert store.get(row.key) == expected


def test_a_missing_row_refuses_its_lease_and_is_not_made(store: ConnectionStore) -> None:
    row = make_active(store)
    missing = replace(row, connection_id="absent")
    assert lease(store, missing) == LeaseRefused(connection=None)
    assert store.find(missing.key) is None


@pytest.mark.parametrize("changes", [{"epoch": 2}, {"epoch": 0}, {"generation": 2}, {"generation": 0}])
def test_another_epoch_or_generation_refuses_and_returns_the_row(
    store: ConnectionStore, changes: Any
) -> None:
    row = make_active(store)
    assert lease(store, row, **changes) == LeaseRefused(connection=row)


def test_a_live_lease_refuses_another_owner_until_it_is_over(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert lease(store, row, "owner-2", at=59.999) == LeaseRefused(connection=row)
    granted = lease(store, row, "owner-2", at=60)
    assert isinstance(granted, LeaseGranted)
    assert granted.connection.lease == Lease(owner="owner-2", until=after(120))
    assert granted.connection.open_attempts == 2


def test_a_lease_write_whose_answer_was_lost_recognises_itself(under_test: StoreUnderTest) -> None:
    row = make_active(under_test.store)
    under_test.lose_next_answer()
    with pytest.raises(StoreUnavailableError):
        lease(under_test.store, row)
    granted = lease(under_test.store, row)
    assert isinstance(granted, LeaseGranted)
    assert granted.connection.open_attempts == 1, "the attempt is counted once"


@pytest.mark.parametrize(("due_by", "is_granted"), [(None, True), (2399, False), (2400, True), (2401, True)])
def test_a_hint_gets_the_lease_only_when_the_plan_is_due(
    store: ConnectionStore, due_by: int | None, is_granted: bool
) -> None:
    row = make_active(store)
    result = lease(store, row, at=10, due_by=None if due_by is None else after(due_by))
    assert isinstance(result, LeaseGranted) is is_granted


def test_a_row_with_an_open_attempt_is_due_for_a_hint_before_its_plan(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert isinstance(lease(store, row, "owner-2", at=61, due_by=after(61)), LeaseGranted)


def test_a_row_without_a_plan_is_not_due_for_a_hint(store: ConnectionStore) -> None:
    row = make_active(store)
    assert store.update_settings(
        row.key,
        expected=row,
        name="",
        display_name="",
        policy=row.policy,
        publication=row.publication,
        refresh_at=None,
        now=NOW,
    )
    assert isinstance(lease(store, row, due_by=after(10_000)), LeaseRefused)
    assert isinstance(lease(store, row, due_by=None), LeaseGranted)


def test_a_cool_down_refuses_until_it_is_over(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert release(store)
    assert isinstance(lease(store, row, at=99), LeaseRefused)
    assert isinstance(lease(store, row, at=99, due_by=after(99)), LeaseRefused)
    assert isinstance(lease(store, row, at=100), LeaseGranted)


@pytest.mark.parametrize("end", ["hold", "disconnect", "verdict"])
def test_what_is_not_active_has_no_lease_to_give(store: ConnectionStore, end: str) -> None:
    row = make_active(store)
    if end == "hold":
        store.set_hold(row.key, expected=row, on_hold=True, now=NOW)
    elif end == "disconnect":
        store.disconnect(row.key, expected=row, revoke=True, now=NOW)
    else:
        row = make_leased(store, "conn-2")
        store.record_verdict(row.key, expected=row, owner="owner-1", failure=FAILURE)
    now = store.get(row.key)
    assert lease(store, now, at=61) == LeaseRefused(connection=now)


def test_a_released_lease_leaves_cause_cool_down_and_due_instant(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert release(store)
    expected = replace(
        row, lease=None, failure=FAILURE, due_at=after(120), cooldown_until=after(100), open_attempts=0
    )
    assert store.get(row.key) == expected
    assert [entry.due_at for entry in due(store, after(121))] == [after(120)]


def test_a_release_without_failure_keeps_the_last_one_and_may_leave_the_attempt_open(
    store: ConnectionStore,
) -> None:
    row = make_leased(store)
    assert release(store)
    lease(store, row, at=200)
    assert release(store, failure=None, cooldown_until=None, due_at=None, attempt_is_closed=False)
    now = store.get(row.key)
    assert (now.failure, now.cooldown_until, now.due_at, now.open_attempts) == (FAILURE, None, None, 1)
    assert due(store, after(10_000)) == []


def test_only_the_owner_can_release(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert not release(store, "owner-2")
    assert store.get(row.key) == row
    assert release(store)
    assert not release(store), "it is gone"


def test_a_release_of_a_row_that_owes_a_publication_leaves_it_due_at_once(store: ConnectionStore) -> None:
    make_leased(store, published=False)
    assert release(store, due_at=after(7200))
    assert store.get(key_of()).due_at == after(1)
    assert store.get(key_of()).cooldown_until == after(100)


def test_a_verdict_ends_the_connection_and_its_lease(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert store.record_verdict(row.key, expected=row, owner="owner-1", failure=FAILURE)
    expected = replace(
        row,
        status=ConnectionStatus.REAUTHORIZATION_REQUIRED,
        lease=None,
        refresh_at=None,
        due_at=None,
        failure=FAILURE,
        updated_at=NOW,
    )
    assert store.get(row.key) == expected
    assert due(store, after(10_000)) == []


@pytest.mark.parametrize("moved", ["owner", "epoch", "generation", "number", "status"])
def test_a_verdict_is_refused_when_anything_moved(store: ConnectionStore, moved: str) -> None:
    row = make_leased(store)
    expected: Connection = row
    owner = "owner-1"
    if moved == "owner":
        owner = "owner-2"
    elif moved == "number":
        expected = replace(row, publication_number=row.publication_number + 1)
    elif moved == "status":
        expected = replace(row, status=ConnectionStatus.REAUTHORIZATION_REQUIRED)
    else:
        expected = replace(row, **{moved: 0})
    assert not store.record_verdict(row.key, expected=expected, owner=owner, failure=FAILURE)
    assert store.get(row.key) == row


def test_a_verdict_on_a_row_that_owes_a_publication_leaves_it_due(store: ConnectionStore) -> None:
    row = make_leased(store, published=False)
    assert store.record_verdict(row.key, expected=row, owner="owner-1", failure=FAILURE)
    assert store.get(row.key).due_at == FAILURE.failed_at


def test_a_row_is_postponed_but_never_brought_forward(store: ConnectionStore) -> None:
    row = make_active(store)

    def postpone(seconds: int | None, **changes: Any) -> bool:
        arguments: dict[str, Any] = {
            "epoch": row.epoch,
            "generation": row.generation,
            "due_at": None if seconds is None else after(seconds),
            "now": after(3),
        }
        return store.postpone(row.key, **(arguments | changes))

    assert not postpone(2399)
    assert not postpone(3000, epoch=7)
    assert not postpone(3000, generation=7)
    assert store.get(row.key) == row
    assert postpone(3000)
    assert store.get(row.key) == replace(row, due_at=after(3000))
    assert postpone(None)
    assert store.get(row.key).due_at is None
    assert not postpone(4000), "what is never due cannot be postponed"


def test_a_row_that_is_leased_or_owes_something_is_not_postponed(store: ConnectionStore) -> None:
    leased = make_leased(store)
    owing = make_active(store, "conn-2", published=False)
    revoking = store.disconnect(leased.key, expected=leased, revoke=True, now=NOW)
    assert revoking is not None
    for row in (make_leased(store, "conn-3"), owing, revoking):
        assert not store.postpone(
            row.key, epoch=row.epoch, generation=row.generation, due_at=after(9000), now=after(1)
        )
        assert store.get(row.key) == row


def note(store: ConnectionStore, row: Connection, **changes: Any) -> bool:
    arguments: dict[str, Any] = {
        "epoch": row.epoch,
        "generation": row.generation,
        "notice_at": after(40_000),
        "now": after(40_001),
    }
    return store.note_consent_ending(row.key, **(arguments | changes))


def test_the_end_of_a_consent_is_noted_once_and_nothing_else_changes(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert row.consent_notice_at == after(40_000)
    assert note(store, row)
    assert store.get(row.key) == replace(row, consent_noticed_at=after(40_001))
    assert not note(store, row, now=after(40_002)), "it was told"
    assert store.get(row.key) == replace(row, consent_noticed_at=after(40_001))


@pytest.mark.parametrize(
    "changes", [{"epoch": 9}, {"generation": 9}, {"notice_at": after(40_001)}, {"notice_at": after(39_999)}]
)
def test_another_generation_or_another_notice_is_not_noted(store: ConnectionStore, changes: Any) -> None:
    row = make_active(store)
    assert not note(store, row, **changes)
    assert store.get(row.key) == row


def test_the_end_of_a_consent_that_is_over_is_not_noted(store: ConnectionStore) -> None:
    row = make_leased(store)
    assert store.record_verdict(row.key, expected=row, owner="owner-1", failure=FAILURE)
    assert not note(store, row)
