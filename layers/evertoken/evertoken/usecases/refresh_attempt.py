"""One attempt at a refresh: what it needs, what it holds, and how it may end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evertoken.domain.connection import Connection
from evertoken.domain.consent import CONSENT_NOTICE_DAYS
from evertoken.domain.outcome import Failure
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.token_set import TokenSet
from evertoken.ports import (
    AssertionSigner,
    ClientDirectory,
    Clock,
    ConnectionStore,
    ProviderTransport,
    Publisher,
    Randomness,
    RescueSink,
    TokenSealer,
)
from evertoken.usecases.commit_token_set import CommitDependencies
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.publish_connection import PublishDependencies


class RefreshReason(StrEnum):
    """Who asks without a hint: READ met a token too old to hand out; MANUAL, REJECTED and JOB are demands."""

    READ = "read"
    MANUAL = "manual"
    REJECTED = "rejected"
    JOB = "job"


class RefreshResultKind(StrEnum):
    """How an attempt ended."""

    REFRESHED = "refreshed"
    NOT_NEEDED = "not_needed"
    IN_FLIGHT = "in_flight"
    COOLING_DOWN = "cooling_down"
    REGISTRATION_PAUSED = "registration_paused"
    NOT_ACTIVE = "not_active"
    NO_TIME = "no_time"
    FAILED = "failed"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    CLIENT_CHANGED = "client_changed"
    """The grant belongs to another client, or the provider's entry no longer takes the parameters that it was given for."""
    NO_REFRESH_TOKEN = "no_refresh_token"  # noqa: S105  # a kind of result, no secret
    DEFERRED = "deferred"
    """An earlier request is unanswered and the provider punishes repeats: the next try is late, the live token is served until then."""
    RESCUED = "rescued"
    SUPERSEDED = "superseded"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshResult:
    """How an attempt ended, the row as last seen, and (when this call obtained or opened it) the token set."""

    kind: RefreshResultKind
    connection: Connection | None = None
    token_set: TokenSet | None = field(default=None, repr=False)
    failure: Failure | None = None
    provider_id: str = ""
    paused_registration: bool = False
    lost_in_window: bool = False
    publication_is_owed: bool = False
    requests_sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshDependencies:
    """What the protocol needs."""

    store: ConnectionStore
    directory: ClientDirectory
    sealer: TokenSealer
    transport: ProviderTransport
    signer: AssertionSigner
    publisher: Publisher
    rescue: RescueSink
    clock: Clock
    randomness: Randomness
    timing: Timing
    consent_notice_days: int = CONSENT_NOTICE_DAYS

    @property
    def publishing(self) -> PublishDependencies:
        """The part of it that publishing needs."""
        return PublishDependencies(
            store=self.store, publisher=self.publisher, sealer=self.sealer, clock=self.clock
        )

    @property
    def committing(self) -> CommitDependencies:
        """The part of it that committing needs."""
        return CommitDependencies(
            store=self.store,
            sealer=self.sealer,
            rescue=self.rescue,
            clock=self.clock,
            randomness=self.randomness,
            consent_notice_days=self.consent_notice_days,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an attempt holds: who it is, until when its lease and its process last, and the client that is ready."""

    owner: str
    started_at: datetime
    ready: ReadyClient
    invocation: Invocation
