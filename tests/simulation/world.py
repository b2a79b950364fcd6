"""One connection at a scripted provider, the fakes around it, and the real use cases wired onto them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

from evertoken.domain import provider as providers
from evertoken.domain.connection import (
    Connection,
    ConnectionKey,
    ConnectionStatus,
    PublicationMode,
    RefreshPolicy,
)
from evertoken.domain.grant import UNKNOWN_CONTEXT, Grant, GrantContext
from evertoken.domain.provider import Provider, RotationClass
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from evertoken.domain.request_shape import SESSION_LOGIN, RequestShapes
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import Clock, CommitAccepted, FirstConnect
from evertoken.usecases.commit_token_set import prepare_commit
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.publish_connection import PublishDependencies, publish_connection
from evertoken.usecases.read_token import ReadDependencies
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResultKind
from evertoken.usecases.scan_due import ScanDependencies
from tests.fakes.client_directory import FakeClientDirectory
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.provider_transport import SessionEndpoint, TwinTransport
from tests.fakes.publisher import FakePublisher
from tests.fakes.queue import FakeHintQueue, FakeRescueSink
from tests.fakes.randomness import SeededRandomness
from tests.fakes.scan_cursor import FakeScanCursor
from tests.fakes.sealer import FakeSealer
from tests.fakes.signer import FakeAssertionSigner
from tests.simulation.numbered import Gate, Numbered
from tests.support.provider_profile import STATIC, STRICT, STRICT_KILL, ProviderProfile, Rotation, grace
from tests.support.provider_twin import ProviderTwin

TIMING = Timing(function_timeout_seconds=45, http_total_seconds=25, commit_budget_seconds=10)
READ_TIMING = Timing(function_timeout_seconds=28, http_total_seconds=12, commit_budget_seconds=5)
KEY = ConnectionKey(tenant_id="tenant-1", connection_id="conn-1")
CANARY = "canary7"
"""Every token that the provider issues begins so; nothing else does."""
KINDS: dict[str, tuple[Rotation, providers.Rotation]] = {
    "static": (STATIC, providers.Rotation(kind=RotationClass.STATIC)),
    "grace": (grace(120, 5), providers.Rotation(kind=RotationClass.GRACE, grace_seconds=120)),
    "strict": (STRICT, providers.Rotation(kind=RotationClass.STRICT)),
    "strict_kill": (STRICT_KILL, providers.Rotation(kind=RotationClass.STRICT_KILL)),
}
SESSION_KIND = "session_login"
"""A provider where users log in with name and password, and whose refresh tokens are as strict as any."""
PASSWORD = f"{CANARY}-password"


@dataclass(slots=True, kw_only=True)
class World:
    """Everything outside the use cases; `gate` sees every port call."""

    kind: str
    clock: FakeClock
    twin: ProviderTwin
    store: FakeConnectionStore
    publisher: FakePublisher
    sealer: FakeSealer
    queue: FakeHintQueue
    rescue: FakeRescueSink
    cursor: FakeScanCursor
    directory: FakeClientDirectory
    transport: Any
    signer: FakeAssertionSigner = field(default_factory=FakeAssertionSigner)
    gate: Gate | None = None
    workers: int = 0
    results: list[RefreshResultKind] = field(default_factory=list)

    @property
    def row(self) -> Connection:
        return self.store.get(KEY)

    def refreshing(
        self, clock: Clock | None = None, gate: Gate | None = None, timing: Timing = TIMING
    ) -> RefreshDependencies:
        """What one new process has."""
        self.workers += 1
        through = gate or self.gate
        return RefreshDependencies(
            store=_numbered("store", self.store, through),
            directory=_numbered("directory", self.directory, through),
            sealer=_numbered("sealer", self.sealer, through),
            transport=_numbered("transport", self.transport, through),
            signer=_numbered("signer", self.signer, through),
            publisher=_numbered("publisher", self.publisher, through),
            rescue=_numbered("rescue", self.rescue, through),
            clock=clock or self.clock,
            randomness=SeededRandomness(f"worker-{self.workers}"),
            timing=timing,
        )

    def reading(self, clock: Clock | None = None, gate: Gate | None = None) -> ReadDependencies:
        refreshing = self.refreshing(clock, gate, READ_TIMING)
        return ReadDependencies(
            refreshing=refreshing, queue=_numbered("queue", self.queue, gate or self.gate)
        )

    def scanning(self, clock: Clock | None = None, gate: Gate | None = None) -> ScanDependencies:
        through = gate or self.gate
        return ScanDependencies(
            store=_numbered("store", self.store, through),
            cursor=_numbered("cursor", self.cursor, through),
            queue=_numbered("queue", self.queue, through),
            clock=clock or self.clock,
            shards=1,
            parallel=1,
        )

    def invocation(
        self, seconds: float = TIMING.function_timeout_seconds, clock: Clock | None = None
    ) -> Invocation:
        clock = clock or self.clock
        return Invocation(started_at=clock.now(), ends_at=clock.monotonic() + seconds)

    def token_set(self, row: Connection | None = None) -> TokenSet | None:
        """What the row holds, opened."""
        row = row or self.row
        if row.sealed is None:
            return None
        purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
        return decode_token_set(self.sealer.open(row.tenant_id, purpose, row.sealed))

    def connect(self) -> Connection:
        """A new grant for the connection, stored and published as completing an authorization does."""
        row = self.store.find(KEY) or self._begin()
        return self.store_grant(row, self.new_grant())

    def new_grant(self) -> TokenSet:
        answer = self.twin.rules.connect()
        lifetime = answer.get("expires_in")
        return TokenSet(
            access_token=answer["access_token"],
            refresh_token=answer["refresh_token"],
            scope=answer.get("scope", ""),
            issued_at=self.clock.now(),
            expires_at=None if lifetime is None else self.clock.now() + timedelta(seconds=lifetime),
            context=self._context(),
        )

    def _context(self) -> GrantContext:
        if self.kind != SESSION_KIND:
            return UNKNOWN_CONTEXT
        return GrantContext(
            grant=Grant.SESSION_LOGIN,
            granted_at=self.clock.now(),
            credentials={"username": "user-1", "password": PASSWORD},
        )

    def store_grant(
        self, row: Connection, token_set: TokenSet, *, publish: bool = True, binding: str | None = None
    ) -> Connection:
        """Store *token_set* as the first of a new epoch."""
        ready = self.directory.get_ready("reg-1")
        after = replace(row, epoch=row.epoch + 1, scope=token_set.scope)
        owner = f"connect-{row.epoch}"
        commit = prepare_commit(
            self.sealer, after, token_set, provider=ready.provider, owner=owner, clock=self.clock
        )
        result = self.store.connect(
            FirstConnect(
                connection=row,
                provider_id=row.provider_id,
                registration_id=row.registration_id,
                binding=binding or ready.binding,
                account=row.account,
                name=row.name,
                policy=row.policy,
                publication=row.publication,
                commit=replace(commit, epoch=row.epoch),
            )
        )
        assert isinstance(result, CommitAccepted), "nobody else connects here"
        if publish:
            publish_connection(self.publishing(), result.connection, token_set=token_set)
        return result.connection

    def publishing(self) -> PublishDependencies:
        return PublishDependencies(
            store=self.store, publisher=self.publisher, sealer=self.sealer, clock=self.clock
        )

    def _begin(self) -> Connection:
        self.publisher.create_empty(KEY)
        self.store.create_connecting(build_row(self.clock.now(), self.directory.get_ready("reg-1")))
        return self.store.get(KEY)


def build_world(kind: str = "static", **profile: Any) -> World:
    """A world without a connection; *profile* changes the scripted provider."""
    clock = FakeClock()
    has_sessions = kind == SESSION_KIND
    rotation, known = KINDS["strict_kill" if has_sessions else kind]
    session = RequestShapes(session_login=replace(SESSION_LOGIN, url="https://provider.test/session"))
    changes = {"requests": session} if has_sessions else {}
    ledger_profile = ProviderProfile(rotation=rotation, **profile)
    twin = ProviderTwin(ledger_profile, clock=clock.seconds, sleep=clock.advance, prefix=CANARY)
    return World(
        kind=kind,
        clock=clock,
        twin=twin,
        store=FakeConnectionStore(clock, shards=1),
        publisher=FakePublisher(clock),
        sealer=FakeSealer(clock),
        queue=FakeHintQueue(clock),
        rescue=FakeRescueSink(clock),
        cursor=FakeScanCursor(),
        directory=FakeClientDirectory(build_ready(clock.now(), known, **changes)),
        transport=TwinTransport(twin, SessionEndpoint(twin, PASSWORD) if has_sessions else None),
    )


def build_ready(now: datetime, rotation: providers.Rotation, **changes: Any) -> ReadyClient:
    """The registration of the scripted provider's one client."""
    entry = Provider(
        provider_id="scripted",
        name="Scripted",
        token_endpoint="https://provider.test/token",
        revocation_endpoint="https://provider.test/revoke",
        rotation=rotation,
        **changes,
    )
    registration = ClientRegistration(
        registration_id="reg-1",
        provider_id="scripted",
        client_id="client-1",
        tenants=("*",),
        has_secret=True,
        created_at=now,
        updated_at=now,
    )
    return ReadyClient(provider=entry, registration=registration, client_secret="secret: % + & é")


def build_row(now: datetime, ready: ReadyClient, **changes: Any) -> Connection:
    """A row that waits for its first token set."""
    row = Connection(
        tenant_id=KEY.tenant_id,
        connection_id=KEY.connection_id,
        provider_id=ready.provider.provider_id,
        registration_id=ready.registration.registration_id,
        binding=ready.binding,
        user_id="user-1",
        account="account-1",
        status=ConnectionStatus.CONNECTING,
        policy=RefreshPolicy.SCHEDULED,
        publication=PublicationMode.SECRETS_MANAGER,
        due_at=now + timedelta(seconds=900),
        created_at=now,
        updated_at=now,
    )
    return replace(row, **changes)


def _numbered(port: str, target: object, gate: Gate | None) -> Any:
    return target if gate is None else cast("Any", Numbered(port, target, gate))
