"""Evertoken's use cases on the fakes, with one registration of one client at the provider under test."""

from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from evertoken.adapters.assertion_signer import RegistrationAssertionSigner
from evertoken.domain.authorization import Tenant
from evertoken.domain.connection import Connection, RefreshPolicy
from evertoken.domain.grant import Grant
from evertoken.domain.hint import Hint
from evertoken.domain.provider import Provider
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.token_set import TokenSet
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.ports import ProviderTransport
from evertoken.usecases.attend_connection import attend_connection
from evertoken.usecases.complete_authorization import CompleteDependencies, complete_authorization
from evertoken.usecases.connect_by_device import DeviceDependencies, start_device
from evertoken.usecases.connect_directly import DirectDependencies, DirectGrant, connect_directly
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.disconnect_connection import disconnect_connection
from evertoken.usecases.establish_connection import EstablishDependencies
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.poll_device import StillPending, poll_device
from evertoken.usecases.read_token import ReadDependencies, TokenRead, read_token
from evertoken.usecases.receive_callback import CallbackDependencies, CallbackStatus, receive_callback
from evertoken.usecases.refresh_attempt import RefreshDependencies, RefreshResult
from evertoken.usecases.start_authorization import (
    StartDependencies,
    StartedAuthorization,
    start_authorization,
)
from local.stack import ROOT
from tests.conformance.client_registration import REGISTRATION, TENANT
from tests.fakes.authorizations import MemoryAuthorizations
from tests.fakes.client_directory import FakeClientDirectory
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.devices import MemoryDevices
from tests.fakes.directory import MemoryRegistrations, MemoryTenants
from tests.fakes.publisher import FakePublisher
from tests.fakes.queue import FakeHintQueue, FakeRescueSink
from tests.fakes.randomness import SeededRandomness
from tests.fakes.sealer import FakeSealer
from tests.support.lambda_function import load_template

USER = "ann"
BASE_URL, RETURN_URL = "https://api.evertoken.example", "https://app.example/back"
REDIRECT_URI = f"{BASE_URL}/v1/oauth/callback/{REGISTRATION}"
TIMING = Timing(function_timeout_seconds=45, http_total_seconds=25, commit_budget_seconds=10)
PUBLISHED_FROM_SECONDS = load_template(ROOT / "template.yaml")["Parameters"][
    "MinimumPublishedLifetimeSeconds"
]["Default"]
"""What a deployment has: with 900 the entries whose tokens live 15 to 23 minutes would be published more than a hundred times a day."""
API_TIMING = Timing(function_timeout_seconds=28, http_total_seconds=12, commit_budget_seconds=5)


@dataclass(frozen=True)
class OneProvider:
    """`ProviderCatalogue` of one."""

    provider: Provider

    def get(self, provider_id: str) -> Provider:
        assert provider_id == self.provider.provider_id
        return self.provider


def _no_kms():
    raise AssertionError("no key of these runs is in KMS")


