"""API clients: the programs of a tenant, by a secret, an IAM role, or an external issuer's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evertoken.client.api_call import ApiCall, Repeat, given, query_of
from evertoken.client.api_decoding import answers_with, answers_with_one_of
from evertoken.client.api_route import Awaiting, Blocking, Routes, route
from evertoken.client.resources.kept import delete_call, get_call, list_call
from evertoken.client.results import ClientList, CreatedSecretClient, OidcClient, RoleClient, SecretClient

_ALL = "/v1/clients"


class ApiClientRoutes(Routes):
    """Operators only. A creation is never sent again: it would be a second client."""

    @route
    def list(self, *, tenant_id: str | None = None) -> ApiCall[ClientList]:
        """Return the API clients, of one tenant or of all."""
        return list_call("api_clients", _ALL, ClientList, query_of(tenant_id=tenant_id))

    @route
    def get(self, client_id: str) -> ApiCall[SecretClient | RoleClient | OidcClient]:
        """Return one, without its secret."""
        decode = answers_with_one_of(SecretClient | RoleClient | OidcClient)
        return get_call("api_clients", _ALL, client_id, decode)

    @route
    def create(self, tenant_id: str, *, name: str, scopes: Sequence[str]) -> ApiCall[CreatedSecretClient]:
        """Create a client with a secret, which is in this answer and never shown again."""
        return _create("create", CreatedSecretClient, given(tenant_id=tenant_id, name=name, scopes=scopes))

    @route
    def create_for_role(
        self, tenant_id: str, *, name: str, scopes: Sequence[str], role_arn: str
    ) -> ApiCall[RoleClient]:
        """Create a client that is an IAM role."""
        body = given(tenant_id=tenant_id, name=name, scopes=scopes, role_arn=role_arn)
        return _create("create_for_role", RoleClient, body)

    @route
    def create_for_issuer(
        self,
        tenant_id: str,
        *,
        name: str,
        scopes: Sequence[str],
        issuer: str,
        audience: str,
        audience_claim: str | None = None,
        subject: str | None = None,
    ) -> ApiCall[OidcClient]:
        """Create a client that an external OIDC issuer's tokens are exchanged for (docs/identity.md)."""
        oidc = given(issuer=issuer, audience=audience, audience_claim=audience_claim, subject=subject)
        body = given(tenant_id=tenant_id, name=name, scopes=scopes, oidc=oidc)
        return _create("create_for_issuer", OidcClient, body)

    @route
    def delete(self, client_id: str) -> ApiCall[None]:
        """Remove one; its access tokens are refused within a minute."""
        return delete_call("api_clients", _ALL, client_id)


class ApiClients(ApiClientRoutes, Blocking):
    """API clients, blocking."""


class AsyncApiClients(ApiClientRoutes, Awaiting):
    """API clients, awaited."""


def _create(name: str, kind: Any, body: dict[str, Any]) -> ApiCall[Any]:
    return ApiCall(
        name=f"api_clients.{name}",
        method="POST",
        path=_ALL,
        body=body,
        decode=answers_with(kind),
        repeat=Repeat.NEVER,
    )
