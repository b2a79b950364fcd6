"""How a connection begins, changes and ends, in memory: each method is its port's sentence made literal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    publication_numbers,
)
from evertoken.domain.due import due_when_settled
from evertoken.domain.origin import NOBODY, Origin
from evertoken.ports import CommitAccepted, CommitSuperseded, FirstConnect
from tests.fakes.connection_rows import FakeRows


class FakeConnectionLife(FakeRows):
    """All of ConnectionStore that is not the refresh protocol."""

    def create_connecting(self, connection: Connection) -> None:
        with self._lock:
            if connection.key not in self._rows:
                self._write(connection, due_set_at=connection.updated_at)

    def connect(self, connect: FirstConnect) -> CommitAccepted | CommitSuperseded:
        with self._lock:
            before, commit = connect.connection, connect.commit
            row = self._rows.get(before.key)
            if row is not None and row.commit_id == commit.commit_id:
                return CommitAccepted(connection=row)
            row = self._find_unchanged(before.key, before)
            account = (before.tenant_id, connect.registration_id, before.user_id, connect.account)
            if row is None or self._accounts.get(account, before.connection_id) != before.connection_id:
                return CommitSuperseded(connection=self._rows.get(before.key))
            self._accounts[account] = before.connection_id
            numbers = publication_numbers(
                before.publication, connect.publication, shows_token=not before.on_hold
            )
            changed = replace(
                self._with_token_set(row, commit),
                status=ConnectionStatus.ACTIVE,
                epoch=row.epoch + 1,
                generation=row.generation + 1,
                publication_number=row.publication_number + numbers,
                provider_id=connect.provider_id,
                registration_id=connect.registration_id,
                binding=connect.binding,
                account=connect.account,
                name=connect.name,
                display_name=connect.display_name,
                policy=connect.policy,
                publication=connect.publication,
                lease=None,
                disconnected_at=None,
                revocation=None,
                consent_noticed_at=None,
                due_at=commit.now if numbers else commit.due_at,
                origin=connect.origin,
            )
            return CommitAccepted(connection=self._write(changed, due_set_at=commit.now))

    def import_connection(self, connection: Connection) -> ConnectionKey:
        with self._lock:
            c = connection
            account = (c.tenant_id, c.registration_id, c.user_id, c.account)
            if account in self._accounts or c.key in self._rows:
                return ConnectionKey(tenant_id=c.tenant_id, connection_id=self._accounts[account])
            self._accounts[account] = c.connection_id
            self._write(c, due_set_at=c.updated_at)
            return c.key

    def disconnect(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        revoke: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        with self._lock:
            row = self._find_unchanged(key, expected)
            if row is None:
                return None
            revocation = row.revocation
            if revoke and expected.sealed is not None:
                revocation = PendingRevocation(
                    sealed=expected.sealed, epoch=expected.epoch, generation=expected.generation
                )
            numbers = publication_numbers(row.publication, row.publication, shows_token=False)
            changed = replace(
                row,
                status=ConnectionStatus.DISCONNECTED,
                epoch=row.epoch + 1,
                publication_number=row.publication_number + numbers,
                sealed=None,
                has_refresh_token=False,
                expires_at=None,
                refresh_at=None,
                refresh_token_expires_at=None,
                consent_ends_at=None,
                consent_notice_at=None,
                consent_noticed_at=None,
                lease=None,
                cooldown_until=None,
                open_attempts=0,
                revocation=revocation,
                disconnected_at=now,
                due_at=now,
                updated_at=now,
                origin=origin,
            )
            return self._write(changed, due_set_at=now)

    def set_hold(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        on_hold: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        with self._lock:
            row = self._find_unchanged(key, expected)
            if row is None:
                return None
            shows_token = row.sealed is not None and not on_hold
            numbers = publication_numbers(row.publication, row.publication, shows_token=shows_token)
            changed = replace(
                row,
                on_hold=on_hold,
                publication_number=row.publication_number + numbers,
                updated_at=now,
                origin=origin,
            )
            changed = replace(changed, due_at=now if numbers else due_when_settled(changed))
            return self._write(changed, due_set_at=now)

    def update_settings(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        name: str,
        display_name: str,
        policy: RefreshPolicy,
        publication: PublicationMode,
        refresh_at: datetime | None,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        with self._lock:
            row = self._find_unchanged(key, expected)
            if row is None or row.is_leased(now) or _settings_of(row) != _settings_of(expected):
                return None
            numbers = 0
            if publication is not row.publication:
                shows_token = row.sealed is not None and not row.on_hold
                numbers = publication_numbers(row.publication, publication, shows_token=shows_token)
            changed = replace(
                row,
                name=name,
                display_name=display_name,
                policy=policy,
                publication=publication,
                refresh_at=refresh_at,
                publication_number=row.publication_number + numbers,
                updated_at=now,
                origin=origin,
            )
            changed = replace(changed, due_at=now if changed.owes_publication else due_when_settled(changed))
            return self._write(changed, due_set_at=now)

    def finish_revocation(
        self,
        key: ConnectionKey,
        *,
        epoch: int,
        revoked: PendingRevocation,
        due_at: datetime | None,
        retry: bool,
        now: datetime,
    ) -> bool:
        with self._lock:
            row = self._find_disconnected(key, epoch)
            if row is None or row.revocation is None or row.owes_publication:
                return False
            pending = row.revocation
            if (pending.epoch, pending.generation) != (revoked.epoch, revoked.generation):
                return False
            kept = replace(pending, attempts=pending.attempts + 1) if retry else None
            self._write(replace(row, revocation=kept, due_at=due_at, updated_at=now), due_set_at=now)
            return True

    def replace_revocation(
        self, key: ConnectionKey, *, epoch: int, revocation: PendingRevocation, now: datetime
    ) -> bool:
        with self._lock:
            row = self._find_disconnected(key, epoch)
            if row is None:
                return False
            self._write(replace(row, revocation=revocation, due_at=now), due_set_at=now)
            return True

    def retire(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> bool:
        with self._lock:
            row = self._find_unchanged(key, expected)
            if row is None:
                return False
            changed = replace(
                row, status=ConnectionStatus.RETIRED, revocation=None, due_at=now, updated_at=now
            )
            self._write(changed, due_set_at=now)
            self._free_account(row)
            return True

    def forget_retired_secret(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> None:
        with self._lock:
            self._free_account(expected)
            row = self._rows.get(key)
            if row is not None and row.status is ConnectionStatus.RETIRED:
                self._write(replace(row, due_at=None, updated_at=now), due_set_at=now)

    def _find_disconnected(self, key: ConnectionKey, epoch: int) -> Connection | None:
        row = self._rows.get(key)
        is_so = row is not None and row.epoch == epoch and row.status is ConnectionStatus.DISCONNECTED
        return row if is_so else None

    def _free_account(self, row: Connection) -> None:
        account = (row.tenant_id, row.registration_id, row.user_id, row.account)
        if self._accounts.get(account) == row.connection_id:
            del self._accounts[account]


def _settings_of(row: Connection) -> tuple[str, str, RefreshPolicy]:
    return row.name, row.display_name, row.policy
