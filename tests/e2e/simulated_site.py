"""A provider made from its document, which refuses whatever the document does not say, on this machine and known to an installation."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.authorization_server import SUBJECT, AuthorizationServer
from tests.conformance.calls import Call, Reply
from tests.conformance.entry_document import Entry
from tests.conformance.loopback import Loopback
from tests.conformance.requested_scopes import SCOPES
from tests.conformance.simulated_client import SIGNING, SimulatedClient, private_key_pem
from tests.conformance.template_values import choose_values, fill
from tests.conformance.wanted_parameters import PASSWORD, SUBJECT_TOKEN, USER_TOKEN
from tests.e2e.canaries import SHORTEST
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, new_name

ORIGIN = "https://as.example"
"""Where the documents of these tests have their endpoints, until it is known on which port they are."""
_JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


@dataclass
class OwnClient(SimulatedClient):
    """A client whose secret nobody else has, so that it can be looked for."""

    own_secret: str = field(default="", kw_only=True, repr=False)
    own_public_key: Any = field(default=None, kw_only=True)
    """Of a private key that is not here."""

    @property
    def secret(self) -> str:
        return self.own_secret

    def public_key(self, algorithm: str) -> Any:
        return self.own_public_key or super().public_key(algorithm)


@dataclass(frozen=True, kw_only=True)
class SimulatedSite:
    """A running provider, and under which names the installation knows it and our client there."""

    installation: Installation
    server: AuthorizationServer
    client: OwnClient
    provider_id: str
    registration_id: str
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, call: Call) -> Reply:
        """Answer a browser or our client; the assertions that come by are looked for at the end of the run."""
        assertions = _JWT.findall(call.body.decode("latin-1"))
        self.installation.canaries.add(*assertions)
        with self.lock:
            if f"http://{call.host}{call.path}" == self._page:
                return self._consent(call)
            return self.server.answer(call)

    @property
    def _page(self) -> str:
        return fill(self.server.entry.fact("endpoints.authorization", ""), self.server.values.at_start)

    def _consent(self, call: Call) -> Reply:
        # The page wants https, which this machine alone does without.
        query = self.server.authorize(f"https://{call.host}{call.target}")
        if not query:
            return Reply(status=400)
        return Reply(status=302, headers={"location": f"{self.server.redirect_uri}?{query}"})

    @property
    def operations(self) -> list[str]:
        """What was asked of the provider and understood, in its order."""
        return [seen.operation for seen in self.server.seen]

    def accepts(self, access_token: str) -> bool:
        """Whether a call with this token would be let in now."""
        _, token = self.server.grants.issued[access_token]
        return not token.is_ended and time.time() < token.expires_at

    def end_grant(self) -> None:
        """The newest grant is over, and the client has not been told."""
        assert self.server.grants.latest is not None
        self.server.grants.latest.end()


@contextmanager
def open_simulated_site(
    installation: Installation, tenant_id: str, provider: Mapping[str, Any], **registration: Any
) -> Iterator[SimulatedSite]:
    """Run the provider of a document and make it known; *registration* is put beside what the document asks for.

    At the end nothing that the document does not describe may have been asked of it, and none of its rules be broken.
    """
    listening = Loopback()
    there = f"http://127.0.0.1:{listening.port}"
    site = _build_site(installation, json.loads(json.dumps(provider).replace(ORIGIN, there)))
    listening.answering = site.answer
    try:
        document(installation.operator.put(f"/v1/providers/{site.provider_id}", site.server.entry.document))
        body = _registration(site, tenant_id) | registration
        made = document(installation.operator.put(f"/v1/registrations/{site.registration_id}", body))
        assert made["redirect_uri"] == site.server.redirect_uri
        yield site
        assert site.server.refusals == []
        assert site.server.violations == []
    finally:
        listening.close()


def _build_site(installation: Installation, provider: dict[str, Any]) -> SimulatedSite:
    registration_id, plain = new_name("reg"), secrets.token_urlsafe(24)
    entry = Entry(provider)
    secret = f"{plain}: % + & é"  # what has to survive every encoding
    client = OwnClient(entry, entry.methods[0], own_secret=secret)
    server = AuthorizationServer(
        entry, client, choose_values(entry), time.time, installation.redirect_uri(registration_id)
    )
    # The form that `NEVER_ANSWERED` looks for in every answer of the API.
    server.grants.prefix = server.devices.prefix = f"canary{secrets.token_hex(6)}-"
    installation.canaries.add(server.grants.prefix, plain)
    installation.canaries.add_client(client.client_id, secret)
    # A log would escape what is not ASCII.
    installation.canaries.add(PASSWORD.rstrip("é"), SUBJECT, SUBJECT_TOKEN, USER_TOKEN)
    return SimulatedSite(
        installation=installation,
        server=server,
        client=client,
        provider_id=new_name("provider"),
        registration_id=registration_id,
    )


def _registration(site: SimulatedSite, tenant_id: str) -> dict[str, Any]:
    client, entry = site.client, site.server.entry
    body: dict[str, Any] = {
        "provider": site.provider_id,
        "client_id": client.client_id,
        "tenants": [tenant_id],
        "scopes": list(SCOPES),
    }
    if client.has_secret:
        body["client_secret"] = client.secret
    signs = client.method in SIGNING and client.method != "client_secret_jwt"
    if signs or "jwt_bearer" in entry.grants:
        algorithm = client.algorithm("" if signs else "jwt_bearer")
        body["signing_key"] = {"algorithm": algorithm, "key_id": "key-1"}
        body["private_key"] = private_key_pem(algorithm)
        lines = body["private_key"].splitlines()[1:-1]
        site.installation.canaries.add(*(line for line in lines if len(line) >= SHORTEST))
    return body
