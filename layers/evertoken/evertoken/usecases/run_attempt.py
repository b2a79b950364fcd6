"""One attempt from its lease on (protocol steps 3 to 7): what may be sent, the request, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from evertoken.domain.connection import Connection
from evertoken.domain.errors import (
    InvalidInputError,
    NoRefreshTokenError,
    PublisherUnavailableError,
    StoreUnavailableError,
)
from evertoken.domain.outcome import Failure
from evertoken.domain.renewal import (
    Renewal,
    choose_renewal,
    find_grant_to_run,
    is_past_renewal,
    may_repeat_later,
)
from evertoken.domain.schedule import lifetime_seconds, windows_of
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import CommitAccepted, CommitSuperseded
from evertoken.usecases.ask_provider import ask_provider
from evertoken.usecases.commit_token_set import Rescued, commit_token_set, drop_token_set
from evertoken.usecases.end_without_request import (
    end_client_changed,
    end_deferred,
    end_expired,
    end_no_refresh_token,
    end_too_young,
)
from evertoken.usecases.plan_renewal import find_too_young
from evertoken.usecases.publish_connection import publish_connection
from evertoken.usecases.record_failure import record_failure
from evertoken.usecases.refresh_attempt import Attempt, RefreshDependencies, RefreshResult, RefreshResultKind


def run_attempt(deps: RefreshDependencies, attempt: Attempt, row: Connection) -> RefreshResult:
    """Renew what *row* holds, as the lease write returned it, and end the lease, however that comes out.

    Raises:
        StoreUnavailableError: how it came out could not be written down; the lease ends by itself.
        VaultSealedError: the row holds a ciphertext that is not its own.
    """
    if row.sealed is None:
        return end_no_refresh_token(deps, attempt, row)
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
    previous = decode_token_set(deps.sealer.open(row.tenant_id, purpose, row.sealed))
    try:
        ready = attempt.ready.for_grant(previous.context.parameters)
    except InvalidInputError:
        return end_client_changed(deps, attempt, row, "parameters_changed")
    if row.binding != ready.binding:
        return end_client_changed(deps, attempt, row, "client_changed")
    earliest = find_too_young(ready.provider, row, attempt.started_at)
    if earliest is not None:
        return end_too_young(deps, attempt, row, earliest)
    return _renew(deps, replace(attempt, ready=ready), row, previous)


def _renew(deps: RefreshDependencies, attempt: Attempt, row: Connection, previous: TokenSet) -> RefreshResult:
    provider, now = attempt.ready.provider, attempt.started_at
    renewal = choose_renewal(provider, previous)
    if renewal is Renewal.NONE:
        return end_no_refresh_token(deps, attempt, row)
    if renewal is Renewal.REFRESH:
        is_open = row.open_attempts > 1
        is_past = is_past_renewal(provider, previous, now)
        if (is_open or is_past) and find_grant_to_run(provider, previous) is not None:
            # What may be spent already is not spent again: that could end more than it brings.
            renewal = Renewal.RUN_AGAIN
        elif is_past:
            return end_expired(deps, attempt, row)
        elif is_open and _is_early(row, now):
            failed_at = None if row.failure is None else row.failure.failed_at
            if not may_repeat_later(provider, renewal, failed_at, now):
                return end_deferred(deps, attempt, row)
    try:
        asked = ask_provider(deps, attempt, row, previous, renewal)
    except NoRefreshTokenError:
        # The entry wants something in the request that this grant never kept; nothing was sent.
        return end_client_changed(deps, attempt, row, "request_incomplete")
    if isinstance(asked.outcome, Failure):
        return record_failure(deps, attempt, row, asked, asked.outcome)
    return _keep(deps, attempt, row, asked.outcome.token_set, asked.requests_sent)


def _keep(
    deps: RefreshDependencies,
    attempt: Attempt,
    row: Connection,
    token_set: TokenSet,
    requests_sent: int,
) -> RefreshResult:
    provider_id = row.provider_id
    result = commit_token_set(  # 5
        deps.committing,
        row,
        token_set,
        provider=attempt.ready.provider,
        owner=attempt.owner,
        give_up_at=attempt.invocation.ends_at,
    )
    if isinstance(result, Rescued):
        return RefreshResult(
            kind=RefreshResultKind.RESCUED,
            connection=row,
            provider_id=provider_id,
            requests_sent=requests_sent,
        )
    if isinstance(result, CommitSuperseded):
        drop_token_set(deps.committing, row.key, row.epoch, row.generation, token_set, result.connection)
        return RefreshResult(
            kind=RefreshResultKind.SUPERSEDED,
            connection=result.connection,
            provider_id=provider_id,
            requests_sent=requests_sent,
        )
    owed = not _publish(deps, result, attempt.owner, token_set)  # 7
    return RefreshResult(
        kind=RefreshResultKind.REFRESHED,
        connection=result.connection,
        token_set=token_set,
        provider_id=provider_id,
        publication_is_owed=owed,
        requests_sent=requests_sent,
    )


def _publish(deps: RefreshDependencies, committed: CommitAccepted, owner: str, token_set: TokenSet) -> bool:
    """Publish what was committed; a publication that fails stays owed and the row says so, so it is no failure of the refresh."""
    try:
        publish_connection(deps.publishing, committed.connection, owner=owner, token_set=token_set)
    except (PublisherUnavailableError, StoreUnavailableError):
        return False
    return True


def _is_early(row: Connection, now: datetime) -> bool:
    return row.lives_for(now) > windows_of(lifetime_seconds(row.issued_at, row.expires_at)).mandatory_seconds
