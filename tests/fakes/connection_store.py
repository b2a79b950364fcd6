"""The connections in memory: each method of the refresh protocol is its port's sentence made literal."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    FailureRecord,
    Lease,
    PublicationMode,
)
from evertoken.domain.origin import NOBODY, Origin
from evertoken.ports import CommitAccepted, CommitSuperseded, LeaseGranted, LeaseRefused, TokenSetCommit
from tests.fakes.connection_life import FakeConnectionLife


class FakeConnectionStore(FakeConnectionLife):
    """ConnectionStore."""

    def acquire_lease(
        self,
        key: ConnectionKey,
        *,
        epoch: int,
        generation: int,
        owner: str,
        now: datetime,
        until: datetime,
        due_by: datetime | None,
        origin: Origin = NOBODY,
    ) -> LeaseGranted | LeaseRefused:
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                return LeaseRefused(connection=None)
            is_free = (
                (row.epoch, row.generation) == (epoch, generation)
                and row.status is ConnectionStatus.ACTIVE
                and not row.on_hold
                and not row.is_leased(now)
                and (row.cooldown_until is None or row.cooldown_until <= (due_by or now))
                and (due_by is None or _is_due(row, due_by))
            )
            if not is_free:
                is_mine = row.lease is not None and row.lease.owner == owner
                return LeaseGranted(connection=row) if is_mine else LeaseRefused(connection=row)
            lease = Lease(owner=owner, until=until)
            attempts = row.open_attempts + 1
            changed = replace(
                row, lease=lease, attempted_at=now, open_attempts=attempts, due_at=until, origin=origin
            )
            return LeaseGranted(connection=self._write(changed, due_set_at=now))

    def commit_token_set(
        self, key: ConnectionKey, commit: TokenSetCommit
    ) -> CommitAccepted | CommitSuperseded:
        with self._lock:
            row = self._rows.get(key)
            if row is not None and row.commit_id == commit.commit_id:
                return CommitAccepted(connection=row)
            if row is None or (row.epoch, row.generation) != (commit.epoch, commit.generation):
                return CommitSuperseded(connection=row)
            owes = row.publication is PublicationMode.SECRETS_MANAGER
            changed = replace(
                self._with_token_set(row, commit),
                status=ConnectionStatus.ACTIVE,
                generation=row.generation + 1,
                publication_number=row.publication_number + (1 if owes else 0),
            )
            is_holder = row.lease is not None and row.lease.owner == commit.owner
            if is_holder and owes:
                return CommitAccepted(connection=self._write(changed))
            if is_holder:
                changed = replace(changed, lease=None)
            if is_holder or not row.is_leased(commit.now):
                changed = replace(changed, due_at=commit.now if owes else commit.due_at)
            return CommitAccepted(connection=self._write(changed, due_set_at=commit.now))

    def record_verdict(
        self, key: ConnectionKey, *, expected: Connection, owner: str, failure: FailureRecord
    ) -> bool:
        with self._lock:
            row = self._find_unchanged(key, expected)
            if row is None or row.lease is None or row.lease.owner != owner:
                return False
            changed = replace(
                row,
                status=ConnectionStatus.REAUTHORIZATION_REQUIRED,
                lease=None,
                refresh_at=None,
                cooldown_until=None,
                failure=failure,
                due_at=failure.failed_at if row.owes_publication else None,
                updated_at=failure.failed_at,
            )
            self._write(changed, due_set_at=failure.failed_at)
            return True

    def release_lease(
        self,
        key: ConnectionKey,
        *,
        owner: str,
        failure: FailureRecord | None,
        due_at: datetime | None,
        cooldown_until: datetime | None,
        attempt_is_closed: bool,
        now: datetime,
    ) -> bool:
        with self._lock:
            row = self._rows.get(key)
            if row is None or row.lease is None or row.lease.owner != owner:
                return False
            changed = replace(
                row,
                lease=None,
                failure=failure or row.failure,
                due_at=now if row.owes_publication else due_at,
                cooldown_until=cooldown_until,
                open_attempts=row.open_attempts - (1 if attempt_is_closed else 0),
            )
            self._write(changed, due_set_at=now)
            return True

    def acknowledge_publication(
        self, key: ConnectionKey, *, number: int, owner: str | None, due_at: datetime | None, now: datetime
    ) -> bool:
        with self._lock:
            row = self._rows.get(key)
            if row is None or row.publication_number != number or row.published_number >= number:
                return False
            is_holder = row.lease is not None and row.lease.owner == owner
            changed = replace(row, published_number=number)
            if is_holder:
                changed = replace(changed, lease=None)
            if is_holder or not row.is_leased(now):
                changed = replace(changed, due_at=due_at)
            self._write(changed, due_set_at=now)
            return True

    def postpone(
        self, key: ConnectionKey, *, epoch: int, generation: int, due_at: datetime | None, now: datetime
    ) -> bool:
        with self._lock:
            row = self._rows.get(key)
            if row is None or (row.epoch, row.generation) != (epoch, generation) or row.is_leased(now):
                return False
            if row.owes_publication or row.revocation is not None:
                return False
            if due_at is not None and (row.due_at is None or row.due_at > due_at):
                return False
            self._write(replace(row, due_at=due_at), due_set_at=now)
            return True

    def note_consent_ending(
        self, key: ConnectionKey, *, epoch: int, generation: int, notice_at: datetime, now: datetime
    ) -> bool:
        with self._lock:
            row = self._rows.get(key)
            if row is None or (row.epoch, row.generation) != (epoch, generation):
                return False
            if row.status is not ConnectionStatus.ACTIVE or row.consent_notice_at != notice_at:
                return False
            if row.consent_noticed_at is not None and row.consent_noticed_at >= notice_at:
                return False
            self._write(replace(row, consent_noticed_at=max(now, notice_at)))
            return True


def _is_due(row: Connection, due_by: datetime) -> bool:
    return row.open_attempts > 0 or (row.refresh_at is not None and row.refresh_at <= due_by)
