"""Rows in a dict behind a lock: what every part of the fake store builds on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from evertoken.domain.connection import Connection, ConnectionKey
from evertoken.domain.errors import ConnectionNotFoundError
from evertoken.ports import Clock, ConnectionFilter, ConnectionPage, DueConnection, TokenSetCommit
from tests.fakes.connection_list import list_rows
from tests.fakes.due_index import FakeDueIndex

AccountKey = tuple[str, str, str, str]


class FakeRows:
    """The rows, the due index beside them, and which account is whose.

    `history` keeps every version of every row, in the order of the writes.
    """

    def __init__(self, clock: Clock, *, shards: int = 16) -> None:
        self.index = FakeDueIndex(clock, shards=shards)
        self.history: list[Connection] = []
        self.writes = 0
        self._rows: dict[ConnectionKey, Connection] = {}
        self._due_set_at: dict[ConnectionKey, datetime] = {}
        self._accounts: dict[AccountKey, str] = {}
        self._lock = threading.RLock()

    # reading

    def get(self, key: ConnectionKey) -> Connection:
        row = self.find(key)
        if row is None:
            raise ConnectionNotFoundError
        return row

    def find(self, key: ConnectionKey) -> Connection | None:
        return self._rows.get(key)

    def find_due(self, *, shard: int, before: datetime) -> Iterator[Sequence[DueConnection]]:
        with self._lock:
            pages = list(self.index.query(shard, before))
        yield from pages

    def find_account(
        self, *, tenant_id: str, registration_id: str, user_id: str, account: str
    ) -> ConnectionKey | None:
        connection_id = self._accounts.get((tenant_id, registration_id, user_id, account))
        return (
            None if connection_id is None else ConnectionKey(tenant_id=tenant_id, connection_id=connection_id)
        )

    def list_by_tenant(
        self, tenant_id: str, *, only: ConnectionFilter, limit: int, position: str | None
    ) -> ConnectionPage:
        return list_rows(self._rows.values(), tenant_id, only=only, limit=limit, position=position)

    # parts

    def _write(self, row: Connection, *, due_set_at: datetime | None = None) -> Connection:
        before = self._rows.get(row.key)
        if due_set_at is not None and (before is None or before.due_at != row.due_at):
            self._due_set_at[row.key] = due_set_at
        self._rows[row.key] = row
        self.history.append(row)
        self.writes += 1
        self.index.put(row, self._due_set_at.get(row.key))
        return row

    def _find_unchanged(self, key: ConnectionKey, expected: Connection) -> Connection | None:
        row = self._rows.get(key)
        return row if row is not None and _fence(row) == _fence(expected) else None

    def _with_token_set(self, row: Connection, commit: TokenSetCommit) -> Connection:
        return replace(
            row,
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
            commit_id=commit.commit_id,
            open_attempts=0,
            failure=None,
            cooldown_until=None,
            updated_at=commit.now,
        )


def _fence(row: Connection) -> tuple[Any, ...]:
    return row.epoch, row.generation, row.status, row.publication_number
