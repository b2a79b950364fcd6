"""What the use cases need from outside, named for the need. Each port has one fake in `tests/fakes/` and a contract suite for both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from evertoken.domain.assertion import UnsignedAssertion
from evertoken.domain.authorization import (
    ApiClient,
    PendingAuthorization,
    PendingDevice,
    ReturnedAuthorization,
    Revoked,
    Tenant,
)
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    FailureRecord,
    PendingRevocation,
    PublicationMode,
    RefreshPolicy,
    Sealed,
)
from evertoken.domain.consent import Consent
from evertoken.domain.hint import Hint
from evertoken.domain.http import HttpExchange, HttpRequest
from evertoken.domain.origin import NOBODY, Origin
from evertoken.domain.provider import Provider
from evertoken.domain.publication import Publication
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration, ClientSecrets

if TYPE_CHECKING:
    from evertoken.domain.external_identity import IamRole, OidcBinding


class Clock(Protocol):
    """Time, so that tests can step it."""

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""


class Randomness(Protocol):
    """Chance, so that tests can repeat it."""

    def token(self, bits: int = 256) -> str:
        """Return an unguessable URL-safe string of at least *bits* bits."""

    def fraction(self) -> float:
        """Return a number in [0, 1), for jitter only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGranted:
    """The lease is ours; the row as it is now."""

    connection: Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRefused:
    """The lease is not to be had; the row as it is now, or None when there is none."""

    connection: Connection | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSetCommit:
    """A new token set on its way into the row: everything that one conditional write changes."""

    epoch: int
    generation: int
    commit_id: str
    owner: str
    sealed: Sealed
    issued_at: datetime
    expires_at: datetime | None
    scope: str
    missing_scope: str
    has_refresh_token: bool
    refresh_token_expires_at: datetime | None
    refresh_at: datetime | None
    consent: Consent | None = None
    replaces_consent: bool = True
    """Whether the row may say something of a consent already, so that no *consent* means to take it out."""
    due_at: datetime | None
    """When a worker has to look once nothing is owed: at the plan, or when the end of the consent has to be told."""
    publication: PublicationMode
    """Where the row published when it was read; the write looks again."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitAccepted:
    """The token set is durable and visible; the row as it is now."""

    connection: Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSuperseded:
    """Epoch or generation moved; the row as it is now, or None when it is gone."""

    connection: Connection | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstConnect:
    """A first token set for a `connecting` row, or a reconnect of an existing one: epoch and generation rise by one."""

    connection: Connection
    """The row as read: the write is conditional on its epoch, generation and status."""
    provider_id: str
    registration_id: str
    binding: str
    account: str
    name: str
    display_name: str = ""
    policy: RefreshPolicy
    publication: PublicationMode
    commit: TokenSetCommit
    origin: Origin = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFilter:
    """What a list is narrowed to; None means any."""

    user_id: str | None = None
    provider_id: str | None = None
    account: str | None = None
    status: ConnectionStatus | None = None
    expires_before: datetime | None = None
    """Of what holds a grant that is alive: a dead one stands after all others, as what does not expire."""
    is_refreshable: bool = False
    """Only what `Connection.is_refreshable` says of; False means any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPage:
    """Some connections (as summaries: without ciphertext, lease or journal facts) and where to go on, or None at the end."""

    connections: tuple[Connection, ...]
    position: str | None


