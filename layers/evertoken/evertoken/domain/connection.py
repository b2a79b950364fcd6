"""A connection: one resource owner's grant at one provider, owned by a tenant; one item of the store, one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evertoken.domain.origin import Origin


class ConnectionStatus(StrEnum):
    """Where a connection is in its life; a hold is an attribute beside it, so that no commit can lift one."""

    CONNECTING = "connecting"
    ACTIVE = "active"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    DISCONNECTED = "disconnected"
    RETIRED = "retired"


class RefreshPolicy(StrEnum):
    """`scheduled`: refreshed before expiry; `lazy`: refreshed when it is read, and kept alive before the refresh token ends."""

    SCHEDULED = "scheduled"
    LAZY = "lazy"


class PublicationMode(StrEnum):
    """Where readers find the access token: Secrets Manager and the API, or the API alone."""

    SECRETS_MANAGER = "secrets_manager"
    API_ONLY = "api_only"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ConnectionKey:
    """The identity of a connection; the tenant always comes from the verified token or from our own queue."""

    tenant_id: str
    connection_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A ciphertext and the id of the data key that opens it; the binding it was sealed under is not in it."""

    key_id: str
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The time-bounded right of *owner* to refresh one connection."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """The last failure of a connection; `cause` is a failure kind, or `lost_response`."""

    cause: str
    code: str
    count: int
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRevocation:
    """A withdrawn token set that the provider has still to be told about; sealed under the epoch and generation it had."""

    sealed: Sealed
    epoch: int
    generation: int
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """All that is stored of a connection.

    `refresh_at` is our plan for the next refresh, `due_at` the instant at which a worker has to look: the plan, or the end of a lease, or
    at once when a publication or a revocation is owed; None means never. `open_attempts` counts requests of this generation whose
    outcome nobody recorded, the one under way included. `publication_number` is the newest thing that readers should see,
    `published_number` the newest acknowledged. `name` is the tenant's own name for it, `display_name` what the account is called at the provider.
    `origin` is the cause of the last lease or change. `consent_ends_at` is the end that no refresh can put off, as far as it is known,
    `consent_notice_at` when somebody has to be told of it, and `consent_noticed_at` when somebody last was.
    """

    tenant_id: str
    connection_id: str
    provider_id: str
    registration_id: str
    binding: str
    user_id: str
    account: str
    name: str = ""
    display_name: str = ""
    status: ConnectionStatus
    on_hold: bool = False
    policy: RefreshPolicy = RefreshPolicy.SCHEDULED
    publication: PublicationMode = PublicationMode.SECRETS_MANAGER
    epoch: int = 0
    generation: int = 0
    sealed: Sealed | None = None
    scope: str = ""
    missing_scope: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    refresh_token_expires_at: datetime | None = None
    has_refresh_token: bool = False
    refresh_at: datetime | None = None
    due_at: datetime | None = None
    publication_number: int = 0
    published_number: int = 0
    lease: Lease | None = None
    commit_id: str | None = None
    attempted_at: datetime | None = None
    open_attempts: int = 0
    cooldown_until: datetime | None = None
    failure: FailureRecord | None = None
    revocation: PendingRevocation | None = None
    disconnected_at: datetime | None = None
    consent_ends_at: datetime | None = None
    consent_notice_at: datetime | None = None
    consent_noticed_at: datetime | None = None
    origin: Origin | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> ConnectionKey:
        """The identity of this connection."""
        return ConnectionKey(tenant_id=self.tenant_id, connection_id=self.connection_id)

    @property
    def owes_publication(self) -> bool:
        """Whether readers have still to be shown what this row says."""
        return self.published_number < self.publication_number

    @property
    def is_withdrawn(self) -> bool:
        """Whether readers of Secrets Manager may see no token of this connection."""
        return self.on_hold or self.sealed is None or self.publication is PublicationMode.API_ONLY

    @property
    def is_refreshable(self) -> bool:
        """Whether anybody would refresh it when its time comes: it is active, and nobody holds it."""
        return self.status is ConnectionStatus.ACTIVE and not self.on_hold

    def is_leased(self, now: datetime) -> bool:
        """Return whether somebody holds a live lease at *now*."""
        return self.lease is not None and self.lease.until > now

    def lives_for(self, now: datetime) -> float:
        """Return for how many seconds the access token is still good at *now*; infinite when it does not expire."""
        return float("inf") if self.expires_at is None else (self.expires_at - now).total_seconds()


def publication_numbers(before: PublicationMode, after: PublicationMode, *, shows_token: bool) -> int:
    """Return how many publication numbers a change takes: one that shows a token takes one, one that shows nothing takes two.

    A withdrawal is put twice, so that AWSPREVIOUS holds no token either. Between two states that are not published nothing is taken.
    """
    if after is PublicationMode.SECRETS_MANAGER:
        return 1 if shows_token else 2
    return 2 if before is PublicationMode.SECRETS_MANAGER else 0
