"""Make a new token set durable and visible by one conditional write (protocol step 5), or keep it safe until that can be done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from evertoken.domain.connection import Connection, ConnectionKey, ConnectionStatus, PendingRevocation
from evertoken.domain.consent import CONSENT_NOTICE_DAYS, Consent, no_later_than_notice
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.provider import Provider
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import encode_token_set, token_set_purpose
from evertoken.ports import (
    Clock,
    CommitAccepted,
    CommitSuperseded,
    ConnectionStore,
    Randomness,
    RescuedAnswer,
    RescueSink,
    TokenSealer,
    TokenSetCommit,
)
from evertoken.usecases.plan_renewal import find_end, plan_notice, plan_renewal

RESCUE_RESERVE_SECONDS = 3.0
"""Time kept back from the commit's retries for handing the answer to the rescue sink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitDependencies:
    """What committing needs."""

    store: ConnectionStore
    sealer: TokenSealer
    rescue: RescueSink
    clock: Clock
    randomness: Randomness
    consent_notice_days: int = CONSENT_NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class Rescued:
    """The store was down until the end; the sealed answer waits in the rescue sink to be adopted."""


def prepare_commit(
    sealer: TokenSealer,
    row: Connection,
    token_set: TokenSet,
    *,
    provider: Provider,
    owner: str,
    clock: Clock,
    consent_notice_days: int = CONSENT_NOTICE_DAYS,
) -> TokenSetCommit:
    """Seal *token_set* as the next generation of *row*, plan its refresh and forecast its end. Nothing here can fail once the sealer is ready."""
    purpose = token_set_purpose(row.connection_id, row.epoch, row.generation + 1)
    sealed = sealer.seal(row.tenant_id, purpose, encode_token_set(token_set))
    refresh_at = plan_renewal(provider, row, token_set, policy=row.policy)
    consent = plan_notice(provider, row, token_set, notice_days=consent_notice_days)
    requested = set(row.scope.split()) | set(row.missing_scope.split())
    return TokenSetCommit(
        epoch=row.epoch,
        generation=row.generation,
        commit_id=owner,
        owner=owner,
        sealed=sealed,
        issued_at=token_set.issued_at,
        expires_at=token_set.expires_at,
        scope=token_set.scope,
        missing_scope=" ".join(sorted(requested - set(token_set.scope.split()))),
        has_refresh_token=token_set.refresh_token is not None,
        refresh_token_expires_at=find_end(provider, token_set),
        refresh_at=refresh_at,
        consent=consent,
        replaces_consent=row.consent_ends_at is not None,
        due_at=_due_at(row, refresh_at, consent),
        publication=row.publication,
        now=clock.now(),
    )


def _due_at(row: Connection, refresh_at: datetime | None, consent: Consent | None) -> datetime | None:
    if consent is None:
        return refresh_at
    after = replace(row, status=ConnectionStatus.ACTIVE, consent_notice_at=consent.notice_at)
    return no_later_than_notice(after, refresh_at)


def commit_token_set(
    deps: CommitDependencies,
    row: Connection,
    token_set: TokenSet,
    *,
    provider: Provider,
    owner: str,
    give_up_at: float,
) -> CommitAccepted | CommitSuperseded | Rescued:
    """Store *token_set* as the next generation of *row* IF epoch and generation are unchanged; not fenced by the lease.

    A write that timed out is repeated with the same bytes and recognises itself. When the store stays down until shortly before *give_up_at*
    (monotonic), the sealed answer goes to the rescue sink.

    Raises:
        StoreUnavailableError: neither the store nor the rescue sink acknowledged: the answer is lost.
        Exception: the store refused the write for good; the answer waits in the rescue sink.
    """
    commit = prepare_commit(
        deps.sealer,
        row,
        token_set,
        provider=provider,
        owner=owner,
        clock=deps.clock,
        consent_notice_days=deps.consent_notice_days,
    )
    pause = 0.05
    while True:
        try:
            return deps.store.commit_token_set(row.key, commit)
        except StoreUnavailableError:
            if deps.clock.monotonic() + pause >= give_up_at - RESCUE_RESERVE_SECONDS:
                deps.rescue.keep(RescuedAnswer(key=row.key, commit=commit))
                return Rescued()
            deps.clock.sleep(pause * (0.5 + deps.randomness.fraction()))
            pause = min(pause * 2, 1.0)
        except Exception:
            deps.rescue.keep(
                RescuedAnswer(key=row.key, commit=commit)
            )  # no hiccup, and still the only copy of a grant
            raise


def drop_token_set(
    deps: CommitDependencies,
    key: ConnectionKey,
    epoch: int,
    generation: int,
    token_set: TokenSet,
    current: Connection | None,
) -> None:
    """See to a token set of (*epoch*, *generation* + 1) that came too late: after a disconnect it is what has to be revoked.

    After a reconnect nothing is revoked: many providers end the whole grant, and that would end the new one.
    """
    if current is None or current.status is not ConnectionStatus.DISCONNECTED:
        return
    purpose = token_set_purpose(key.connection_id, epoch, generation + 1)
    sealed = deps.sealer.seal(key.tenant_id, purpose, encode_token_set(token_set))
    revocation = PendingRevocation(sealed=sealed, epoch=epoch, generation=generation + 1)
    deps.store.replace_revocation(key, epoch=current.epoch, revocation=revocation, now=deps.clock.now())
