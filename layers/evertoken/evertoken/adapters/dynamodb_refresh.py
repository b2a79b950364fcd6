"""The refresh protocol's writes: lease, commit, verdict, release, acknowledgement (DESIGN section 3)."""

from __future__ import annotations

from datetime import datetime

from evertoken.adapters.dynamodb_keys import listed_at
from evertoken.adapters.dynamodb_rows import ConnectionRows
from evertoken.adapters.dynamodb_values import Update
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    FailureRecord,
    PublicationMode,
)
from evertoken.domain.origin import NOBODY, Origin
from evertoken.ports import CommitAccepted, CommitSuperseded, LeaseGranted, LeaseRefused, TokenSetCommit


class RefreshedRows(ConnectionRows):
    """The part of ConnectionStore that the refresh protocol uses."""

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
        update = self._at(epoch, generation)
        update.require("status", "=", ConnectionStatus.ACTIVE.value).require_absent("on_hold")
        update.require_absent_or("lease_until", "<=", now).require_absent_or(
            "cooldown_until", "<=", due_by or now
        )
        if due_by is not None:
            update.require_either(("refresh_at", "<=", due_by), ("open_attempts", ">", 0))
        update.set("lease_owner", owner).set("lease_until", until).set("attempted_at", now).add(
            "open_attempts", 1
        )
        self._set_origin(update, origin)
        self._set_due(update, key, until, now=now)
        written, row = self._write(key, update)
        if row is None:
            return LeaseRefused(connection=None)
        recognised = row.lease is not None and row.lease.owner == owner
        return LeaseGranted(connection=row) if written or recognised else LeaseRefused(connection=row)

    def commit_token_set(
        self, key: ConnectionKey, commit: TokenSetCommit
    ) -> CommitAccepted | CommitSuperseded:
        is_published = commit.publication is PublicationMode.SECRETS_MANAGER
        update = self._commit_update(commit, publication=commit.publication).require(
            "lease_owner", "=", commit.owner
        )
        if not is_published:
            update.remove("lease_owner", "lease_until")
            self._set_due(update, key, commit.due_at, now=commit.now)
        written, row = self._write(key, update)
        while not written and row is not None and row.commit_id != commit.commit_id:
            if (row.epoch, row.generation) != (commit.epoch, commit.generation):
                return CommitSuperseded(connection=row)
            update = self._commit_update(
                commit, publication=row.publication
            )  # the lease is not ours any more: no reason to lose a grant
            if not row.is_leased(commit.now):
                owed = row.publication is PublicationMode.SECRETS_MANAGER
                self._set_due(update, key, commit.now if owed else commit.due_at, now=commit.now)
            written, row = self._write(key, update)
        return CommitSuperseded(connection=None) if row is None else CommitAccepted(connection=row)

    def record_verdict(
        self, key: ConnectionKey, *, expected: Connection, owner: str, failure: FailureRecord
    ) -> bool:
        update = self._unchanged(expected).require("lease_owner", "=", owner)
        update.set("status", ConnectionStatus.REAUTHORIZATION_REQUIRED.value).set(
            "updated_at", failure.failed_at
        )
        update.remove("lease_owner", "lease_until", "refresh_at", "cooldown_until")
        # Dead grants only grow in number: whoever asks what expires soon must not read all of them first.
        update.set("listed_at", listed_at(None))
        self._set_failure(update, failure)
        due_at = failure.failed_at if expected.owes_publication else None
        self._set_due(update, key, due_at, now=failure.failed_at)
        return self._write(key, update)[0]

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
        def release() -> Update:
            update = Update().require("lease_owner", "=", owner).remove("lease_owner", "lease_until")
            update.set("cooldown_until", cooldown_until)
            if failure is not None:
                self._set_failure(update, failure)
            return update.add("open_attempts", -1) if attempt_is_closed else update

        update = release().require_equal("published_number", "publication_number")
        self._set_due(update, key, due_at, now=now)
        written, row = self._write(key, update)
        if written or row is None or row.lease is None or row.lease.owner != owner:
            return written
        update = release()  # a hold or an earlier publication is owed: that does not wait for the next try
        self._set_due(update, key, now, now=now)
        return self._write(key, update)[0]

    def acknowledge_publication(
        self, key: ConnectionKey, *, number: int, owner: str | None, due_at: datetime | None, now: datetime
    ) -> bool:
        def acknowledgement() -> Update:
            update = (
                Update().require("publication_number", "=", number).require("published_number", "<", number)
            )
            return update.set("published_number", number)

        if owner is not None:
            update = acknowledgement().require("lease_owner", "=", owner).remove("lease_owner", "lease_until")
            self._set_due(update, key, due_at, now=now)
            written, row = self._write(key, update)
            if written or row is None or row.published_number >= number or row.publication_number != number:
                return written
        update = acknowledgement().require_absent_or("lease_until", "<=", now)
        self._set_due(update, key, due_at, now=now)
        written, row = self._write(key, update)
        if written or row is None or row.published_number >= number or row.publication_number != number:
            return written
        return self._write(key, acknowledgement())[
            0
        ]  # another worker's lease is live: it sees to what is due

    def postpone(
        self, key: ConnectionKey, *, epoch: int, generation: int, due_at: datetime | None, now: datetime
    ) -> bool:
        update = self._at(epoch, generation).require_absent_or("lease_until", "<=", now)
        update.require_equal("published_number", "publication_number").require_absent("revocation_sealed")
        if due_at is not None:
            update.require("due_at", "<=", due_at)
        self._set_due(update, key, due_at, now=now)
        return self._write(key, update)[0]

    def note_consent_ending(
        self, key: ConnectionKey, *, epoch: int, generation: int, notice_at: datetime, now: datetime
    ) -> bool:
        update = self._at(epoch, generation).require("status", "=", ConnectionStatus.ACTIVE.value)
        update.require("consent_notice_at", "=", notice_at)
        update.require_absent_or("consent_noticed_at", "<", notice_at)
        return self._write(key, update.set("consent_noticed_at", max(now, notice_at)))[0]