@dataclass
class Service:
    """What an operator and a tenant can do; `ready` is our client as an operator registered it."""

    clock: FakeClock
    provider: Provider
    """The entry, its templates open."""
    ready: ReadyClient
    transport: ProviderTransport
    accounts: int = 0
    store: FakeConnectionStore = field(init=False)

    def __post_init__(self) -> None:
        clock = self.clock
        self.store, self.sealer, self.publisher = (
            FakeConnectionStore(clock),
            FakeSealer(clock),
            FakePublisher(clock),
        )
        registrations, tenants, directory = (
            MemoryRegistrations(),
            MemoryTenants(),
            FakeClientDirectory(self.ready),
        )
        randomness, signer = SeededRandomness(), RegistrationAssertionSigner(_no_kms)
        registrations.put(self.ready.registration, binding=self.ready.binding, expected_version=None)
        now = clock.now()
        tenants.put(
            Tenant(tenant_id=TENANT, name="Acme", return_urls=(RETURN_URL,), created_at=now, updated_at=now),
            replacing=None,
        )
        authorizations, devices = MemoryAuthorizations(), MemoryDevices()
        establishing = EstablishDependencies(
            store=self.store,
            sealer=self.sealer,
            transport=self.transport,
            signer=signer,
            publisher=self.publisher,
            clock=clock,
            randomness=randomness,
            timing=API_TIMING,
            minimum_published_lifetime_seconds=PUBLISHED_FROM_SECONDS,
        )
        self.starting = StartDependencies(
            tenants=tenants,
            registrations=registrations,
            directory=directory,
            authorizations=authorizations,
            sealer=self.sealer,
            transport=self.transport,
            signer=signer,
            clock=clock,
            randomness=randomness,
            timing=API_TIMING,
            minimum_published_lifetime_seconds=PUBLISHED_FROM_SECONDS,
        )
        self.receiving = CallbackDependencies(
            authorizations=authorizations,
            registrations=registrations,
            catalogue=OneProvider(self.provider),
            sealer=self.sealer,
            clock=clock,
        )
        self.completing = CompleteDependencies(
            authorizations=authorizations, directory=directory, establishing=establishing
        )
        self.direct = DirectDependencies(
            registrations=registrations, directory=directory, establishing=establishing
        )
        self.by_device = DeviceDependencies(
            registrations=registrations, directory=directory, devices=devices, establishing=establishing
        )
        self.refreshing = RefreshDependencies(
            store=self.store,
            directory=directory,
            sealer=self.sealer,
            transport=self.transport,
            signer=signer,
            publisher=self.publisher,
            rescue=FakeRescueSink(clock),
            clock=clock,
            randomness=randomness,
            timing=TIMING,
        )
        self.queue = FakeHintQueue(clock)
        self.reading = ReadDependencies(
            refreshing=replace(self.refreshing, timing=API_TIMING), queue=self.queue
        )

    def wish(self, parameters: dict[str, str], policy: RefreshPolicy | None = None) -> ConnectionWish:
        """A new account each time, so that nothing is a reconnect by chance."""
        self.accounts += 1
        return ConnectionWish(
            tenant_id=TENANT,
            provider_id=self.ready.provider.provider_id,
            user_id=USER,
            account=f"account-{self.accounts}",
            parameters=parameters,
            policy=policy,
        )

    def start(self, wish: ConnectionWish, user_token: str | None = None) -> StartedAuthorization:
        return start_authorization(
            self.starting,
            wish,
            return_url=RETURN_URL,
            base_url=BASE_URL,
            user_token=user_token,
            invocation=self.invocation(API_TIMING),
        )

    def come_back(self, raw: str) -> tuple[CallbackStatus, str]:
        """The browser's way back; returns how it stands, and the session to complete."""
        received = receive_callback(self.receiving, registration_id=REGISTRATION, raw_parameters=raw)
        told = dict(parse_qsl(urlsplit(received.location).query))
        return received.status, told.get("session_uri", "")

    def complete(self, session_uri: str) -> Connection:
        established = complete_authorization(
            self.completing,
            tenant_id=TENANT,
            session_uri=session_uri,
            user_id=USER,
            invocation=self.invocation(API_TIMING),
        )
        return established.connection

    def connect_directly(self, wish: ConnectionWish, grant: str, given: dict[str, str]) -> Connection:
        direct = DirectGrant(grant=Grant(grant), given=given)
        return connect_directly(self.direct, wish, direct, invocation=self.invocation(API_TIMING)).connection

    def start_device(self, wish: ConnectionWish):
        return start_device(self.by_device, wish, invocation=self.invocation(API_TIMING))

    def poll_device(self, session_uri: str) -> Connection | StillPending:
        result = poll_device(
            self.by_device,
            tenant_id=TENANT,
            session_uri=session_uri,
            user_id=USER,
            invocation=self.invocation(API_TIMING),
        )
        return result if isinstance(result, StillPending) else result.connection

    def attend(self, row: Connection, *, asked: bool = False) -> RefreshResult:
        """What a worker does when the row is due, or a reader asked."""
        hint = Hint(
            key=row.key,
            epoch=row.epoch,
            generation=row.generation,
            provider_id=row.provider_id,
            registration_id=row.registration_id,
            key_id=row.sealed.key_id if row.sealed else "",
            asked=asked,
        )
        return attend_connection(self.refreshing, hint, invocation=self.invocation(TIMING))

    def read(self, row: Connection) -> TokenRead:
        return read_token(self.reading, row.key, invocation=self.invocation(API_TIMING))

    def disconnect(self, row: Connection) -> Connection:
        return disconnect_connection(self.refreshing, row.key, invocation=self.invocation(API_TIMING))

    def token_set(self, row: Connection) -> TokenSet:
        """What the row holds, opened."""
        assert row.sealed is not None
        purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
        return decode_token_set(self.sealer.open(row.tenant_id, purpose, row.sealed))

    def invocation(self, timing: Timing) -> Invocation:
        ends_at = self.clock.monotonic() + timing.function_timeout_seconds
        return Invocation(started_at=self.clock.now(), ends_at=ends_at)
