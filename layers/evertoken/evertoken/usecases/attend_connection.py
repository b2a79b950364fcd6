"""Look at the connection that a hint names and do what is owed there: refresh, publish, revoke, or retire."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from evertoken.domain.connection import Connection, ConnectionStatus
from evertoken.domain.consent import find_notice
from evertoken.domain.due import due_when_settled
from evertoken.domain.errors import InvalidInputError, VaultSealedError
from evertoken.domain.hint import Hint
from evertoken.usecases.invocation import Invocation
from evertoken.usecases.plan_renewal import HINT_SLACK_SECONDS
from evertoken.usecases.publish_connection import PublishResult, publish_connection
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResult, RefreshResultKind
from evertoken.usecases.refresh_connection import refresh_from_hint
from evertoken.usecases.retire_connection import delete_retired_secret, retire_connection
from evertoken.usecases.revoke_grant import revoke_grant


def attend_connection(deps: RefreshDependencies, hint: Hint, *, invocation: Invocation) -> RefreshResult:
    """Do what the row says is due; a hint that is late, repeated or wrong does nothing.

    A refresh is tried first, because its lease write returns the row. When the lease is not to be had, the row that the refusal returned says what
    else is owed.

    Raises:
        EvertokenError with `retryable` set: worth another delivery of the hint.
    """
    try:
        result = refresh_from_hint(deps, hint, invocation=invocation)
    except (InvalidInputError, VaultSealedError):
        _settle_without_client(deps, hint, invocation=invocation)
        raise
    row = result.connection
    if result.kind is RefreshResultKind.REGISTRATION_PAUSED and row is None:
        _settle_without_client(deps, hint, invocation=invocation)
        return result
    settled_by_others = (RefreshResultKind.REFRESHED, RefreshResultKind.IN_FLIGHT, RefreshResultKind.GONE)
    if row is None or result.kind in settled_by_others:
        return result
    if result.requests_sent and not row.owes_publication:
        _note_consent(deps, row)
        return result
    settle_connection(deps, row, invocation=invocation)
    return result


def _settle_without_client(deps: RefreshDependencies, hint: Hint, *, invocation: Invocation) -> None:
    """A client that cannot be made ready stops refreshes; what readers may see, and what is over, needs no client."""
    row = deps.store.find(hint.key)
    if row is not None:
        settle_connection(deps, row, invocation=invocation)


def settle_connection(deps: RefreshDependencies, row: Connection, *, invocation: Invocation) -> None:
    """Do what *row*, just read, owes besides a refresh: publication first, then revocation, then retirement."""
    if row.owes_publication:
        if publish_connection(deps.publishing, row) is PublishResult.PASSED:
            return
        row = deps.store.get(row.key)
    row, now = _note_consent(deps, row), deps.clock.now()
    if row.due_at is None or row.due_at > now:
        return
    if row.status is ConnectionStatus.DISCONNECTED and row.revocation is not None:
        revoke_grant(deps, row, row.revocation, invocation=invocation)
    elif row.status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.CONNECTING):
        retire_connection(deps.publishing, row)
    elif row.status is ConnectionStatus.RETIRED:
        delete_retired_secret(deps.publishing, row)
    elif not row.is_leased(now):
        _plan_again(deps, row, now)


def _note_consent(deps: RefreshDependencies, row: Connection) -> Connection:
    """Note that the end of the consent has to be told, when it has; the table's stream tells it. Returns the row as it is after that."""
    now, notice_at = deps.clock.now(), find_notice(row)
    if notice_at is None or notice_at > now + timedelta(seconds=HINT_SLACK_SECONDS):
        return row
    noted = deps.store.note_consent_ending(
        row.key, epoch=row.epoch, generation=row.generation, notice_at=notice_at, now=now
    )
    return replace(row, consent_noticed_at=max(now, notice_at)) if noted else row


def _plan_again(deps: RefreshDependencies, row: Connection, now: datetime) -> None:
    """Move the due instant of a row on which nothing can be done now: one that stays in the past is looked at ever more rarely."""
    due_at = due_when_settled(row)
    if due_at is not None and row.cooldown_until is not None:
        due_at = max(due_at, row.cooldown_until)
    if due_at is None or due_at > now:
        deps.store.postpone(row.key, epoch=row.epoch, generation=row.generation, due_at=due_at, now=now)
