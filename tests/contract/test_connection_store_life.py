"""ConnectionStore, one suite for the fake and for DynamoDB: how a connection begins, is held, changed, ended and given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    Sealed,
)
from evertoken.domain.errors import ConnectionNotFoundError, StoreUnavailableError
from evertoken.ports import CommitAccepted, CommitSuperseded, ConnectionStore
from tests.contract.store_under_test import (
    NOW,
    StoreUnderTest,
    after,
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
NEWER = PendingRevocation(sealed=Sealed(key_id="2026-11", ciphertext=b"newer"), epoch=1, generation=2)


def account_of(store: ConnectionStore, row: Connection) -> ConnectionKey | None:
    return store.find_account(
        tenant_id=row.tenant_id, registration_id=row.registration_id, user_id=row.user_id, account=row.account
    )


def make_disconnected(store: ConnectionStore, *, published: bool = True) -> Connection:
    row = make_active(store)
    gone = store.disconnect(row.key, expected=row, revoke=True, now=after(5))
    assert gone is not None
    if published:
        number = gone.publication_number
        assert store.acknowledge_publication(
            row.key, number=number, owner=None, due_at=after(6), now=after(6)
        )
    return store.get(row.key)


def finish(store: ConnectionStore, row: Connection, **changes: Any) -> bool:
    arguments: dict[str, Any] = {
        "epoch": row.epoch,
        "revoked": row.revocation,
        "due_at": after(86_400),
        "retry": False,
        "now": after(7),
    }
    return store.finish_revocation(row.key, **(arguments | changes))


def test_what_is_not_there_is_not_found(store: ConnectionStore) -> None:
    assert store.find(key_of()) is None
    with pytest.raises(ConnectionNotFoundError):
        store.get(key_of())
    assert account_of(store, connecting()) is None


def test_a_row_is_made_once_and_comes_back_as_it_was(store: ConnectionStore) -> None:
    store.create_connecting(connecting())
    assert store.get(key_of()) == connecting()
    store.create_connecting(connecting(name="another"))
    assert store.get(key_of()) == connecting()


def test_a_row_is_seen_by_its_own_tenant_alone(store: ConnectionStore) -> None:
    store.create_connecting(connecting())
    assert store.find(replace(key_of(), tenant_id="tenant-2")) is None


def test_connecting_binds_the_account(store: ConnectionStore) -> None:
    row = make_active(store)
    assert account_of(store, row) == row.key
    for other in (
        {"tenant_id": "tenant-2"},
        {"user_id": "user-2"},
        {"account": "b"},
        {"registration_id": "reg-2"},
    ):
        assert account_of(store, replace(row, **other)) is None


def test_connecting_an_account_that_is_anothers_changes_nothing(store: ConnectionStore) -> None:
    first = make_active(store)
    store.create_connecting(connecting("conn-2"))
    second = store.get(key_of("conn-2"))
    assert store.connect(first_connect(second, account=first.account)) == CommitSuperseded(connection=second)
    assert store.get(second.key) == second
    assert account_of(store, first) == first.key


@pytest.mark.parametrize("moved", ["epoch", "generation", "number", "status"])
def test_connecting_a_row_that_moved_is_superseded_and_binds_nothing(
    store: ConnectionStore, moved: str
) -> None:
    store.create_connecting(connecting())
    row = store.get(key_of())
    stale = {
        "epoch": {"epoch": 1},
        "generation": {"generation": 1},
        "number": {"publication_number": 1},
        "status": {"status": ConnectionStatus.ACTIVE},
    }[moved]
    assert store.connect(first_connect(replace(row, **stale))) == CommitSuperseded(connection=row)
    assert account_of(store, row) is None


def test_a_connect_whose_answer_was_lost_recognises_itself(under_test: StoreUnderTest) -> None:
    store = under_test.store
    store.create_connecting(connecting())
    connect = first_connect(store.get(key_of()))
    under_test.lose_next_answer()
    with pytest.raises(StoreUnavailableError):
        store.connect(connect)
    assert store.connect(connect) == CommitAccepted(connection=store.get(key_of()))
    assert store.get(key_of()).generation == 1


def test_a_connect_whose_answer_was_lost_brings_nothing_back_that_was_disconnected_meanwhile(
    store: ConnectionStore,
) -> None:
    store.create_connecting(connecting())
    connect = first_connect(store.get(key_of()))
    store.connect(connect)
    gone = store.disconnect(key_of(), expected=store.get(key_of()), revoke=True, now=after(5))
    assert store.connect(connect) == CommitAccepted(connection=gone)
    assert store.get(key_of()) == gone


def test_a_reconnect_raises_epoch_and_generation_and_ends_lease_and_revocation(
    store: ConnectionStore,
) -> None:
    row = make_disconnected(store)
    connect = first_connect(row, name="anew", policy=RefreshPolicy.LAZY)
    result = store.connect(connect)
    assert isinstance(result, CommitAccepted)
    now = result.connection
    assert (now.epoch, now.generation, now.status) == (
        row.epoch + 1,
        row.generation + 1,
        ConnectionStatus.ACTIVE,
    )
    assert (now.revocation, now.disconnected_at, now.lease) == (None, None, None)
    assert (now.name, now.policy) == ("anew", RefreshPolicy.LAZY)
    assert now.publication_number == row.publication_number + 1


def test_a_connect_that_is_not_published_any_more_withdraws_twice(store: ConnectionStore) -> None:
    row = make_active(store)
    result = store.connect(first_connect(row, publication=PublicationMode.API_ONLY))
    assert isinstance(result, CommitAccepted)
    assert result.connection.publication_number == row.publication_number + 2
    leased = make_active(store, "conn-2", publication=PublicationMode.API_ONLY)
    assert leased.publication_number == 0, "nothing was ever published"


def test_a_disconnect_takes_the_tokens_out_and_keeps_them_for_the_revocation(store: ConnectionStore) -> None:
    row = make_leased(store)
    gone = store.disconnect(row.key, expected=row, revoke=True, now=after(5))
    assert gone is not None
    assert row.sealed is not None
    expected = replace(
        row,
        status=ConnectionStatus.DISCONNECTED,
        epoch=row.epoch + 1,
        sealed=None,
        has_refresh_token=False,
        expires_at=None,
        refresh_at=None,
        refresh_token_expires_at=None,
        consent_ends_at=None,
        consent_notice_at=None,
        lease=None,
        open_attempts=0,
        publication_number=row.publication_number + 2,
        revocation=PendingRevocation(sealed=row.sealed, epoch=row.epoch, generation=row.generation),
        disconnected_at=after(5),
        due_at=after(5),
        updated_at=after(5),
    )
    assert gone == expected
    assert store.get(row.key) == expected
    assert [entry.due_at for entry in due(store, after(6))] == [after(5)]


@pytest.mark.parametrize("stale", [{"epoch": 7}, {"generation": 7}, {"publication_number": 7}])
def test_disconnect_hold_settings_and_retirement_refuse_a_row_that_moved(
    store: ConnectionStore, stale: Any
) -> None:
    row = make_active(store)
    moved = replace(row, **stale)
    assert store.disconnect(row.key, expected=moved, revoke=True, now=NOW) is None
    assert store.set_hold(row.key, expected=moved, on_hold=True, now=NOW) is None
    assert not store.retire(row.key, expected=moved, now=NOW)
    assert store.get(row.key) == row


def test_a_hold_takes_two_numbers_and_its_lift_one_and_neither_moves_epoch_or_generation(
    store: ConnectionStore,
) -> None:
    row = make_leased(store)
    held = store.set_hold(row.key, expected=row, on_hold=True, now=after(5))
    number = row.publication_number
    assert held == replace(
        row, on_hold=True, publication_number=number + 2, due_at=after(5), updated_at=after(5)
    )
    assert store.get(row.key) == held
    lifted = store.set_hold(row.key, expected=held, on_hold=False, now=after(6))
    assert lifted == replace(row, publication_number=number + 3, due_at=after(6), updated_at=after(6))


def test_settings_are_changed_and_planned_anew(store: ConnectionStore) -> None:
    row = make_active(store)
    arguments: dict[str, Any] = {
        "name": "new",
        "display_name": "New",
        "policy": RefreshPolicy.LAZY,
        "publication": row.publication,
        "refresh_at": after(3000),
        "now": after(5),
    }
    changed = store.update_settings(row.key, expected=row, **arguments)
    expected = replace(
        row,
        name="new",
        display_name="New",
        policy=RefreshPolicy.LAZY,
        refresh_at=after(3000),
        due_at=after(3000),
        updated_at=after(5),
    )
    assert changed == expected
    arguments["publication"] = PublicationMode.API_ONLY
    withdrawn = store.update_settings(row.key, expected=expected, **arguments)
    assert withdrawn == replace(
        expected,
        publication=PublicationMode.API_ONLY,
        publication_number=row.publication_number + 2,
        due_at=after(5),
    )
    lease(store, row, at=10)
    assert (
        store.update_settings(row.key, expected=store.get(row.key), **(arguments | {"now": after(11)}))
        is None
    )


def test_of_two_changes_of_settings_made_from_one_row_the_second_does_not_undo_the_first(
    store: ConnectionStore,
) -> None:
    row = make_active(store)

    def change(**settings: Any) -> Connection | None:
        kept = {"name": row.name, "display_name": row.display_name, "policy": row.policy} | settings
        return store.update_settings(
            row.key,
            expected=row,
            publication=row.publication,
            refresh_at=row.refresh_at,
            now=after(5),
            **kept,  # type: ignore[arg-type]  # a table of settings
        )

    for first in ({"name": "new"}, {"display_name": "New"}, {"policy": RefreshPolicy.LAZY}):
        changed = change(**first)
        assert changed is not None
        assert change() is None, "the second was made from the row before the first"
        back = store.update_settings(
            row.key,
            expected=changed,
            name=row.name,
            display_name=row.display_name,
            policy=row.policy,
            publication=row.publication,
            refresh_at=row.refresh_at,
            now=after(5),
        )
        assert back is not None
