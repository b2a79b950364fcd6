"""Tenants, API clients, client registrations and the operators' providers, in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evertoken.domain.authorization import ApiClient, Revoked, Tenant
from evertoken.domain.errors import ConflictError
from evertoken.domain.external_identity import IamRole, OidcBinding, parse_role_arn
from evertoken.domain.registration import ClientRegistration, ClientSecrets


@dataclass
class MemoryTenants:
    """`TenantStore`."""

    tenants: dict[str, Tenant] = field(default_factory=dict)

    def find(self, tenant_id: str) -> Tenant | None:
        return self.tenants.get(tenant_id)

    def put(self, tenant: Tenant, *, replacing: Tenant | None) -> bool:
        stored = self.tenants.get(tenant.tenant_id)
        if (stored and stored.updated_at) != (replacing and replacing.updated_at):
            return False
        self.tenants[tenant.tenant_id] = tenant
        return True

    def delete(self, tenant_id: str) -> bool:
        return self.tenants.pop(tenant_id, None) is not None

    def list_all(self) -> tuple[Tenant, ...]:
        return tuple(self.tenants[tenant_id] for tenant_id in sorted(self.tenants))


@dataclass
class MemoryApiClients:
    """`ApiClientStore`."""

    clients: dict[str, ApiClient] = field(default_factory=dict)

    def find(self, client_id: str) -> ApiClient | None:
        return self.clients.get(client_id)

    def find_by_role(self, role: IamRole) -> ApiClient | None:
        return next((client for client in self.clients.values() if _role(client) == role), None)

    def find_oidc_bindings(self, issuer: str) -> Mapping[OidcBinding, str]:
        bound = {client.oidc: client.client_id for client in self.clients.values() if client.oidc is not None}
        return {binding: client_id for binding, client_id in bound.items() if binding.issuer == issuer}

    def put(self, client: ApiClient) -> None:
        if client.client_id in self.clients:
            raise ConflictError("An API client with this id exists.")
        bound = [(_role(one), one.oidc) for one in self.clients.values()]
        if (_role(client), client.oidc) != (None, None) and (_role(client), client.oidc) in bound:
            raise ConflictError("Another API client is bound to this.")
        self.clients[client.client_id] = client

    def delete(self, client_id: str) -> bool:
        return self.clients.pop(client_id, None) is not None

    def list_all(self, tenant_id: str | None) -> tuple[ApiClient, ...]:
        clients = (self.clients[client_id] for client_id in sorted(self.clients))
        return tuple(client for client in clients if tenant_id in (None, client.tenant_id))


def _role(client: ApiClient) -> IamRole | None:
    return None if client.role_arn is None else parse_role_arn(client.role_arn)


@dataclass
class MemoryRevocations:
    """`RevocationStore`: the ends of all entries by their kind and name, and since when tenants may pass again."""

    entries: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    revoked: dict[str, datetime] = field(default_factory=dict)
    lifted: dict[str, datetime] = field(default_factory=dict)

    def revoke_client(self, client_id: str, *, until: datetime) -> None:
        self.entries["client", client_id] = until

    def revoke_tenant(self, tenant_id: str, *, now: datetime, until: datetime | None) -> None:
        self.entries["tenant", tenant_id] = until
        self.revoked[tenant_id] = now
        self.lifted.pop(tenant_id, None)

    def lift_tenant(self, tenant_id: str, *, now: datetime, until: datetime) -> None:
        if tenant_id in self.revoked and self.revoked[tenant_id] <= now and tenant_id not in self.lifted:
            self.entries["tenant", tenant_id] = until
            self.lifted[tenant_id] = now

    def read_all(self) -> Revoked:
        return Revoked(
            clients=frozenset(name for kind, name in self.entries if kind == "client"),
            tenants={name: self.lifted.get(name) for kind, name in self.entries if kind == "tenant"},
        )


@dataclass
class MemoryRegistrations:
    """`RegistrationStore`."""

    registrations: dict[str, ClientRegistration] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)

    def find(self, registration_id: str) -> ClientRegistration | None:
        return self.registrations.get(registration_id)

    def put(self, registration: ClientRegistration, *, binding: str, expected_version: int | None) -> None:
        name = registration.registration_id
        stored = self.registrations.get(name)
        if (None if stored is None else stored.version) != expected_version:
            raise ConflictError("This client registration was changed meanwhile.")
        if self.bindings.get(binding, name) != name:
            raise ConflictError("Another client registration already uses this client.")
        self._free(name)
        self.bindings[binding] = name
        self.registrations[name] = registration

    def delete(self, registration_id: str) -> bool:
        self._free(registration_id)
        return self.registrations.pop(registration_id, None) is not None

    def list_all(self) -> tuple[ClientRegistration, ...]:
        return tuple(self.registrations[name] for name in sorted(self.registrations))

    def _free(self, registration_id: str) -> None:
        self.bindings = {binding: name for binding, name in self.bindings.items() if name != registration_id}


@dataclass
class MemoryRegistrationSecrets:
    """`RegistrationSecrets`."""

    secrets: dict[str, ClientSecrets] = field(default_factory=dict, repr=False)

    def write(self, registration_id: str, secrets: ClientSecrets) -> None:
        self.secrets[registration_id] = secrets

    def delete(self, registration_id: str) -> None:
        self.secrets.pop(registration_id, None)


@dataclass
class MemoryOperatorProviders:
    """`OperatorProviders`."""

    documents: dict[str, str] = field(default_factory=dict)

    def find(self, provider_id: str) -> dict[str, object] | None:
        document = self.documents.get(provider_id)
        return None if document is None else json.loads(document)

    def put(self, provider_id: str, document: dict[str, object], now: datetime) -> None:
        del now
        self.documents[provider_id] = json.dumps(document)

    def delete(self, provider_id: str) -> bool:
        return self.documents.pop(provider_id, None) is not None

    def list_ids(self) -> tuple[str, ...]:
        return tuple(sorted(self.documents))
