"""ConnectionStore, one suite for the fake and for DynamoDB: a connection that arrives whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from evertoken.domain.connection import Connection, ConnectionStatus, Sealed
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.origin import Origin, Trigger
from evertoken.ports import ConnectionStore
from tests.contract.store_under_test import (
    StoreUnderTest,
    after,
    build_dynamodb,
    connecting,
    due,
    key_of,
    make_active,
    moto_account,
    store,
    under_test,
)
from tests.simulation.mutation import Mutant, applied

__all__ = ["moto_account", "store", "under_test"]


def imported(connection_id: str = "conn-1", **changes: Any) -> Connection:
    row = connecting(connection_id)
    held = replace(
        row,
        status=ConnectionStatus.ACTIVE,
        epoch=1,
        generation=1,
        sealed=Sealed(key_id="2026-11", ciphertext=f"ciphertext of {connection_id}".encode()),
        issued_at=after(-600),
        expires_at=after(3000),
        scope="read",
        has_refresh_token=True,
        refresh_at=after(2000),
        due_at=after(2),
        publication_number=1,
        published_number=-1,
        commit_id="commit-1",
        origin=Origin(trigger=Trigger.IMPORT, actor="cli_1", correlation_id="c-1"),
    )
    return replace(held, **changes)


def test_an_imported_row_comes_back_as_it_was_and_has_its_account(store: ConnectionStore) -> None:
    row = imported()
    assert store.import_connection(row) == row.key
    assert store.get(row.key) == row
    found = store.find_account(
        tenant_id=row.tenant_id,
        registration_id=row.registration_id,
        user_id=row.user_id,
        account=row.account,
    )
    assert found == row.key
    assert [entry.due_at for entry in due(store, after(3))] == [after(2)]


def test_an_account_that_has_a_connection_keeps_it_and_nothing_is_written(store: ConnectionStore) -> None:
    first = make_active(store)
    assert store.import_connection(imported("conn-2", account=first.account)) == first.key
    assert store.find(key_of("conn-2")) is None
    assert store.get(first.key) == first


def test_an_import_whose_answer_was_lost_recognises_itself(under_test: StoreUnderTest) -> None:
    store, row = under_test.store, imported()
    under_test.lose_next_answer()
    with pytest.raises(StoreUnavailableError):
        store.import_connection(row)
    assert store.import_connection(row) == row.key
    assert store.get(row.key) == row


def test_of_two_imports_of_one_account_one_wins_and_both_say_which(store: ConnectionStore) -> None:
    rows = [imported(f"conn-{number}", account="shared") for number in range(4)]

    def bring(row: Connection) -> Any:
        for _ in range(5):
            try:
                return store.import_connection(row)
            except StoreUnavailableError:
                continue
        return None

    with ThreadPoolExecutor(max_workers=4) as pool:
        keys = set(pool.map(bring, rows))
    assert len(keys) == 1
    assert [row.key for row in rows if store.find(row.key) is not None] == list(keys)


def test_another_tenant_has_accounts_of_its_own(store: ConnectionStore) -> None:
    store.import_connection(imported())
    other = imported("conn-2", tenant_id="tenant-2", account=imported().account)
    assert store.import_connection(other) == other.key


def test_the_first_publication_is_acknowledged_from_below_the_empty_secret(store: ConnectionStore) -> None:
    row = imported()
    store.import_connection(row)
    assert store.acknowledge_publication(row.key, number=1, owner=None, due_at=row.refresh_at, now=after(5))
    now = store.get(row.key)
    assert (now.published_number, now.due_at) == (1, row.refresh_at)
    only_empty = imported("conn-2", publication_number=0)
    store.import_connection(only_empty)
    assert not store.postpone(only_empty.key, epoch=1, generation=1, due_at=after(9), now=after(5))
    assert store.acknowledge_publication(only_empty.key, number=0, owner=None, due_at=None, now=after(5))
    assert not store.acknowledge_publication(only_empty.key, number=0, owner=None, due_at=None, now=after(6))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            '"ConditionExpression": _IS_NEW',
            '"ConditionExpression": "attribute_not_exists(nothing)"',
            test_an_account_that_has_a_connection_keeps_it_and_nothing_is_written,
        ),
        (
            "(to_item(c, self._shards), bound)",
            "(to_item(c, self._shards),)",
            test_an_imported_row_comes_back_as_it_was_and_has_its_account,
        ),
    ],
)
def test_a_condition_that_the_adapter_forgets_is_seen(
    old: str, new: str, sentence: Any, moto_account: Any
) -> None:
    mutant = Mutant(
        name=old,
        module="evertoken.adapters.dynamodb_connections",
        function="DynamoDBConnections.import_connection",
        old=old,
        new=new,
        probe="",
        breach="",
    )
    store = build_dynamodb(moto_account).store
    with applied(mutant), pytest.raises(AssertionError):
        sentence(store)
