"""One provider's simulated server and our service, in one virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evertoken.catalogue.loader import parse_provider
from evertoken.domain.provider import Provider
from tests.conformance.authorization_server import AuthorizationServer
from tests.conformance.client_registration import register
from tests.conformance.entry_document import Entry
from tests.conformance.loopback import MemoryTransport, over_http
from tests.conformance.requested_scopes import SCOPES
from tests.conformance.service import REDIRECT_URI, Service
from tests.conformance.simulated_client import SimulatedClient
from tests.conformance.template_values import choose_values
from tests.fakes.clock import FakeClock


@dataclass
class World:
    """What a run happens in."""

    clock: FakeClock
    server: AuthorizationServer
    service: Service


@dataclass(frozen=True)
class Trial:
    """A server that speaks *entry*, and a client that was told *document* (the same, unless it is a mutant's)."""

    entry: Entry
    document: dict[str, Any] | None = None
    over_http: bool = True
    keeps_lifecycle: bool = False
    """Else a retired provider is connected to all the same: its facts are still facts."""
    leaves_out_defaults: bool = False
    """Nobody gives a parameter that has a default."""

    @cached_property
    def provider(self) -> Provider:
        """What our parser makes of the client's document."""
        document = dict(self.document or self.entry.document)
        if not self.keeps_lifecycle:
            document.pop("lifecycle", None)
        return parse_provider(document, provider_id=self.entry.provider_id)

    @contextmanager
    def world(self, method: str | None = None) -> Iterator[World]:
        """A new server and a new service."""
        clock = FakeClock()
        client = SimulatedClient(self.entry, method or self.entry.methods[0])
        values = choose_values(self.entry, leaves_out_defaults=self.leaves_out_defaults)
        server = AuthorizationServer(self.entry, client, values, clock.seconds, REDIRECT_URI)
        ready = register(self.provider, client, values.registration, SCOPES, clock)
        leading = over_http(server.answer) if self.over_http else nullcontext(MemoryTransport(server.answer))
        with leading as transport:
            yield World(clock=clock, server=server, service=Service(clock, self.provider, ready, transport))