class ConnectionStore(Protocol):
    """The rows. Every write is one conditional write; a write that timed out and is repeated recognises itself.

    Every method raises `StoreUnavailableError` when the store did not acknowledge in time; the write may have happened.
    """

    def get(self, key: ConnectionKey) -> Connection:
        """Return the row, read consistently. Raises ConnectionNotFoundError."""

    def find(self, key: ConnectionKey) -> Connection | None:
        """Return the row, read consistently, or None."""

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
        """Take the lease IF the row is active, not on hold, at (epoch, generation), not leased by another, past its cool-down, and its
        refresh is due (`refresh_at` <= *due_by*, or an attempt is open: its answer may be had only for a while) unless *due_by* is None.

        Sets the attempt (`attempted_at`, `open_attempts` + 1, *origin*) and moves `due_at` to *until*, so that a dead worker's row is looked at again.
        """

    def commit_token_set(
        self, key: ConnectionKey, commit: TokenSetCommit
    ) -> CommitAccepted | CommitSuperseded:
        """Store the token set IF (epoch, generation) are unchanged, whoever holds the lease: dropping a success loses the grant.

        Raises the generation and (when published) the publication number by one, clears failures and open attempts, makes the row active, never
        lifts a hold. When a publication is owed, *owner*'s lease lasts until that is acknowledged and `due_at` stays at its end; without a live
        lease `due_at` becomes now. When none is owed, *owner*'s lease ends and `due_at` is the commit's.
        """

    def record_verdict(
        self, key: ConnectionKey, *, expected: Connection, owner: str, failure: FailureRecord
    ) -> bool:
        """Set reauthorization required and end the lease IF *owner* still holds it and the row is as *expected* in epoch, generation, status
        and publication number; return whether it was set.

        The access token stays until it expires; nothing is due any more unless a publication is owed.
        """

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
        """End *owner*'s lease without a token set; return False when it is no longer ours. A row that owes a publication is due at once.

        *attempt_is_closed* takes the attempt back: the refresh token is known to be unspent.
        """

    def acknowledge_publication(
        self, key: ConnectionKey, *, number: int, owner: str | None, due_at: datetime | None, now: datetime
    ) -> bool:
        """Set `published_number` IF it is lower and *number* is still the newest; end the lease when it is *owner*'s.

        `due_at` is left alone while another worker holds a live lease. Returns whether it was acknowledged.
        """

    def postpone(
        self, key: ConnectionKey, *, epoch: int, generation: int, due_at: datetime | None, now: datetime
    ) -> bool:
        """Look at the row again at *due_at* (None: never), not sooner, IF it owes neither a publication nor a revocation, nobody holds a
        live lease and (epoch, generation) are unchanged.
        """

    def note_consent_ending(
        self, key: ConnectionKey, *, epoch: int, generation: int, notice_at: datetime, now: datetime
    ) -> bool:
        """Note at *now*, or at *notice_at* if that is later, that the end of the consent was told IF the row is active at (epoch, generation), its notice
        is the one of *notice_at*, and that was not told yet. Nothing else changes: neither a lease nor a refresh under way takes notice.
        """

    def find_account(
        self, *, tenant_id: str, registration_id: str, user_id: str, account: str
    ) -> ConnectionKey | None:
        """Return the connection that this account has, if it has one."""

    def create_connecting(self, connection: Connection) -> None:
        """Write a new row in status `connecting`. Repeating it with the same id is harmless."""

    def connect(self, connect: FirstConnect) -> CommitAccepted | CommitSuperseded:
        """Store the token set of an authorization and bind the account to the connection, both or neither.

        Superseded when the row moved, or when the account belongs to another connection meanwhile.
        """

    def import_connection(self, connection: Connection) -> ConnectionKey:
        """Write a new row that holds its token set already and bind its account to it, both or neither; return which connection has the account.

        That is *connection*'s own key when it was written, now or by the same call before; another's when the account had one, and then nothing was
        written.
        """

    def disconnect(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        revoke: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        """Raise the epoch, take the token set out (into `revocation` when *revoke*), raise the publication number by two, end any lease.

        The commit id stays: a connect whose answer was lost recognises itself, and does not bring the connection back.
        Returns the row as it is now, or None when it moved since *expected* was read.
        """

    def set_hold(
        self,
        key: ConnectionKey,
        *,
        expected: Connection,
        on_hold: bool,
        now: datetime,
        origin: Origin = NOBODY,
    ) -> Connection | None:
        """Set or lift the hold: a publication number (two when set), neither epoch nor generation. None when the row moved."""

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
        """Change what a user may change IF epoch, generation and these settings are unchanged. A change of publication takes a number (two when it withdraws)."""

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
        """Drop the pending revocation, or with *retry* count the attempt and keep it, IF the epoch is unchanged, the withdrawal is published
        and what is pending is still *revoked*: a refresh under way may have brought newer tokens meanwhile.
        """

    def replace_revocation(
        self, key: ConnectionKey, *, epoch: int, revocation: PendingRevocation, now: datetime
    ) -> bool:
        """Revoke these tokens instead IF the row is disconnected at *epoch*: a refresh under way brought newer ones."""

    def retire(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> bool:
        """Give the id up for good and free its account IF the row is unchanged; the row goes by TTL after a week."""

    def forget_retired_secret(self, key: ConnectionKey, *, expected: Connection, now: datetime) -> None:
        """Note that a retired connection's secret is deleted: its account is free, and nothing is due any more."""

    def find_due(self, *, shard: int, before: datetime) -> Iterator[Sequence[DueConnection]]:
        """Yield pages of what the index says is due before *before*, earliest first; late and repeated at times."""

    def list_by_tenant(
        self, tenant_id: str, *, only: ConnectionFilter, limit: int, position: str | None
    ) -> ConnectionPage:
        """Return a page of a tenant's connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueConnection:
    """One entry of the due index: what is due, and when its due instant was last set, if that is known."""

    hint: Hint
    due_at: datetime
    due_set_at: datetime | None


class ScanCursor(Protocol):
    """Until when each shard of the due index has been scanned."""

    def get(self) -> dict[int, datetime]:
        """Return the instant up to which each shard was scanned; a shard never scanned is absent."""

    def advance(self, through: dict[int, datetime]) -> None:
        """Record how far the shards were scanned."""


class TokenSealer(Protocol):
    """Envelope encryption: a data key per tenant and month, bound to what it encrypts by authenticated data.

    Raises VaultSealedError when a key cannot be had, or a ciphertext is not what it claims to be.
    """

    def make_ready(self, tenant_id: str, *key_ids: str) -> None:
        """Have the current data key and *key_ids* in memory, so that sealing and opening cannot fail later."""

    def seal(self, tenant_id: str, purpose: str, plaintext: bytes) -> Sealed:
        """Encrypt *plaintext*, bound to (tenant, purpose)."""

    def open(self, tenant_id: str, purpose: str, sealed: Sealed) -> bytes:
        """Decrypt what was sealed for the same (tenant, purpose)."""


class Publisher(Protocol):
    """Secrets Manager as a publication. Raises PublisherUnavailableError when a call was not acknowledged."""

    def create_empty(self, key: ConnectionKey) -> None:
        """Have an empty secret for the connection, acknowledged; fine when it exists."""

    def spend(self, key: ConnectionKey, number: int) -> None:
        """Have *number*'s version id used up without moving AWSCURRENT; fine when it was used before."""

    def put(self, publication: Publication) -> bool:
        """Write the publication and move AWSCURRENT to it; False when that number was written with other content: somebody newer passed."""

    def delete(self, key: ConnectionKey) -> None:
        """Schedule the deletion of a retired connection's secret; fine when it is gone."""


class HintQueue(Protocol):
    """The queue between scanner and refreshers."""

    def send(self, hints: Iterable[Hint]) -> int:
        """Enqueue the hints, each after its delay; return how many were accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescuedAnswer:
    """A sealed token set whose commit the store did not acknowledge in time."""

    key: ConnectionKey
    commit: TokenSetCommit = field(repr=False)


class RescueSink(Protocol):
    """Where an answer waits when the store is down."""

    def keep(self, rescued: RescuedAnswer) -> None:
        """Keep the sealed answer until it is adopted. Raises StoreUnavailableError."""


class ProviderTransport(Protocol):
    """One request to a provider: no redirects, no environment proxies, a total deadline, a size cap, checked addresses."""

    def send(self, request: HttpRequest, *, timeout_seconds: float) -> HttpExchange:
        """Send the request once and return what came of it; never raises for what a provider or network does."""


class AssertionSigner(Protocol):
    """Signs assertions with a client registration's own key (RFC 7523): its client secret, its private key, or a key in KMS."""

    def sign(self, ready: ReadyClient, unsigned: UnsignedAssertion) -> str:
        """Return the compact JWT (RFC 7515 section 3.1) of *unsigned*.

        Raises:
            SignerUnavailableError: the key cannot be used now.
            SigningKeyError: there is no such key, or it is not what the registration says.
        """


class ClientDirectory(Protocol):
    """Client registrations made ready, cached for a minute."""

    def get_ready(self, registration_id: str) -> ReadyClient:
        """Return the registration with its provider and secret.

        Raises UnknownRegistrationError, UnknownProviderError, VaultSealedError (the secret cannot be had).
        """

    def pause(self, ready: ReadyClient, *, until: datetime, now: datetime) -> bool:
        """Pause the registration IF it still has this version and is not paused; return whether this call paused it."""


class ProviderCatalogue(Protocol):
    """Provider entries: the shipped ones, and the operators' own."""

    def get(self, provider_id: str) -> Provider:
        """Return an entry. Raises UnknownProviderError."""


class AuthorizationStore(Protocol):
    """Authorizations under way; each is used once."""

    def put_pending(self, pending: PendingAuthorization) -> None:
        """Remember a started authorization."""

    def take_pending(self, state_hash: str) -> PendingAuthorization | None:
        """Remove and return the authorization of this state, if there is one: of many callers, one gets it."""

    def put_returned(self, returned: ReturnedAuthorization) -> None:
        """Keep a returned code for its completion."""

    def take_returned(
        self, session_hash: str, *, tenant_id: str, user_id: str
    ) -> ReturnedAuthorization | None:
        """Remove and return what this session returned IF tenant and user match; None when it is not there (any more).

        Raises UserMismatchError when the user is another one: the try is counted, and the last allowed try removes the session.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTooEarly:
    """The provider may not be asked about a device again before `next_poll_at`."""

    next_poll_at: datetime
    interval_seconds: int


class DeviceStore(Protocol):
    """Device authorizations under way (RFC 8628)."""

    def put(self, device: PendingDevice) -> None:
        """Remember a started device authorization."""

    def claim_poll(
        self, session_hash: str, *, tenant_id: str, user_id: str, now: datetime, until: datetime
    ) -> PendingDevice | PollTooEarly | None:
        """Claim the next poll of this device authorization IF tenant and user match and *now* is not before `next_poll_at`: nobody else may ask
        the provider before *until*. Of many callers at once one gets it, as it is now; None when it is not there (any more).

        Raises UserMismatchError when the user is another one: the try is counted, and the last allowed try removes the session.
        """

    def postpone_poll(
        self, claimed: PendingDevice, *, interval_seconds: int, next_poll_at: datetime, is_prepared: bool
    ) -> None:
        """Let the next poll be at *next_poll_at*, and note whether the connection is prepared, IF *claimed* is still the newest claim."""

    def remove(self, session_hash: str) -> None:
        """Remove a device authorization; fine when it is gone."""


class RegistrationStore(Protocol):
    """Client registrations; issuer and client_id are unique together."""

    def find(self, registration_id: str) -> ClientRegistration | None:
        """Return a registration, or None."""

    def put(self, registration: ClientRegistration, *, binding: str, expected_version: int | None) -> None:
        """Write IF the stored version is *expected_version* (None: absent). Raises ConflictError when it moved, or when the binding is another registration's."""

    def delete(self, registration_id: str) -> bool:
        """Remove it and free its binding; return whether it was there."""

    def list_all(self) -> tuple[ClientRegistration, ...]:
        """Return all registrations, by id."""


class RegistrationSecrets(Protocol):
    """Client secrets and private keys: written by the operators' API, read by those that talk to providers."""

    def write(self, registration_id: str, secrets: ClientSecrets) -> None:
        """Store *secrets*, or replace all that was stored with them."""

    def delete(self, registration_id: str) -> None:
        """Remove them; fine when there are none."""


class TenantStore(Protocol):
    """Tenants."""

    def find(self, tenant_id: str) -> Tenant | None:
        """Return a tenant, or None."""

    def put(self, tenant: Tenant, *, replacing: Tenant | None) -> bool:
        """Create a tenant, or replace the one that was read; return False, with nothing done, when it is not that one any more."""

    def delete(self, tenant_id: str) -> bool:
        """Remove a tenant; return whether it was there."""

    def list_all(self) -> tuple[Tenant, ...]:
        """Return all tenants, by id."""


class ApiClientStore(Protocol):
    """API clients, and which of them a role or an issuer's token is: of those bindings no two clients have the same."""

    def find(self, client_id: str) -> ApiClient | None:
        """Return an API client, or None."""

    def find_by_role(self, role: IamRole) -> ApiClient | None:
        """Return the API client that is this role, or None."""

    def find_oidc_bindings(self, issuer: str) -> Mapping[OidcBinding, str]:
        """Return what tokens of *issuer* may be exchanged, and the id of whose client; empty when the issuer is nobody's."""

    def put(self, client: ApiClient) -> None:
        """Create an API client. Raises ConflictError when its id or its binding is taken."""

    def delete(self, client_id: str) -> bool:
        """Remove an API client and free its binding; return whether it was there."""

    def list_all(self, tenant_id: str | None) -> tuple[ApiClient, ...]:
        """Return the API clients of a tenant, or all."""


class RevocationStore(Protocol):
    """Who may not pass any more although their tokens are good. Every method raises StoreUnavailableError."""

    def revoke_client(self, client_id: str, *, until: datetime) -> None:
        """Refuse the tokens of an API client; *until* is when the last of them has expired."""

    def revoke_tenant(self, tenant_id: str, *, now: datetime, until: datetime | None) -> None:
        """Refuse the tokens of a tenant's clients and sessions: until then, or for as long as it is not lifted."""

    def lift_tenant(self, tenant_id: str, *, now: datetime, until: datetime) -> None:
        """Let a tenant pass again, with what is issued from *now* on; *until* is when the last of what was issued before has expired.

        Fine when it may pass: the instant of its last lift stays. What was revoked later than *now* stays revoked.
        """

    def read_all(self) -> Revoked:
        """Return all that are revoked, read consistently; some may be among them whose time is over."""


class ExternalIssuers(Protocol):
    """The OIDC issuers of others, and what they signed."""

    def get_claims(self, assertion: str, *, issuer: str) -> Mapping[str, Any]:
        """Return the claims of a token that *issuer* signed and that is in force now.

        Raises:
            AuthenticationError: it is not one.
            ProviderUnavailableError: the issuer's keys cannot be had now.
        """


class OperatorProviders(Protocol):
    """The operators' own provider entries, as documents of the provider schema."""

    def find(self, provider_id: str) -> dict[str, object] | None:
        """Return the document, or None."""

    def put(self, provider_id: str, document: dict[str, object], now: datetime) -> None:
        """Create or replace the document."""

    def delete(self, provider_id: str) -> bool:
        """Remove it; return whether it was there."""

    def list_ids(self) -> tuple[str, ...]:
        """Return the ids of all operators' entries."""


class TokenSigner(Protocol):
    """Signs our own access tokens."""

    def sign(self, claims: dict[str, object]) -> str:
        """Return a compact JWT (ES256, typ at+jwt) of *claims*."""

    def public_keys(self) -> dict[str, object]:
        """Return the JWKS of every key that may have signed a live token."""
