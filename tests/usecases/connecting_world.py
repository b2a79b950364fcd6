"""The use cases of connecting on fakes: a tenant, one client registration, and a provider that answers as told."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from evertoken.catalogue.provider_directory import ProviderDirectory
from evertoken.domain.authorization import Tenant
from evertoken.domain.http import HttpAnswer, HttpRequest
from evertoken.domain.ready_client import ReadyClient
from evertoken.domain.registration import ClientRegistration
from evertoken.domain.token_set_codec import decode_token_set, token_set_purpose
from evertoken.usecases.complete_authorization import CompleteDependencies, complete_authorization
from evertoken.usecases.connect_by_device import DeviceDependencies, start_device
from evertoken.usecases.connect_directly import DirectDependencies, DirectGrant, connect_directly
from evertoken.usecases.connection_wish import ConnectionWish
from evertoken.usecases.invocation import Invocation, Timing
from evertoken.usecases.poll_device import poll_device
from evertoken.usecases.prepare_target import EstablishDependencies
from evertoken.usecases.receive_callback import CallbackDependencies, receive_callback
from evertoken.usecases.start_authorization import StartDependencies, start_authorization
from tests.fakes.authorizations import MemoryAuthorizations
from tests.fakes.client_directory import FakeClientDirectory
from tests.fakes.clock import FakeClock
from tests.fakes.connection_store import FakeConnectionStore
from tests.fakes.devices import MemoryDevices
from tests.fakes.directory import MemoryOperatorProviders, MemoryRegistrations, MemoryTenants
from tests.fakes.publisher import FakePublisher
from tests.fakes.randomness import SeededRandomness
from tests.fakes.sealer import FakeSealer
from tests.fakes.signer import FakeAssertionSigner

RETURN_URL = "https://app.example/back"
DOCUMENT = {
    "extends": "oauth2",
    "name": "Fake",
    "endpoints": {"authorization": "https://as.example/authorize", "token": "https://as.example/token"},
}
ISSUED = {
    "access_token": "canary-access",
    "refresh_token": "canary-refresh",
    "token_type": "Bearer",
    "expires_in": 3600,
}


def answer(status=200, **body):
    return HttpAnswer(
        status=status, headers={"content-type": "application/json"}, body=json.dumps(body).encode()
    )


def issued(**changes):
    """What the provider issues; a member that is None is left out."""
    return answer(**{name: value for name, value in {**ISSUED, **changes}.items() if value is not None})


def form_of(request):
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


@dataclass
class CannedTransport:
    """A provider that answers as told, and issues a token set when it was told nothing."""

    exchanges: list = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    def send(self, request, *, timeout_seconds):
        assert timeout_seconds > 0
        self.requests.append(request)
        exchange = self.exchanges.pop(0) if self.exchanges else issued()
        return exchange() if callable(exchange) else exchange


class World:
    """The use cases of connecting, on fakes. *registration* changes the fields of the client registration."""

    def __init__(self, document=None, *, client_secret="s", private_key=None, **registration):
        self.clock = FakeClock()
        self.transport, self.store = CannedTransport(), FakeConnectionStore(self.clock)
        self.publisher, self.sealer = FakePublisher(self.clock), FakeSealer(self.clock)
        self.signer, self.own, self.registrations = (
            FakeAssertionSigner(),
            MemoryOperatorProviders(),
            MemoryRegistrations(),
        )
        self.catalogue = ProviderDirectory(self.own)
        now = self.clock.now()
        self.registration = ClientRegistration(
            **{
                "registration_id": "fake-acme",
                "provider_id": "fake",
                "client_id": "c",
                "tenants": ("acme",),
                "scopes": ("read",),
                "has_secret": client_secret is not None,
                "created_at": now,
                "updated_at": now,
                **registration,
            }
        )
        self._secrets = {"client_secret": client_secret, "private_key": private_key}
        self.directory = FakeClientDirectory()
        self.put_provider(document or DOCUMENT)
        tenants = MemoryTenants()
        tenants.put(
            Tenant(tenant_id="acme", name="Acme", return_urls=(RETURN_URL,), created_at=now, updated_at=now),
            replacing=None,
        )
        self.authorizations, self.devices = MemoryAuthorizations(), MemoryDevices()
        randomness = SeededRandomness()
        timing = Timing(function_timeout_seconds=28, http_total_seconds=12, commit_budget_seconds=5)
        self.starting = StartDependencies(
            tenants=tenants,
            registrations=self.registrations,
            directory=self.directory,
            authorizations=self.authorizations,
            sealer=self.sealer,
            transport=self.transport,
            signer=self.signer,
            clock=self.clock,
            randomness=randomness,
            timing=timing,
            minimum_published_lifetime_seconds=900,
        )
        self.receiving = CallbackDependencies(
            authorizations=self.authorizations,
            registrations=self.registrations,
            catalogue=self.catalogue,
            sealer=self.sealer,
            clock=self.clock,
        )
        self.establishing = EstablishDependencies(
            store=self.store,
            sealer=self.sealer,
            transport=self.transport,
            signer=self.signer,
            publisher=self.publisher,
            clock=self.clock,
            randomness=randomness,
            timing=timing,
            minimum_published_lifetime_seconds=900,
        )
        self.completing = CompleteDependencies(
            authorizations=self.authorizations, directory=self.directory, establishing=self.establishing
        )
        self.direct = DirectDependencies(
            registrations=self.registrations, directory=self.directory, establishing=self.establishing
        )
        self.by_device = DeviceDependencies(
            registrations=self.registrations,
            directory=self.directory,
            devices=self.devices,
            establishing=self.establishing,
        )
        self.session_uri = self.state = ""

    def put_provider(self, document):
        """What an operator does: the provider's entry is another one from now on."""
        self.own.put("fake", document, self.clock.now())
        self.catalogue = ProviderDirectory(self.own)
        provider = self.catalogue.get("fake").filled(
            self.registration.parameters, by_operator=True, whole=False
        )
        ready = ReadyClient(provider=provider, registration=self.registration, **self._secrets)
        self.directory.put(ready)
        known = self.registrations.find("fake-acme")
        if known is None:
            self.registrations.put(self.registration, binding=ready.binding, expected_version=None)

    def invocation(self, seconds=25.0):
        return Invocation(started_at=self.clock.now(), ends_at=self.clock.monotonic() + seconds)

    def wish(self, **wish):
        return ConnectionWish(**{"tenant_id": "acme", "provider_id": "fake", "user_id": "ann", **wish})

    def start(self, *, user_token=None, **wish):
        started = start_authorization(
            self.starting,
            self.wish(**wish),
            return_url=RETURN_URL,
            base_url="https://api.example",
            user_token=user_token,
            invocation=self.invocation(),
        )
        self.session_uri = started.session_uri
        query = dict(parse_qsl(urlsplit(started.authorization_url).query))
        self.state = query.get("state", "")
        return started

    def come_back(self, more="", *, code="code=canary-code"):
        raw = f"state={self.state}&{code}{more}"
        return receive_callback(self.receiving, registration_id="fake-acme", raw_parameters=raw).status

    def complete(self, *, seconds=25.0, user_id="ann"):
        return complete_authorization(
            self.completing,
            tenant_id="acme",
            session_uri=self.session_uri,
            user_id=user_id,
            invocation=self.invocation(seconds),
        )

    def connect(self, more="", **wish):
        """Walk the whole way."""
        self.start(**wish)
        assert self.come_back(more) == "returned"
        return self.complete()

    def run(self, grant, given=None, **wish):
        """Connect without a browser."""
        return connect_directly(
            self.direct,
            self.wish(**wish),
            DirectGrant(grant=grant, given=given or {}),
            invocation=self.invocation(),
        )

    def start_device(self, **wish):
        started = start_device(self.by_device, self.wish(**wish), invocation=self.invocation())
        self.session_uri = started.session_uri
        return started

    def poll(self, *, user_id="ann", tenant_id="acme"):
        return poll_device(
            self.by_device,
            tenant_id=tenant_id,
            session_uri=self.session_uri,
            user_id=user_id,
            invocation=self.invocation(),
        )

    def stored(self, connection):
        """The token set of a connection, unsealed."""
        row = self.store.get(connection.key)
        purpose = token_set_purpose(row.connection_id, row.epoch, row.generation)
        return decode_token_set(self.sealer.open(row.tenant_id, purpose, row.sealed))

    def basic(self, request):
        """The user name and password of a request's HTTP Basic."""
        return base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
