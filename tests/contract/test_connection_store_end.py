"""ConnectionStore, one suite for the fake and for DynamoDB: how a connection ends: revoked, retired, forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PendingRevocation,
    Sealed,
)
from evertoken.domain.errors import StoreUnavailableError
from evertoken.ports import CommitAccepted, ConnectionStore
from tests.contract.store_under_test import (
    NOW,
    StoreUnderTest,
    after,
    commit_of,
    connecting,
    due,
    first_connect,
    key_of,
    make_active,
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


def test_a_revocation_is_dropped_when_it_is_done_and_counted_when_it_is_not(store: ConnectionStore) -> None:
    row = make_disconnected(store)
    assert row.revocation is not None
    assert finish(store, row, retry=True, due_at=after(60))
    counted = store.get(row.key)
    assert counted.revocation == replace(row.revocation, attempts=1)
    assert counted.due_at == after(60)
    assert finish(store, row)
    assert store.get(row.key) == replace(row, revocation=None, due_at=after(86_400), updated_at=after(7))
    assert not finish(store, row), "there is none any more"


def test_a_revocation_is_not_done_before_readers_have_lost_the_token(store: ConnectionStore) -> None:
    row = make_disconnected(store, published=False)
    assert not finish(store, row)
    assert store.get(row.key) == row


def test_a_revocation_is_not_done_when_newer_tokens_came_or_the_epoch_moved(store: ConnectionStore) -> None:
    row = make_disconnected(store)
    assert not finish(store, row, epoch=row.epoch - 1)
    assert store.replace_revocation(row.key, epoch=row.epoch, revocation=NEWER, now=after(8))
    assert not finish(store, row), "the newer tokens are still to be revoked"
    replaced = store.get(row.key)
    assert (replaced.revocation, replaced.due_at) == (NEWER, after(8))
    assert finish(store, replaced)


def test_only_a_disconnected_row_of_that_epoch_takes_another_revocation(store: ConnectionStore) -> None:
    row = make_active(store)
    assert not store.replace_revocation(row.key, epoch=row.epoch, revocation=NEWER, now=NOW)
    gone = store.disconnect(row.key, expected=row, revoke=False, now=NOW)
    assert gone is not None
    assert gone.revocation is None
    assert not store.replace_revocation(row.key, epoch=row.epoch, revocation=NEWER, now=NOW)
    assert store.replace_revocation(row.key, epoch=gone.epoch, revocation=NEWER, now=NOW)


def test_a_retired_connection_frees_its_account_and_is_due_until_its_secret_is_gone(
    store: ConnectionStore,
) -> None:
    row = make_disconnected(store)
    assert store.retire(row.key, expected=row, now=after(9))
    retired = store.get(row.key)
    expected = replace(
        row, status=ConnectionStatus.RETIRED, revocation=None, due_at=after(9), updated_at=after(9)
    )
    assert retired == expected
    assert account_of(store, row) is None
    store.forget_retired_secret(row.key, expected=retired, now=after(10))
    assert store.get(row.key) == replace(expected, due_at=None, updated_at=after(10))
    assert due(store, after(100_000)) == []


def test_retiring_that_died_between_its_writes_is_finished_when_the_secret_is_gone(
    under_test: StoreUnderTest,
) -> None:
    store = under_test.store
    row = make_disconnected(store)
    under_test.lose_next_answer()
    with pytest.raises(StoreUnavailableError):
        store.retire(row.key, expected=row, now=after(9))
    store.forget_retired_secret(row.key, expected=store.get(row.key), now=after(10))
    assert account_of(store, row) is None


def test_a_retired_connections_account_that_is_anothers_now_is_left_alone(store: ConnectionStore) -> None:
    row = make_disconnected(store)
    store.retire(row.key, expected=row, now=after(9))
    store.create_connecting(connecting("conn-2"))
    other = first_connect(store.get(key_of("conn-2")), account=row.account)
    assert isinstance(store.connect(other), CommitAccepted)
    store.forget_retired_secret(row.key, expected=store.get(row.key), now=after(10))
    assert account_of(store, row) == key_of("conn-2")


def test_what_is_not_retired_is_not_forgotten(store: ConnectionStore) -> None:
    row = make_active(store)
    store.forget_retired_secret(row.key, expected=replace(row, account=""), now=after(10))
    assert store.get(row.key) == row
    assert commit_of(row)
